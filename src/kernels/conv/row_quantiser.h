// SPDX-License-Identifier: Apache-2.0
// How hybrid operators turn rows of floats into int8: the three schemes of LiteRT and XNNPACK.
#ifndef HEDDLE_KERNELS_CONV_ROW_QUANTISER_H_
#define HEDDLE_KERNELS_CONV_ROW_QUANTISER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/isa.h"
#include "kernels/step.h"

namespace heddle::core {

enum class RowScheme : uint8_t {
  kSymmetric,   // builtin kernels: +-127, zero point 0
  kAsymmetric,  // builtin kernels: the row's range with 0 in it
  kXnn,         // the same range by XNNPACK's formulas, all in float32
};

struct QuantisedRow {
  float scale = 1;  // value = (q - zero) * scale
  int32_t zero = 0;
};

// The loops over a row's values; the same bits on every ISA.
struct RowKernels {
  // The least and the largest value; 0 counts as one, a NaN as none.
  void (*range)(const float* values, int64_t n, float* lo, float* hi);
  // To the nearest even whole number of values * inverse, plus zero, in -128..127. A NaN becomes
  // -128.
  void (*round_even)(const float* values, int64_t n, float inverse, float zero, int8_t* out);
  // The same with halves away from zero, in `lo`..127, where a NaN becomes `lo`.
  void (*round_away)(const float* values, int64_t n, float inverse, float zero, float lo,
                     int8_t* out);
};
const RowKernels& RowKernelsOf(Isa isa);

// Writes n values to `out`. A NaN becomes the smallest value.
QuantisedRow QuantiseRow(RowScheme scheme, const float* values, int64_t n, int8_t* out,
                         const RowKernels& kernels = RowKernelsOf(Isa::kPlain));

// Rows of one call in a step's shared memory: first the rows' parameters, then their values, then
// for each row some of its zero points, which stand for what lies outside an image.
struct RowLayout {
  RowScheme scheme = RowScheme::kXnn;
  int64_t rows = 0, length = 0, padding = 0;
  const RowKernels* kernels = &RowKernelsOf(Isa::kPlain);

  size_t bytes() const {
    return rows * (sizeof(QuantisedRow) + static_cast<size_t>(length + padding));
  }
  QuantisedRow* parameters(std::byte* shared) const {
    return reinterpret_cast<QuantisedRow*>(shared);
  }
  int8_t* values(std::byte* shared) const {
    return reinterpret_cast<int8_t*>(shared + rows * sizeof(QuantisedRow));
  }
  int8_t* paddings(std::byte* shared) const { return values(shared) + rows * length; }
};

// The phase that quantises input 0 into shared memory, a tile a row, for Params that have
// `RowLayout layout() const`.
template <class Params>
TileCode QuantiseTile(const Params& params, const TileArgs& args, TileRange tiles) {
  const RowLayout& layout = params.layout();
  const auto* input = static_cast<const float*>(args.inputs[0]);
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    const int64_t first = row * layout.length;
    const QuantisedRow quantised = QuantiseRow(layout.scheme, input + first, layout.length,
                                               layout.values(args.shared) + first, *layout.kernels);
    layout.parameters(args.shared)[row] = quantised;
    std::memset(layout.paddings(args.shared) + row * layout.padding, quantised.zero,
                static_cast<size_t>(layout.padding));
  }
  return TileCode::kOk;
}

// Makes a step whose only phase multiplies into one that quantises rows first.
template <class Params>
void PrependQuantisation(const RowLayout& layout, Step& step) {
  const float ns_per_value = layout.kernels == &RowKernelsOf(Isa::kPlain) ? 4.0f : 0.3f;
  step.kind = StepKind::kPhased;
  step.shared_bytes = layout.bytes();
  const int64_t rows = step.phases[0].tiles == 0 ? 0 : layout.rows;
  const float ns = ns_per_value * static_cast<float>(layout.length);
  step.phases.insert(step.phases.begin(), Phase{Erase<&QuantiseTile<Params>>(), rows, ns});
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONV_ROW_QUANTISER_H_
