// SPDX-License-Identifier: Apache-2.0
// The inner loops of REDUCE_MAX, MIN, PROD, ANY and ALL, compiled once for each instruction set.
// Each joins elements to accumulators of the same type in ascending order.
#ifndef HEDDLE_KERNELS_REDUCE_FOLD_H_
#define HEDDLE_KERNELS_REDUCE_FOLD_H_

#include <cstdint>

#include "base/isa.h"

namespace heddle::core {

constexpr int kFoldLanes = 16;

// Of one operator and one element type; strides and counts are in elements.
struct FoldFns {
  // acc[c] joins in[r * stride + c] for rows r in ascending order. REQUIRES: n <= kReduceBlock.
  void (*rows)(const void* in, int64_t rows, int64_t stride, int64_t n, void* acc) = nullptr;
  // lanes[i % kFoldLanes] joins in[i] for ascending i.
  void (*lanes)(const void* in, int64_t n, void* lanes) = nullptr;
  // Of runs of n elements one behind the other: out[r] is what lanes that begin with *identity
  // become, lane j + 8 joined to lane j, then j + 4, j + 2, j + 1.
  void (*runs)(const void* in, int64_t runs, int64_t n, const void* identity, void* out) = nullptr;
};

// NaN never wins a maximum or minimum, integer products wrap. Bools are any and all of bytes.
struct FoldKernels {
  struct Ordered {
    FoldFns f32, f16, i8, u8, i16, i32, i64;
  };
  Ordered max, min;
  FoldFns prod_f32, prod_i32, prod_i64;
  FoldFns any, all;
};

FoldKernels PlainFoldKernels();
FoldKernels Avx2FoldKernels();
FoldKernels Avx512FoldKernels();

inline FoldKernels FoldKernelsFor(Isa isa) {
#if defined(__x86_64__)
  if (VectorsOf(isa) == Isa::kAvx512) return Avx512FoldKernels();
  if (VectorsOf(isa) == Isa::kAvx2) return Avx2FoldKernels();
#endif
  static_cast<void>(isa);
  return PlainFoldKernels();
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_REDUCE_FOLD_H_
