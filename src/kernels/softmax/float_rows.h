// SPDX-License-Identifier: Apache-2.0
// The rows of a float SOFTMAX, compiled once for each instruction set.
#ifndef HEDDLE_KERNELS_SOFTMAX_FLOAT_ROWS_H_
#define HEDDLE_KERNELS_SOFTMAX_FLOAT_ROWS_H_

#include <cstdint>

#include "base/isa.h"

namespace heddle::core {

// y = exp((x - max) * beta) / sum for each of `rows` rows of `depth` elements: FusedExpF, the sum
// in 16 lanes over ascending elements and a tree of halves, then a product with the sum's inverse.
// `y` may be `x`. REQUIRES: depth > 0.
using SoftmaxRowsFn = void (*)(const float* x, float* y, int64_t rows, int64_t depth, float beta);

struct SoftmaxKernel {
  const char* name;  // in reports
  float element_ns;
  SoftmaxRowsFn rows;
};

SoftmaxKernel PlainSoftmaxKernel();
SoftmaxKernel Avx2SoftmaxKernel();
SoftmaxKernel Avx512SoftmaxKernel();

inline SoftmaxKernel SoftmaxKernelFor(Isa isa) {
#if defined(__x86_64__)
  if (VectorsOf(isa) == Isa::kAvx512) return Avx512SoftmaxKernel();
  if (VectorsOf(isa) == Isa::kAvx2) return Avx2SoftmaxKernel();
#endif
  static_cast<void>(isa);
  return PlainSoftmaxKernel();
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_SOFTMAX_FLOAT_ROWS_H_
