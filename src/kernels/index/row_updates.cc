// SPDX-License-Identifier: Apache-2.0
#include "kernels/index/row_updates.h"

#include <algorithm>

namespace heddle::core {
namespace {

// A tile owns these columns of every row, so that updates of one row keep their order.
constexpr int64_t kColumns = 512;

struct RowUpdatesParams : RowUpdates {
  CombineFn join = nullptr, assign = nullptr;
  int64_t element = 0;  // bytes
};

void FillColumns(const RowUpdatesParams& p, const TileArgs& args, int64_t begin, int64_t count) {
  const void* init = p.init_input < 0 ? p.init.data() : args.inputs[p.init_input];
  auto* out = static_cast<std::byte*>(args.outputs[0]) + begin * p.element;
  if (count == p.inner) {
    p.assign(out, 1, init, 0, p.rows * p.inner);
    return;
  }
  for (int64_t row = 0; row < p.rows; ++row)
    p.assign(out + row * p.inner * p.element, 1, init, 0, count);
}

TileCode RowUpdateTiles(const RowUpdatesParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t begin = tiles.begin * kColumns;
  const int64_t count = std::min(p.inner, tiles.end * kColumns) - begin;
  FillColumns(p, args, begin, count);
  const void* indices = args.inputs[p.index_input];
  const auto* updates = static_cast<const std::byte*>(args.inputs[p.update_input]);
  auto* out = static_cast<std::byte*>(args.outputs[0]);
  for (int64_t i = 0; i < p.count; ++i) {
    if (p.drop_negative && IndexAt(p.index.type, indices, i) < 0) continue;
    const int64_t row = p.index.RowOf(indices, i);
    if (row < 0) return TileCode::kIndexOutOfRange;
    const std::byte* from = p.one_value ? updates : updates + (i * p.inner + begin) * p.element;
    p.join(out + (row * p.inner + begin) * p.element, 1, from, p.one_value ? 0 : 1, count);
  }
  return TileCode::kOk;
}

Fault RowUpdateFault(const RowUpdatesParams& p, const TileArgs& args) {
  const void* indices = args.inputs[p.index_input];
  if (!p.drop_negative) return p.index.FindFault(p.index_input, indices, p.count);
  for (int64_t i = 0; i < p.count; ++i) {
    const int64_t index = IndexAt(p.index.type, indices, i);
    if (index >= p.rows) return IndexFault(p.index_input, i, index, p.rows);
  }
  return {};
}

}  // namespace

void LowerRowUpdates(const RowUpdates& updates, Step& step) {
  RowUpdatesParams p{updates};
  p.join = FindCombine(p.combine, p.type);
  p.assign = FindCombine(Combine::kAssign, p.type);
  p.element = static_cast<int64_t>(TypeBits(p.type) / 8);
  const int64_t tiles = p.rows == 0 ? 0 : (p.inner + kColumns - 1) / kColumns;
  const int64_t columns = std::min(p.inner, kColumns);
  const float tile_ns = 4.0f * static_cast<float>(p.count) +
                        0.2f * static_cast<float>(columns) * static_cast<float>(p.count + p.rows);
  SetTiled<&RowUpdateTiles>(step, p, tiles, tile_ns);
  step.fault = EraseFault<&RowUpdateFault>();
  step.kernel = "row_updates";
}

}  // namespace heddle::core
