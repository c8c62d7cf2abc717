// SPDX-License-Identifier: Apache-2.0
// Integer products by VPDPBUSD on 256 bits, over a type Multiply whose Dot(acc, a, w) it is: in the
// encoding of AVX-VNNI, or of AVX-512 in tests.
#ifndef HEDDLE_KERNELS_GEMM_INT_GEMM_AVXVNNI_INL_H_
#define HEDDLE_KERNELS_GEMM_INT_GEMM_AVXVNNI_INL_H_

#include "kernels/gemm/gemm-inl.h"
#include "kernels/gemm/int_gemm_avx2-inl.h"

namespace heddle::core {
namespace {

// As in AVX-512: a flip of equal lanes would go through a general register for each product.
inline __m256i Opaque8(__m256i v) {
  asm("" : "+x"(v));
  return v;
}

template <GemmForm kForm, class Multiply>
struct Quads : IntAvx2<kForm> {
  static constexpr int kGroupBytes = 32;

  const __m256i flip;
  explicit Quads(const GemmCall& c)
      : IntAvx2<kForm>(c), flip(Opaque8(_mm256_set1_epi32(static_cast<int32_t>(c.flip)))) {}

  __m256i Row(const std::byte* a) const {
    int32_t bytes;
    __builtin_memcpy(&bytes, a, 4);
    return _mm256_xor_si256(_mm256_set1_epi32(bytes), flip);
  }
  __m256i Weights(const std::byte* w) const {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
  }
  __m256i Dot(__m256i acc, __m256i a, __m256i w) const { return Multiply::Dot(acc, a, w); }
};

template <class Multiply>
constexpr GemmKernels QuadKernels(const char* name) {
  return {
      .name = name,
      .lanes = 8,
      .group_k = 4,
      .max_rows = 6,
      .macs_per_ns = 140,
      .first = &GemmRun<Quads<GemmForm::kIntSums, Multiply>>,
      .second = &GemmRun<Quads<GemmForm::kIntRequant, Multiply>>,
      .third = &GemmRun<Quads<GemmForm::kIntScaled, Multiply>>,
  };
}

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_INT_GEMM_AVXVNNI_INL_H_
