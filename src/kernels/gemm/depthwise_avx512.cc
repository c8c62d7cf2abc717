// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/depthwise-inl.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/vectors_avx512-inl.h"

namespace heddle::core {
namespace {

template <bool kFused>
struct FloatAvx512 {
  using Acc = __m512;
  using X = __m512;
  using W = __m512;
  static constexpr int kLanes = 16, kTaps = 1, kGroupBytes = 64, kInputBytes = 4, kPixels = 8;
  static constexpr DepthwiseSharing kSharing =
      kFused ? DepthwiseSharing::kColumns : DepthwiseSharing::kNone;

  const DepthwiseCall& call;
  explicit FloatAvx512(const DepthwiseCall& c) : call(c) {}

  __m512 Bias(int64_t channel) const {
    return _mm512_loadu_ps(static_cast<const float*>(call.init) + channel);
  }
  Acc Init(int64_t channel) const { return kFused ? Bias(channel) : _mm512_setzero_ps(); }
  template <bool kFull>
  X Load(const std::byte* const (&x)[1], int64_t count) const {
    if constexpr (kFull) return _mm512_loadu_ps(x[0]);
    return _mm512_maskz_loadu_ps(FirstLanes16(count), x[0]);
  }
  W Weights(const std::byte* w) const { return _mm512_loadu_ps(w); }
  void Dot(Acc& acc, X x, W w) const {
    acc = kFused ? _mm512_fmadd_ps(x, w, acc) : _mm512_add_ps(acc, _mm512_mul_ps(x, w));
  }
  template <bool kFull>
  void Store(Acc acc, std::byte* out, int64_t channel, int64_t count) const {
    if constexpr (!kFused) acc = _mm512_add_ps(acc, Bias(channel));
    // The operand order keeps a NaN.
    acc = _mm512_min_ps(_mm512_set1_ps(call.hi), _mm512_max_ps(_mm512_set1_ps(call.lo), acc));
    if constexpr (kFull) return _mm512_storeu_ps(out + channel * 4, acc);
    _mm512_mask_storeu_ps(out + channel * 4, FirstLanes16(count), acc);
  }
};

// Two taps at a time, widened to int16: lanes 0-3, 8-11, ... of the accumulators' first vector.
template <bool kRequant>
struct Pairs {
  struct Two {
    __m512i v[2];
  };
  using Acc = Two;
  using X = Two;
  using W = Two;
  static constexpr int kLanes = 32, kTaps = 2, kGroupBytes = 128, kInputBytes = 1, kPixels = 4;
  static constexpr DepthwiseSharing kSharing = DepthwiseSharing::kNone;

  const DepthwiseCall& call;
  const __m256i flip;
  explicit Pairs(const DepthwiseCall& c)
      : call(c), flip(_mm256_set1_epi32(static_cast<int32_t>(c.flip))) {}

  static Two LoadTwo(const void* p) {
    const std::byte* bytes = static_cast<const std::byte*>(p);
    return {{_mm512_loadu_si512(bytes), _mm512_loadu_si512(bytes + 64)}};
  }
  Acc Init(int64_t channel) const {
    return LoadTwo(static_cast<const int32_t*>(call.init) + channel);
  }
  W Weights(const std::byte* w) const { return LoadTwo(w); }
  template <bool kFull>
  X Load(const std::byte* const (&x)[2], int64_t count) const {
    const __mmask32 lanes = kFull ? ~__mmask32{0} : (__mmask32{1} << count) - 1;
    const __m512i a = Widen(_mm256_maskz_loadu_epi8(lanes, x[0]));
    const __m512i b = Widen(_mm256_maskz_loadu_epi8(lanes, x[1]));
    return {{_mm512_unpacklo_epi16(a, b), _mm512_unpackhi_epi16(a, b)}};
  }
  __m512i Widen(__m256i x) const { return _mm512_cvtepu8_epi16(_mm256_xor_si256(x, flip)); }
  void Dot(Acc& acc, X x, W w) const {
    for (int i = 0; i < 2; ++i)
      acc.v[i] = _mm512_add_epi32(acc.v[i], _mm512_madd_epi16(x.v[i], w.v[i]));
  }
  template <bool kFull>
  void Store(Acc acc, std::byte* out, int64_t channel, int64_t count) const {
    if constexpr (kRequant) {
      const __m512 lo = _mm512_set1_ps(call.lo), hi = _mm512_set1_ps(call.hi);
      const __m512i zero = _mm512_set1_epi32(call.zero);
      for (int i = 0; i < 2; ++i)
        acc.v[i] =
            Requant16(acc.v[i], _mm512_loadu_ps(call.scale + channel + i * 16), lo, hi, zero);
      const __mmask32 lanes = kFull ? ~__mmask32{0} : (__mmask32{1} << count) - 1;
      // Within a 128-bit lane the pack joins channels 8i to 8i + 3 and 8i + 4 to 8i + 7.
      _mm512_mask_cvtepi16_storeu_epi8(out + channel, lanes,
                                       _mm512_packs_epi32(acc.v[0], acc.v[1]));
    } else {
      _mm512_storeu_si512(out + channel * 4, acc.v[0]);
      _mm512_storeu_si512(out + channel * 4 + 64, acc.v[1]);
    }
  }
};

constexpr uint8_t kInOrder[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
constexpr uint8_t kPairOrder[32] = {0, 1, 2, 3, 8,  9,  10, 11, 16, 17, 18, 19, 24, 25, 26, 27,
                                    4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31};

}  // namespace

const DepthwiseKernels kFloatDepthwiseAvx512 = {
    .name = "depthwise_f32_avx512",
    .lanes = 16,
    .taps = 1,
    .order = kInOrder,
    .narrow = 0,
    .narrow_order = nullptr,
    .macs_per_ns = 35,
    .first = &DepthwiseRun<FloatAvx512<true>>,
    .second = &DepthwiseRun<FloatAvx512<false>>,
};
const DepthwiseKernels kIntDepthwiseAvx512 = {
    .name = "depthwise_s8_avx512",
    .lanes = 32,
    .taps = 2,
    .order = kPairOrder,
    .narrow = 0,
    .narrow_order = nullptr,
    .macs_per_ns = 28,
    .first = &DepthwiseRun<Pairs<false>>,
    .second = &DepthwiseRun<Pairs<true>>,
};

}  // namespace heddle::core
