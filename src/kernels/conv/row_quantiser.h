// SPDX-License-Identifier: Apache-2.0
// How hybrid operators turn rows of floats into int8: the three schemes of LiteRT and XNNPACK.
#ifndef HEDDLE_KERNELS_CONV_ROW_QUANTISER_H_
#define HEDDLE_KERNELS_CONV_ROW_QUANTISER_H_

#include <cstddef>
#include <cstdint>

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

// Writes n values to `out`. A NaN becomes the smallest value.
QuantisedRow QuantiseRow(RowScheme scheme, const float* values, int64_t n, int8_t* out);

// Rows of one call in a step's shared memory: first the rows' parameters, then their values.
struct RowLayout {
  RowScheme scheme = RowScheme::kXnn;
  int64_t rows = 0, length = 0;

  size_t bytes() const { return rows * (sizeof(QuantisedRow) + static_cast<size_t>(length)); }
  QuantisedRow* parameters(std::byte* shared) const {
    return reinterpret_cast<QuantisedRow*>(shared);
  }
  int8_t* values(std::byte* shared) const {
    return reinterpret_cast<int8_t*>(shared + rows * sizeof(QuantisedRow));
  }
};

// The phase that quantises input 0 into shared memory, a tile a row, for Params that have
// `RowLayout layout() const`.
template <class Params>
TileCode QuantiseTile(const Params& params, const TileArgs& args, TileRange tiles) {
  const RowLayout& layout = params.layout();
  const auto* input = static_cast<const float*>(args.inputs[0]);
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    const int64_t first = row * layout.length;
    layout.parameters(args.shared)[row] = QuantiseRow(layout.scheme, input + first, layout.length,
                                                      layout.values(args.shared) + first);
  }
  return TileCode::kOk;
}

// Makes a step whose only phase multiplies into one that quantises rows first.
template <class Params>
void PrependQuantisation(const RowLayout& layout, Step& step) {
  constexpr float kNsPerValue = 4.0f;
  step.kind = StepKind::kPhased;
  step.shared_bytes = layout.bytes();
  const int64_t rows = step.phases[0].tiles == 0 ? 0 : layout.rows;
  const float ns = kNsPerValue * static_cast<float>(layout.length);
  step.phases.insert(step.phases.begin(), Phase{Erase<&QuantiseTile<Params>>(), rows, ns});
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONV_ROW_QUANTISER_H_
