// SPDX-License-Identifier: Apache-2.0
// Integer products by VPDPBUSD, for files compiled with AVX-512 VNNI.
#ifndef HEDDLE_KERNELS_GEMM_INT_GEMM_AVX512VNNI_INL_H_
#define HEDDLE_KERNELS_GEMM_INT_GEMM_AVX512VNNI_INL_H_

#include "kernels/gemm/int_gemm_avx512-inl.h"

namespace heddle::core {
namespace {

// The products take five cycles.
struct SumsInParts {
  static __m512i Zero() { return _mm512_setzero_si512(); }
  static __m512i Join(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }
};

template <GemmForm kForm>
struct Vnni : IntAvx512<kForm>, SumsInParts {
  static constexpr int kGroupBytes = 64;
  using IntAvx512<kForm>::IntAvx512;

  __m512i Row(const std::byte* a) const {
    int32_t bytes;
    __builtin_memcpy(&bytes, a, 4);
    return _mm512_xor_si512(_mm512_set1_epi32(bytes), this->flip);
  }
  __m512i Weights(const std::byte* w) const { return _mm512_loadu_si512(w); }
  __m512i Dot(__m512i acc, __m512i a, __m512i w) const { return _mm512_dpbusd_epi32(acc, a, w); }
};

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_INT_GEMM_AVX512VNNI_INL_H_
