// SPDX-License-Identifier: Apache-2.0
// The kernel tables that the files of each ISA define.
#ifndef HEDDLE_KERNELS_GEMM_KERNELS_H_
#define HEDDLE_KERNELS_GEMM_KERNELS_H_

#include "kernels/gemm/depthwise.h"
#include "kernels/gemm/gemm.h"

namespace heddle::core {

extern const GemmKernels kFloatGemmAvx2, kIntGemmAvx2;
extern const GemmKernels kIntGemmAvxVnni;
extern const GemmKernels kFloatGemmAvx512, kFloatGemmAvx512Half, kIntGemmAvx512;
extern const GemmKernels kIntGemmAvx512Vnni, kPairGemmAvx512Vnni;
extern const GemmKernels kIntGemmAvx512Amx;
extern const GemmKernels kFloatGemmNeon, kIntGemmNeon;
extern const GemmKernels kIntGemmNeonDot, kIntGemmNeonI8mm;

extern const DepthwiseKernels kFloatDepthwiseAvx2, kIntDepthwiseAvx2;
extern const DepthwiseKernels kFloatDepthwiseAvx512, kIntDepthwiseAvx512;
extern const DepthwiseKernels kIntDepthwiseAvx512Vnni;
extern const DepthwiseKernels kFloatDepthwiseNeon, kIntDepthwiseNeon;

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_KERNELS_H_
