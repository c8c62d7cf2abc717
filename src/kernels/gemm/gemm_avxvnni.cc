// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/int_gemm_avxvnni-inl.h"
#include "kernels/gemm/kernels.h"

namespace heddle::core {
namespace {

struct Vex {
  static __m256i Dot(__m256i acc, __m256i a, __m256i w) {
    return _mm256_dpbusd_avx_epi32(acc, a, w);
  }
};

}  // namespace

const GemmKernels kIntGemmAvxVnni = QuadKernels<Vex>("gemm_s8_avxvnni");

}  // namespace heddle::core
