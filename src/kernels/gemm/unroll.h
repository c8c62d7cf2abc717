// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_KERNELS_GEMM_UNROLL_H_
#define HEDDLE_KERNELS_GEMM_UNROLL_H_

// Before a loop over accumulators: only an unrolled one keeps them in registers.
#if defined(__clang__)
#define HEDDLE_UNROLL _Pragma("clang loop unroll(full)")
#else
#define HEDDLE_UNROLL _Pragma("GCC unroll 16")
#endif

#endif  // HEDDLE_KERNELS_GEMM_UNROLL_H_
