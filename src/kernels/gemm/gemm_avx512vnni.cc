// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm-inl.h"
#include "kernels/gemm/int_gemm_avx512vnni-inl.h"
#include "kernels/gemm/kernels.h"

namespace heddle::core {
namespace {

template <GemmForm kForm>
struct VnniPairs : IntPairsAvx512<kForm>, SumsInParts {
  using IntPairsAvx512<kForm>::IntPairsAvx512;

  __m512i Dot(__m512i acc, __m512i a, __m512i w) const { return _mm512_dpwssd_epi32(acc, a, w); }
};

}  // namespace

const GemmKernels kIntGemmAvx512Vnni = {
    .name = "gemm_s8_avx512vnni",
    .lanes = 16,
    .group_k = 4,
    .max_rows = 12,
    .macs_per_ns = 180,
    .first = &GemmRun<Vnni<GemmForm::kIntSums>>,
    .second = &GemmRun<Vnni<GemmForm::kIntRequant>>,
    .third = &GemmRun<Vnni<GemmForm::kIntScaled>>,
};
const GemmKernels kPairGemmAvx512Vnni = {
    .name = "gemm_s16_avx512vnni",
    .lanes = 16,
    .group_k = 2,
    .max_rows = 12,
    .macs_per_ns = 90,
    .first = &GemmRun<VnniPairs<GemmForm::kIntSums>>,
    .second = nullptr,
};

}  // namespace heddle::core
