// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/depthwise-inl.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/vectors_avx512-inl.h"

namespace heddle::core {
namespace {

// 64 channels.
struct Wide {
  using V = __m512i;
  static constexpr int kChannels = 64;

  static V Load(const void* p) { return _mm512_loadu_si512(p); }
  static V LoadFirst(const void* p, int64_t n) { return _mm512_maskz_loadu_epi8(First(n), p); }
  static void Store(void* p, V v) { _mm512_storeu_si512(p, v); }
  static void StoreFirst(void* p, int64_t n, V v) { _mm512_mask_storeu_epi8(p, First(n), v); }
  static __mmask64 First(int64_t n) { return n >= 64 ? ~__mmask64{0} : (__mmask64{1} << n) - 1; }
  static V Set(uint32_t x) { return _mm512_set1_epi32(static_cast<int32_t>(x)); }
  static V Xor(V a, V b) { return _mm512_xor_si512(a, b); }
  static V Shift(V a) { return _mm512_slli_epi32(a, 8); }
  static V Lo8(V a, V b) { return _mm512_unpacklo_epi8(a, b); }
  static V Hi8(V a, V b) { return _mm512_unpackhi_epi8(a, b); }
  static V Lo16(V a, V b) { return _mm512_unpacklo_epi16(a, b); }
  static V Hi16(V a, V b) { return _mm512_unpackhi_epi16(a, b); }
  static V Dot(V acc, V x, V w) { return _mm512_dpbusd_epi32(acc, x, w); }
  static V Scale(V acc, const float* scale, float hi) {
    const __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), _mm512_loadu_ps(scale));
    return _mm512_cvtps_epi32(_mm512_min_ps(y, _mm512_set1_ps(hi)));
  }
  static V Pack32(V a, V b, int32_t zero) {
    return _mm512_adds_epi16(_mm512_packs_epi32(a, b),
                             _mm512_set1_epi16(static_cast<int16_t>(zero)));
  }
  static V Pack16(V a, V b, int32_t lo) {
    return _mm512_max_epi8(_mm512_packs_epi16(a, b), _mm512_set1_epi8(static_cast<int8_t>(lo)));
  }
};

// 32 channels: what is left of them after whole blocks.
struct Narrow {
  using V = __m256i;
  static constexpr int kChannels = 32;

  static V Load(const void* p) { return _mm256_loadu_si256(static_cast<const V*>(p)); }
  static V LoadFirst(const void* p, int64_t n) { return _mm256_maskz_loadu_epi8(First(n), p); }
  static void Store(void* p, V v) { _mm256_storeu_si256(static_cast<V*>(p), v); }
  static void StoreFirst(void* p, int64_t n, V v) { _mm256_mask_storeu_epi8(p, First(n), v); }
  static __mmask32 First(int64_t n) { return n >= 32 ? ~__mmask32{0} : (__mmask32{1} << n) - 1; }
  static V Set(uint32_t x) { return _mm256_set1_epi32(static_cast<int32_t>(x)); }
  static V Xor(V a, V b) { return _mm256_xor_si256(a, b); }
  static V Shift(V a) { return _mm256_slli_epi32(a, 8); }
  static V Lo8(V a, V b) { return _mm256_unpacklo_epi8(a, b); }
  static V Hi8(V a, V b) { return _mm256_unpackhi_epi8(a, b); }
  static V Lo16(V a, V b) { return _mm256_unpacklo_epi16(a, b); }
  static V Hi16(V a, V b) { return _mm256_unpackhi_epi16(a, b); }
  static V Dot(V acc, V x, V w) { return _mm256_dpbusd_epi32(acc, x, w); }
  static V Scale(V acc, const float* scale, float hi) {
    const __m256 y = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), _mm256_loadu_ps(scale));
    return _mm256_cvtps_epi32(_mm256_min_ps(y, _mm256_set1_ps(hi)));
  }
  static V Pack32(V a, V b, int32_t zero) {
    return _mm256_adds_epi16(_mm256_packs_epi32(a, b),
                             _mm256_set1_epi16(static_cast<int16_t>(zero)));
  }
  static V Pack16(V a, V b, int32_t lo) {
    return _mm256_max_epi8(_mm256_packs_epi16(a, b), _mm256_set1_epi8(static_cast<int8_t>(lo)));
  }
};

// Four taps at a time: their bytes interleaved, channel by channel. Within a 128-bit lane of 16
// channels, vector i holds channels 4i to 4i + 3, and packing in order undoes that.
template <class S, bool kRequant>
struct Quads {
  struct Four {
    typename S::V v[4];
  };
  using Acc = Four;
  using X = Four;
  using W = Four;
  static constexpr int kLanes = S::kChannels, kTaps = 4, kGroupBytes = 256, kInputBytes = 1;
  static constexpr int kPixels = 4;
  static constexpr DepthwiseSharing kSharing = DepthwiseSharing::kPairs;

