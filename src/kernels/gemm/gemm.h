// SPDX-License-Identifier: Apache-2.0
// Matrix products in registers: a block of rows times panels of packed weights, then the epilogue.
//
// A row is reached through pointers, one per tap (a tap is `groups` groups of 4 bytes), so that a
// convolution reads its input in place. A panel holds the weights of `lanes` neighbouring outputs:
// [group][lane][group_k]. Each output is one chain over ascending k, so neither the number of rows
// nor that of panels taken together changes a bit; a matrix-vector product is a block of one row.
#ifndef HEDDLE_KERNELS_GEMM_GEMM_H_
#define HEDDLE_KERNELS_GEMM_GEMM_H_

#include <cstddef>
#include <cstdint>

#include "base/isa.h"

namespace heddle::core {

struct GemmCall {
  const std::byte* const* a = nullptr;  // [taps][rows]
  int32_t rows = 0, taps = 1;           // 1 <= rows <= GemmKernels::max_rows
  int64_t groups = 0;                   // of a tap
  const std::byte* weights = nullptr;   // the first panel
  int64_t panel_bytes = 0;
  int64_t columns = 0;         // outputs of a row; the last panel may be partial
  const void* init = nullptr;  // float bias or int32 sums, whole panels
  // Integers, per row: added to sums; nullptr: nothing. kIntScaled: times init, then added.
  const int32_t* row_init = nullptr;
  uint32_t flip = 0;     // four-byte groups: 0x80808080 makes int8 rows unsigned
  float lo = 0, hi = 0;  // float: the bounds. Requantised: the bounds less `zero`
  int32_t zero = 0;
  const float* scale = nullptr;  // requantised and scaled: per output, whole panels
  const float *row_scale = nullptr, *bias = nullptr;  // scaled: per row, and as `scale`
  bool fused = true;                                  // scaled
  std::byte* out = nullptr;
  int64_t out_stride = 0;        // bytes between rows
  std::byte* scratch = nullptr;  // of GemmKernels::ScratchBytes
};
using GemmFn = void (*)(const GemmCall& call);

enum class GemmForm : uint8_t {
  kFloatFused,    // acc = init; acc = fma(a, w, acc); clamp
  kFloatUnfused,  // acc = 0; acc = acc + a * w in two roundings; + init; clamp
  kIntSums,       // unsigned bytes less row_offset (or int16) times int8, modulo 2^32; int32 out
  kIntRequant,    // the same, then RequantFloat to bytes
  // sums + row_init * init; fma(sum * row_scale, scale, bias) where `fused`, else
  // sum * (row_scale * scale) + bias; clamp; float out
  kIntScaled,
};

struct GemmKernels {
  const char* name;  // in reports
  int32_t lanes;     // outputs of a panel
  int32_t group_k;   // values of k in 4 bytes of a row: 1 float, 4 bytes or 2 int16
  int32_t max_rows;
  float macs_per_ns;          // what a large product reaches, for estimates
  GemmFn first, second;       // kFloatFused and kFloatUnfused, or kIntSums and kIntRequant
  GemmFn third = nullptr;     // kIntScaled
  int32_t row_offset = 0;     // of integers of four-byte groups: what products take off each byte
  int32_t block_scratch = 0;  // bytes of scratch for each 16 groups of a row

  GemmFn Form(GemmForm form) const {
    if (form == GemmForm::kIntScaled) return third;
    return form == GemmForm::kFloatFused || form == GemmForm::kIntSums ? first : second;
  }
  // Bytes of the weights of one group in a panel.
  int64_t group_bytes() const { return group_k == 1 ? lanes * 4 : lanes * group_k; }
  // Bytes of scratch of a call; `groups`: of all taps.
  int64_t ScratchBytes(int64_t groups) const { return (groups + 15) / 16 * block_scratch; }
};

// The kernels of an ISA, or of the best it can run; nullptr: none. Those of AMX ask for tiles.
const GemmKernels* FloatGemm(Isa isa);
// For products of so few outputs; FloatGemm where there are none of their own.
const GemmKernels* FloatGemmOf(Isa isa, int64_t outputs);
const GemmKernels* IntGemm(Isa isa);
// Those whose rows are int16.
const GemmKernels* PairGemm(Isa isa);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_GEMM_H_
