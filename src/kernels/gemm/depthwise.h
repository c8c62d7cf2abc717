// SPDX-License-Identifier: Apache-2.0
// Depthwise products in registers: neighbouring outputs times blocks of channels.
//
// A call sees its input as a grid of pointers to pixels, so padding and dilation are the caller's
// matter. Blocks of channels are the outer loop: the lines of a block stay in the first cache from
// one output row to the next. Weights: [block of `lanes` channels][group of `taps` taps][lane][tap
// of the group]; accumulator lane i of a block holds channel order[i] of it, and constants are
// stored alike. Four taps of a group are, in windows three wide, a row of the window and nothing.
#ifndef HEDDLE_KERNELS_GEMM_DEPTHWISE_H_
#define HEDDLE_KERNELS_GEMM_DEPTHWISE_H_

#include <cstddef>
#include <cstdint>

#include "base/isa.h"

namespace heddle::core {

struct DepthwiseCall {
  // Tap t of output (y, x) starts (channel 0) at grid[y * row_step + x * step + taps[t]].
  const std::byte* const* grid = nullptr;
  int64_t row_step = 0, step = 0;
  const int32_t* taps = nullptr;  // whole groups, in the order of the sum
  int32_t groups = 0;             // of taps
  // 0, or the distance of grid rows where the taps are three by three neighbours and their order is
  // free or column by column: forms that share inputs between outputs may run.
  int32_t square = 0;
  int64_t rows = 0, pixels = 0;  // outputs
  int64_t channels = 0;
  const std::byte* weights = nullptr;
  const void* init = nullptr;  // float bias or int32 sums, whole blocks
  uint32_t flip = 0;           // 0x80808080 makes int8 inputs unsigned
  float lo = 0, hi = 0;        // float: the bounds. Requantised: the bounds less `zero`
  int32_t zero = 0;
  const float* scale = nullptr;  // requantised: per channel, whole blocks
  std::byte* out = nullptr;
  int64_t out_stride = 0, out_row_stride = 0;  // bytes between outputs and between their rows
};
using DepthwiseFn = void (*)(const DepthwiseCall& call);

struct DepthwiseKernels {
  const char* name;      // in reports
  int32_t lanes;         // channels of a block
  int32_t taps;          // of a group: 1 float, 2 int16 or 4 int8
  const uint8_t* order;  // [lanes]
  int32_t narrow;        // a last block of at most this many channels is in narrow_order; or 0
  const uint8_t* narrow_order;
  float macs_per_ns;
  // Float: fused and unfused sums, as GemmForm has them. Integer: int32 sums in the order of lanes,
  // whole blocks; RequantFloat to bytes.
  DepthwiseFn first, second;

  int64_t weight_bytes() const { return taps == 1 ? 4 : taps == 2 ? 2 : 1; }
};

// nullptr: none for this ISA.
const DepthwiseKernels* FloatDepthwise(Isa isa);
const DepthwiseKernels* IntDepthwise(Isa isa);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_DEPTHWISE_H_
