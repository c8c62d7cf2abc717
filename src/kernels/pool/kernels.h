// SPDX-License-Identifier: Apache-2.0
// The tile functions of pooling, compiled once for each instruction set.
#ifndef HEDDLE_KERNELS_POOL_KERNELS_H_
#define HEDDLE_KERNELS_POOL_KERNELS_H_

#include "base/isa.h"
#include "kernels/pool/geometry.h"
#include "kernels/step.h"

namespace heddle::core {

constexpr int64_t kPoolBlock = 64;  // channels

struct PoolParams {
  PoolGeometry g;
  int64_t blocks = 1, units_per_tile = 1, units = 0;  // a unit: one block of one output pixel
  float lo = 0, hi = 0;
  bool from_first_tap = false;
  int32_t int_lo = 0, int_hi = 0;
};

// `average` adds row by row and divides; `average_xnn` adds and scales as XNNPACK does.
struct PoolKernels {
  TileFn max_f32, max_i8, max_u8, max_i16;
  TileFn average_f32, average_f16, average_i8, average_u8, average_i16;
  TileFn average_xnn_f32, average_xnn_f16;
  TileFn l2_f32;
};

PoolKernels PlainPoolKernels();
PoolKernels Avx2PoolKernels();
PoolKernels Avx512PoolKernels();

inline PoolKernels PoolKernelsFor(Isa isa) {
#if defined(__x86_64__)
  if (VectorsOf(isa) == Isa::kAvx512) return Avx512PoolKernels();
  if (VectorsOf(isa) == Isa::kAvx2) return Avx2PoolKernels();
#endif
  static_cast<void>(isa);
  return PlainPoolKernels();
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_POOL_KERNELS_H_
