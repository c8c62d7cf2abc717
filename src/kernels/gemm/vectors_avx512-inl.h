// SPDX-License-Identifier: Apache-2.0
// AVX-512 pieces that products and depthwise kernels share.
#ifndef HEDDLE_KERNELS_GEMM_VECTORS_AVX512_INL_H_
#define HEDDLE_KERNELS_GEMM_VECTORS_AVX512_INL_H_

#include <immintrin.h>

#include <cstdint>

namespace heddle::core {
namespace {

inline __mmask16 FirstLanes16(int64_t count) {
  return count >= 16 ? __mmask16(0xFFFF) : static_cast<__mmask16>((1u << count) - 1);
}

// RequantFloat of 16 sums, still one int32 each; lo and hi are the output bounds less zero, so that
// nothing saturates after the rounding.
inline __m512i Requant16(__m512i acc, __m512 scale, __m512 lo, __m512 hi, __m512i zero) {
  __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), scale);
  y = _mm512_max_ps(_mm512_min_ps(y, hi), lo);
  return _mm512_add_epi32(_mm512_cvtps_epi32(y), zero);
}

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_VECTORS_AVX512_INL_H_
