// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/depthwise-inl.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/vectors_avx512-inl.h"

namespace heddle::core {
namespace {

// Four taps at a time: their bytes interleaved, channel by channel. Within a 128-bit lane of 16
// channels, vector i holds channels 4i to 4i + 3, and packing in order undoes that.
template <bool kRequant>
struct Quads {
  struct Four {
    __m512i v[4];
  };
  using Acc = Four;
  using X = Four;
  using W = Four;
  static constexpr int kLanes = 64, kTaps = 4, kGroupBytes = 256, kInputBytes = 1, kPixels = 4;
  static constexpr bool kShares = false;

  const DepthwiseCall& call;
  const __m512i flip;
  explicit Quads(const DepthwiseCall& c)
      : call(c), flip(_mm512_set1_epi32(static_cast<int32_t>(c.flip))) {}

  static Four LoadFour(const void* p) {
    Four four;
    for (int i = 0; i < 4; ++i)
      four.v[i] = _mm512_loadu_si512(static_cast<const std::byte*>(p) + i * 64);
    return four;
  }
  Acc Init(int64_t channel) const {
    return LoadFour(static_cast<const int32_t*>(call.init) + channel);
  }
  W Weights(const std::byte* w) const { return LoadFour(w); }
  template <bool kFull>
  static __mmask64 Lanes(int64_t count) {
    return kFull ? ~__mmask64{0} : (__mmask64{1} << count) - 1;
  }
  template <bool kFull>
  X Load(const std::byte* const (&x)[4], int64_t count) const {
    __m512i t[4];
    for (int i = 0; i < 4; ++i)
      t[i] = _mm512_xor_si512(_mm512_maskz_loadu_epi8(Lanes<kFull>(count), x[i]), flip);
    const __m512i lo01 = _mm512_unpacklo_epi8(t[0], t[1]), hi01 = _mm512_unpackhi_epi8(t[0], t[1]);
    const __m512i lo23 = _mm512_unpacklo_epi8(t[2], t[3]), hi23 = _mm512_unpackhi_epi8(t[2], t[3]);
    return {{_mm512_unpacklo_epi16(lo01, lo23), _mm512_unpackhi_epi16(lo01, lo23),
             _mm512_unpacklo_epi16(hi01, hi23), _mm512_unpackhi_epi16(hi01, hi23)}};
  }
  void Dot(Acc& acc, X x, W w) const {
    for (int i = 0; i < 4; ++i) acc.v[i] = _mm512_dpbusd_epi32(acc.v[i], x.v[i], w.v[i]);
  }
  template <bool kFull>
  void Store(Acc acc, std::byte* out, int64_t channel, int64_t count) const {
    if constexpr (kRequant) {
      // RequantFloat with its lower bounds left to saturation and to the last maximum.
      const __m512 hi = _mm512_set1_ps(call.hi);
      const __m512i zero = _mm512_set1_epi16(static_cast<int16_t>(call.zero));
      const __m512i lo = _mm512_set1_epi8(static_cast<int8_t>(call.lo + call.zero));
      for (int i = 0; i < 4; ++i) {
        const __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(acc.v[i]),
                                       _mm512_loadu_ps(call.scale + channel + i * 16));
        acc.v[i] = _mm512_cvtps_epi32(_mm512_min_ps(y, hi));
      }
      const __m512i a = _mm512_adds_epi16(_mm512_packs_epi32(acc.v[0], acc.v[1]), zero);
      const __m512i b = _mm512_adds_epi16(_mm512_packs_epi32(acc.v[2], acc.v[3]), zero);
      const __m512i q = _mm512_max_epi8(_mm512_packs_epi16(a, b), lo);
      if constexpr (kFull) return _mm512_storeu_si512(out + channel, q);
      _mm512_mask_storeu_epi8(out + channel, Lanes<kFull>(count), q);
    } else {
      for (int i = 0; i < 4; ++i) _mm512_storeu_si512(out + channel * 4 + i * 64, acc.v[i]);
    }
  }
};

constexpr uint8_t kQuadOrder[64] = {
    0,  1,  2,  3,  16, 17, 18, 19, 32, 33, 34, 35, 48, 49, 50, 51,  //
    4,  5,  6,  7,  20, 21, 22, 23, 36, 37, 38, 39, 52, 53, 54, 55,  //
    8,  9,  10, 11, 24, 25, 26, 27, 40, 41, 42, 43, 56, 57, 58, 59,  //
    12, 13, 14, 15, 28, 29, 30, 31, 44, 45, 46, 47, 60, 61, 62, 63};

}  // namespace

const DepthwiseKernels kIntDepthwiseAvx512Vnni = {
    "depthwise_s8_avx512vnni", 64, 4, kQuadOrder, 60, &DepthwiseRun<Quads<false>>,
    &DepthwiseRun<Quads<true>>};

}  // namespace heddle::core