  const DepthwiseCall& call;
  const typename S::V flip;
  explicit Quads(const DepthwiseCall& c) : call(c), flip(S::Set(c.flip)) {}

  static Four LoadFour(const void* p) {
    const std::byte* from = static_cast<const std::byte*>(p);
    constexpr int kBytes = sizeof(typename S::V);
    return {{S::Load(from), S::Load(from + kBytes), S::Load(from + 2 * kBytes),
             S::Load(from + 3 * kBytes)}};
  }
  Acc Init(int64_t channel) const {
    return LoadFour(static_cast<const int32_t*>(call.init) + channel);
  }
  W Weights(const std::byte* w) const { return LoadFour(w); }
  // The weights of the output to the right, for the same four columns.
  W Right(const W& w) const {
    return {{S::Shift(w.v[0]), S::Shift(w.v[1]), S::Shift(w.v[2]), S::Shift(w.v[3])}};
  }
  template <bool kFull>
  X Load(const std::byte* const (&x)[4], int64_t count) const {
    typename S::V t[4];
    HEDDLE_UNROLL
    for (int i = 0; i < 4; ++i)
      t[i] = S::Xor(kFull ? S::Load(x[i]) : S::LoadFirst(x[i], count), flip);
    const typename S::V lo01 = S::Lo8(t[0], t[1]), hi01 = S::Hi8(t[0], t[1]);
    const typename S::V lo23 = S::Lo8(t[2], t[3]), hi23 = S::Hi8(t[2], t[3]);
    return {{S::Lo16(lo01, lo23), S::Hi16(lo01, lo23), S::Lo16(hi01, hi23), S::Hi16(hi01, hi23)}};
  }
  void Dot(Acc& acc, const X& x, const W& w) const {
    HEDDLE_UNROLL
    for (int i = 0; i < 4; ++i) acc.v[i] = S::Dot(acc.v[i], x.v[i], w.v[i]);
  }
  template <bool kFull>
  void Store(const Acc& acc, std::byte* out, int64_t channel, int64_t count) const {
    constexpr int kEach = kLanes / 4;
    if constexpr (kRequant) {
      // RequantFloat with its lower bounds left to saturation and to the last maximum.
      const float* scale = call.scale + channel;
      const auto a = S::Pack32(S::Scale(acc.v[0], scale, call.hi),
                               S::Scale(acc.v[1], scale + kEach, call.hi), call.zero);
      const auto b = S::Pack32(S::Scale(acc.v[2], scale + 2 * kEach, call.hi),
                               S::Scale(acc.v[3], scale + 3 * kEach, call.hi), call.zero);
      const auto q = S::Pack16(a, b, static_cast<int32_t>(call.lo) + call.zero);
      kFull ? S::Store(out + channel, q) : S::StoreFirst(out + channel, count, q);
    } else {
      HEDDLE_UNROLL
      for (int i = 0; i < 4; ++i) S::Store(out + (channel + i * kEach) * 4, acc.v[i]);
    }
  }
};

template <bool kRequant>
void Run(const DepthwiseCall& call) {
  DepthwiseRun<Quads<Wide, kRequant>, Quads<Narrow, kRequant>>(call);
}

constexpr uint8_t kWideOrder[64] = {
    0,  1,  2,  3,  16, 17, 18, 19, 32, 33, 34, 35, 48, 49, 50, 51,  //
    4,  5,  6,  7,  20, 21, 22, 23, 36, 37, 38, 39, 52, 53, 54, 55,  //
    8,  9,  10, 11, 24, 25, 26, 27, 40, 41, 42, 43, 56, 57, 58, 59,  //
    12, 13, 14, 15, 28, 29, 30, 31, 44, 45, 46, 47, 60, 61, 62, 63};
constexpr uint8_t kNarrowOrder[32] = {0, 1, 2,  3,  16, 17, 18, 19, 4,  5,  6,  7,  20, 21, 22, 23,
                                      8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31};

}  // namespace

const DepthwiseKernels kIntDepthwiseAvx512Vnni = {
    .name = "depthwise_s8_avx512vnni",
    .lanes = 64,
    .taps = 4,
    .order = kWideOrder,
    .narrow = 32,
    .narrow_order = kNarrowOrder,
    .macs_per_ns = 55,
    .first = &Run<false>,
    .second = &Run<true>,
};

}  // namespace heddle::core
