// SPDX-License-Identifier: Apache-2.0
// What integer products on AVX-512 share, whatever multiplies: the start, and what goes out.
#ifndef HEDDLE_KERNELS_GEMM_INT_GEMM_AVX512_INL_H_
#define HEDDLE_KERNELS_GEMM_INT_GEMM_AVX512_INL_H_

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/vectors_avx512-inl.h"

namespace heddle::core {
namespace {

// A value of which the compiler knows nothing: of equal lanes it would flip one and repeat that,
// two instructions more for each product than a flip that reads its operand repeated.
inline __m512i Opaque(__m512i v) {
  asm("" : "+v"(v));
  return v;
}

template <GemmForm kForm>
struct IntAvx512 {
  using Acc = __m512i;
  using A = __m512i;
  using W = __m512i;
  static constexpr int kLanes = 16, kMaxRows = 12, kWideRows = 6;

  const GemmCall& call;
  const __m512i flip;
  explicit IntAvx512(const GemmCall& c)
      : call(c), flip(Opaque(_mm512_set1_epi32(static_cast<int32_t>(c.flip)))) {}

  Acc Init(int row, int64_t column) const {
    const __m512i sums = _mm512_loadu_si512(static_cast<const int32_t*>(call.init) + column);
    if constexpr (kForm == GemmForm::kIntScaled)
      return _mm512_mullo_epi32(sums, _mm512_set1_epi32(call.row_init[row]));
    if (!call.row_init) return sums;
    return _mm512_add_epi32(sums, _mm512_set1_epi32(call.row_init[row]));
  }
  void Store(Acc acc, int row, int64_t column, int64_t count) const {
    const __mmask16 lanes = FirstLanes16(count);
    std::byte* out = call.out + row * call.out_stride;
    if constexpr (kForm == GemmForm::kIntRequant) {
      const __m512i q =
          Requant16(acc, _mm512_loadu_ps(call.scale + column), _mm512_set1_ps(call.lo),
                    _mm512_set1_ps(call.hi), _mm512_set1_epi32(call.zero));
      const __m128i bytes = _mm512_cvtepi32_epi8(q);
      // A masked store costs much more than a plain one.
      if (count >= 16) return _mm_storeu_si128(reinterpret_cast<__m128i*>(out + column), bytes);
      _mm_mask_storeu_epi8(out + column, lanes, bytes);
    } else if constexpr (kForm == GemmForm::kIntScaled) {
      const __m512 x = _mm512_cvtepi32_ps(acc), row_scale = _mm512_set1_ps(call.row_scale[row]);
      const __m512 scale = _mm512_loadu_ps(call.scale + column);
      const __m512 bias = _mm512_loadu_ps(call.bias + column);
      __m512 y = call.fused
                     ? _mm512_fmadd_ps(_mm512_mul_ps(x, row_scale), scale, bias)
                     : _mm512_add_ps(_mm512_mul_ps(x, _mm512_mul_ps(row_scale, scale)), bias);
      y = _mm512_min_ps(_mm512_set1_ps(call.hi), _mm512_max_ps(_mm512_set1_ps(call.lo), y));
      if (count >= 16) return _mm512_storeu_ps(out + column * 4, y);
      _mm512_mask_storeu_ps(out + column * 4, lanes, y);
    } else {
      _mm512_mask_storeu_epi32(out + column * 4, lanes, acc);
    }
  }
};

// Rows are int16: bytes widened, or values.
template <GemmForm kForm>
struct IntPairsAvx512 : IntAvx512<kForm> {
  static constexpr int kGroupBytes = 32;
  using IntAvx512<kForm>::IntAvx512;

  __m512i Row(const std::byte* a) const {
    int32_t pair;
    __builtin_memcpy(&pair, a, 4);
    return _mm512_set1_epi32(pair);
  }
  __m512i Weights(const std::byte* w) const {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(w)));
  }
};

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_INT_GEMM_AVX512_INL_H_
