// SPDX-License-Identifier: Apache-2.0
// Kernels of instruction sets that the machine of a test may lack, on other instructions that mean
// the same: the templates of the real ones otherwise.
#ifndef HEDDLE_KERNELS_GEMM_INSTRUCTIONS_FOR_TEST_H_
#define HEDDLE_KERNELS_GEMM_INSTRUCTIONS_FOR_TEST_H_

#include <cstdint>

#include "kernels/gemm/gemm.h"

namespace heddle::core {

// REQUIRES of both: AVX-512 VNNI.
extern const GemmKernels kIntGemmAmxModel;      // tiles in plain C++
extern const GemmKernels kIntGemmAvxVnniModel;  // AVX-512's encoding of the one instruction

// What the model saw. A fault is what the CPU would have raised an exception for. Without values to
// begin with: a constructor would be a function that other files have, too.
struct TileUse {
  int64_t configured, released, products;
  const char* fault;
};
TileUse TakeTileUse();  // since the last call

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_INSTRUCTIONS_FOR_TEST_H_
