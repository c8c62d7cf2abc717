// SPDX-License-Identifier: Apache-2.0
// The tile functions of RESIZE_BILINEAR, compiled once for each instruction set.
#ifndef HEDDLE_KERNELS_RESIZE_BILINEAR_KERNELS_H_
#define HEDDLE_KERNELS_RESIZE_BILINEAR_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "base/isa.h"
#include "kernels/step.h"

namespace heddle::core {

// One output row or column: between input positions `low` and `high`.
struct Tap {
  int32_t low = 0, high = 0;
  float part = 0;     // of the way to `high`
  int32_t fixed = 0;  // the same as an integer, in the form's unit
};

struct BilinearParams {
  const Tap* y = nullptr;
  const Tap* x = nullptr;
  int64_t height = 0, width = 0;                  // of the output
  int64_t in_rows = 0, in_row = 0, channels = 0;  // in_row: elements of an input row
  int64_t rows = 0, rows_per_tile = 1;
  int64_t columns = 1;  // of the output, that are mixed at a time

  // Two rows of them, four bytes an element: what the xnn forms want of a thread.
  size_t scratch_bytes() const { return static_cast<size_t>(2 * columns * channels) * 4; }
};

// By form and type.
struct BilinearKernels {
  TileFn float_f32, float_u8;
  TileFn int_i8, int_i16;
  TileFn xnn_f32, xnn_i8, xnn_u8;
};

BilinearKernels PlainBilinearKernels();
BilinearKernels Avx2BilinearKernels();
BilinearKernels Avx512BilinearKernels();

inline BilinearKernels BilinearKernelsFor(Isa isa) {
#if defined(__x86_64__)
  if (VectorsOf(isa) == Isa::kAvx512) return Avx512BilinearKernels();
  if (VectorsOf(isa) == Isa::kAvx2) return Avx2BilinearKernels();
#endif
  static_cast<void>(isa);
  return PlainBilinearKernels();
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_RESIZE_BILINEAR_KERNELS_H_
