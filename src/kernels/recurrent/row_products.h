// SPDX-License-Identifier: Apache-2.0
// One row of activations times a matrix as the file has it: read once, at the speed of memory.
#ifndef HEDDLE_KERNELS_RECURRENT_ROW_PRODUCTS_H_
#define HEDDLE_KERNELS_RECURRENT_ROW_PRODUCTS_H_

#include <cstdint>

#include "base/isa.h"

namespace heddle::core {

// Over `rows` rows of n weights; the same bits on every ISA.
struct RowProducts {
  // acc[i] += Dot(row i, x, n) of gemm/dot.h.
  void (*floats)(const float* weights, int32_t rows, int64_t n, const float* x, float* acc);
  // acc[i] += Dot(row i, x, zero, n) * scale.
  void (*bytes)(const int8_t* weights, int32_t rows, int64_t n, const int8_t* x, int32_t zero,
                float scale, float* acc);
  // out[i] = Dot(row i, x, zero, n).
  void (*sums)(const int8_t* weights, int32_t rows, int64_t n, const int8_t* x, int32_t zero,
               int32_t* out);
};
const RowProducts& RowProductsOf(Isa isa);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_RECURRENT_ROW_PRODUCTS_H_
