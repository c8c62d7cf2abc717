// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/float_gemm_avx2-inl.h"
#include "kernels/gemm/gemm-inl.h"
#include "kernels/gemm/int_gemm_avx512-inl.h"
#include "kernels/gemm/kernels.h"

namespace heddle::core {
namespace {

template <bool kFused>
struct FloatAvx512 {
  using Acc = __m512;
  using A = __m512;
  using W = __m512;
  static constexpr int kLanes = 16, kGroupBytes = 64, kMaxRows = 12, kWideRows = 6;

  const GemmCall& call;
  explicit FloatAvx512(const GemmCall& c) : call(c) {}

  __m512 Bias(int64_t column) const {
    return _mm512_loadu_ps(static_cast<const float*>(call.init) + column);
  }
  Acc Init(int, int64_t column) const { return kFused ? Bias(column) : _mm512_setzero_ps(); }
  A Row(const std::byte* a) const {
    float x;
    __builtin_memcpy(&x, a, 4);
    return _mm512_set1_ps(x);
  }
  W Weights(const std::byte* w) const { return _mm512_loadu_ps(reinterpret_cast<const float*>(w)); }
  Acc Dot(Acc acc, A a, W w) const {
    if constexpr (kFused) return _mm512_fmadd_ps(a, w, acc);
    return _mm512_add_ps(acc, _mm512_mul_ps(a, w));
  }
  void Store(Acc acc, int row, int64_t column, int64_t count) const {
    if constexpr (!kFused) acc = _mm512_add_ps(acc, Bias(column));
    // The operand order keeps a NaN.
    acc = _mm512_min_ps(_mm512_set1_ps(call.hi), _mm512_max_ps(_mm512_set1_ps(call.lo), acc));
    float* out = reinterpret_cast<float*>(call.out + row * call.out_stride) + column;
    if (count >= 16) return _mm512_storeu_ps(out, acc);
    _mm512_mask_storeu_ps(out, FirstLanes16(count), acc);
  }
};

// The last panel and at most half of another, which has half a register: channels are a multiple of
// 8 more often than of 16, and a core that makes two of each wide instruction makes one of these.
// (Integers gain nothing: reading and flipping the row is what their products wait for.)
template <bool kFused>
struct FloatAvx512Tail : FloatAvx512<kFused> {
  using Whole = FloatAvx512<kFused>;
  using Whole::Whole;
  struct Lanes24 {
    __m512 whole;
    __m256 half;
  };
  using Acc = Lanes24;
  using W = Lanes24;
  static constexpr int kColumns = 24;

  Acc Init(int row, int64_t column) const {
    return {Whole::Init(row, column), _mm512_castps512_ps256(Whole::Init(row, column + 16))};
  }
  __m512 Row(const std::byte* a) const {
    __m512 x = Whole::Row(a);
    __asm__("" : "+v"(x));  // else compilers read and spread it once for each width
    return x;
  }
  W Weights(const std::byte* w) const {
    const auto* next = reinterpret_cast<const float*>(w + this->call.panel_bytes);
    return {Whole::Weights(w), _mm256_loadu_ps(next)};
  }
  Acc Dot(const Acc& acc, __m512 a, const W& w) const {
    const __m256 b = _mm512_castps512_ps256(a);
    const __m512 whole = Whole::Dot(acc.whole, a, w.whole);
    if constexpr (kFused) return {whole, _mm256_fmadd_ps(b, w.half, acc.half)};
    return {whole, _mm256_add_ps(acc.half, _mm256_mul_ps(b, w.half))};
  }
  void Store(const Acc& acc, int row, int64_t column, int64_t count) const {
    Whole::Store(acc.whole, row, column, 16);
    Whole::Store(_mm512_zextps256_ps512(acc.half), row, column + 16, count - 16);
  }
};

// FloatAvx512 in half registers, where there are no more outputs than that.
template <bool kFused>
struct FloatAvx512Half : FloatEight<kFused> {
  using FloatEight<kFused>::FloatEight;
  static constexpr int kMaxRows = 12, kWideRows = 6;
};

template <GemmForm kForm>
struct Pairs : IntPairsAvx512<kForm> {
  using IntPairsAvx512<kForm>::IntPairsAvx512;

  __m512i Dot(__m512i acc, __m512i a, __m512i w) const {
    return _mm512_add_epi32(acc, _mm512_madd_epi16(a, w));
  }
};

}  // namespace

const GemmKernels kFloatGemmAvx512 = {
    .name = "gemm_f32_avx512",
    .lanes = 16,
    .group_k = 1,
    .max_rows = 12,
    .macs_per_ns = 55,
    .first = &GemmRun<FloatAvx512<true>, FloatAvx512Tail<true>>,
    .second = &GemmRun<FloatAvx512<false>, FloatAvx512Tail<false>>,
};
const GemmKernels kFloatGemmAvx512Half = {
    .name = "gemm_f32_avx512h",
    .lanes = 8,
    .group_k = 1,
    .max_rows = 12,
    .macs_per_ns = 45,
    .first = &GemmRun<FloatAvx512Half<true>>,
    .second = &GemmRun<FloatAvx512Half<false>>,
};
const GemmKernels kIntGemmAvx512 = {
    .name = "gemm_s8_avx512",
    .lanes = 16,
    .group_k = 2,
    .max_rows = 12,
    .macs_per_ns = 75,
    .first = &GemmRun<Pairs<GemmForm::kIntSums>>,
    .second = &GemmRun<Pairs<GemmForm::kIntRequant>>,
    .third = &GemmRun<Pairs<GemmForm::kIntScaled>>,
};

}  // namespace heddle::core
