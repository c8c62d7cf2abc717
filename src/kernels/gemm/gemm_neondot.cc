// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm-inl.h"
#include "kernels/gemm/int_gemm_neondot-inl.h"
#include "kernels/gemm/kernels.h"

namespace heddle::core {

const GemmKernels kIntGemmNeonDot = {
    .name = "gemm_s8_neondot",
    .lanes = 8,
    .group_k = 4,
    .max_rows = 6,
    .macs_per_ns = 40,
    .first = &GemmRun<Quads<GemmForm::kIntSums>>,
    .second = &GemmRun<Quads<GemmForm::kIntRequant>>,
    .third = &GemmRun<Quads<GemmForm::kIntScaled>>,
    .row_offset = 128,
};

}  // namespace heddle::core
