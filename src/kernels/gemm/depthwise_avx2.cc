// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/depthwise-inl.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/vectors_avx2-inl.h"

namespace heddle::core {
namespace {

template <bool kFused>
struct FloatAvx2 {
  using Acc = __m256;
  using X = __m256;
  using W = __m256;
  static constexpr int kLanes = 8, kTaps = 1, kGroupBytes = 32, kInputBytes = 4, kPixels = 4;
  static constexpr DepthwiseSharing kSharing =
      kFused ? DepthwiseSharing::kColumns : DepthwiseSharing::kNone;

  const DepthwiseCall& call;
  explicit FloatAvx2(const DepthwiseCall& c) : call(c) {}

  __m256 Bias(int64_t channel) const {
    return _mm256_loadu_ps(static_cast<const float*>(call.init) + channel);
  }
  Acc Init(int64_t channel) const { return kFused ? Bias(channel) : _mm256_setzero_ps(); }
  template <bool kFull>
  X Load(const std::byte* const (&x)[1], int64_t count) const {
    const float* from = reinterpret_cast<const float*>(x[0]);
    return kFull ? _mm256_loadu_ps(from) : _mm256_maskload_ps(from, FirstLanes8(count));
  }
  W Weights(const std::byte* w) const { return _mm256_loadu_ps(reinterpret_cast<const float*>(w)); }
  void Dot(Acc& acc, X x, W w) const {
    acc = kFused ? _mm256_fmadd_ps(x, w, acc) : _mm256_add_ps(acc, _mm256_mul_ps(x, w));
  }
  template <bool kFull>
  void Store(Acc acc, std::byte* out, int64_t channel, int64_t count) const {
    if constexpr (!kFused) acc = _mm256_add_ps(acc, Bias(channel));
    // The operand order keeps a NaN.
    acc = _mm256_min_ps(_mm256_set1_ps(call.hi), _mm256_max_ps(_mm256_set1_ps(call.lo), acc));
    StoreFloats(reinterpret_cast<float*>(out) + channel, acc, kFull ? 8 : count);
  }
};

// Two taps at a time, widened to int16 and interleaved: the first vector of a block's accumulators
// holds channels 0-3 and 8-11, the second the others.
template <bool kRequant>
struct Pairs {
  struct Two {
    __m256i v[2];
  };
  using Acc = Two;
  using X = Two;
  using W = Two;
  static constexpr int kLanes = 16, kTaps = 2, kGroupBytes = 64, kInputBytes = 1, kPixels = 2;
  static constexpr DepthwiseSharing kSharing = DepthwiseSharing::kNone;

  const DepthwiseCall& call;
  const __m128i flip;
  explicit Pairs(const DepthwiseCall& c)
      : call(c), flip(_mm_set1_epi32(static_cast<int32_t>(c.flip))) {}

  static Two LoadTwo(const void* p) {
    const auto* v = static_cast<const __m256i*>(p);
    return {{_mm256_loadu_si256(v), _mm256_loadu_si256(v + 1)}};
  }
  Acc Init(int64_t channel) const {
    return LoadTwo(static_cast<const int32_t*>(call.init) + channel);
  }
  W Weights(const std::byte* w) const { return LoadTwo(w); }
  template <bool kFull>
  X Load(const std::byte* const (&x)[2], int64_t count) const {
    const __m256i a = Widen(LoadBytes(x[0], kFull ? 16 : count));
    const __m256i b = Widen(LoadBytes(x[1], kFull ? 16 : count));
    return {{_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)}};
  }
  __m256i Widen(__m128i x) const { return _mm256_cvtepu8_epi16(_mm_xor_si128(x, flip)); }
  void Dot(Acc& acc, X x, W w) const {
    for (int i = 0; i < 2; ++i)
      acc.v[i] = _mm256_add_epi32(acc.v[i], _mm256_madd_epi16(x.v[i], w.v[i]));
  }
  template <bool kFull>
  void Store(Acc acc, std::byte* out, int64_t channel, int64_t count) const {
    if constexpr (kRequant) {
      const __m256 lo = _mm256_set1_ps(call.lo), hi = _mm256_set1_ps(call.hi);
      const __m256i zero = _mm256_set1_epi32(call.zero);
      for (int i = 0; i < 2; ++i)
        acc.v[i] = Requant8(acc.v[i], _mm256_loadu_ps(call.scale + channel + i * 8), lo, hi, zero);
      const __m128i bytes = LowBytes(acc.v[0], acc.v[1]);
      if (kFull) return _mm_storeu_si128(reinterpret_cast<__m128i*>(out + channel), bytes);
      StoreBytes<16>(out + channel, bytes, count);
    } else {
      auto* sums = reinterpret_cast<__m256i*>(out + channel * 4);
      _mm256_storeu_si256(sums, acc.v[0]);
      _mm256_storeu_si256(sums + 1, acc.v[1]);
    }
  }
};

constexpr uint8_t kInOrder[8] = {0, 1, 2, 3, 4, 5, 6, 7};
constexpr uint8_t kPairOrder[16] = {0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15};

}  // namespace

const DepthwiseKernels kFloatDepthwiseAvx2 = {
    .name = "depthwise_f32_avx2",
    .lanes = 8,
    .taps = 1,
    .order = kInOrder,
    .narrow = 0,
    .narrow_order = nullptr,
    .macs_per_ns = 20,
    .first = &DepthwiseRun<FloatAvx2<true>>,
    .second = &DepthwiseRun<FloatAvx2<false>>,
};
const DepthwiseKernels kIntDepthwiseAvx2 = {
    .name = "depthwise_s8_avx2",
    .lanes = 16,
    .taps = 2,
    .order = kPairOrder,
    .narrow = 0,
    .narrow_order = nullptr,
    .macs_per_ns = 15,
    .first = &DepthwiseRun<Pairs<false>>,
    .second = &DepthwiseRun<Pairs<true>>,
};

}  // namespace heddle::core
