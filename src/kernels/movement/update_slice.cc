// SPDX-License-Identifier: Apache-2.0
// DYNAMIC_UPDATE_SLICE: the operand with a box of it replaced. Where the box begins is read by the
// tiles, so that a position that changes with every call makes no new Plan.
#include <algorithm>
#include <cstring>

#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

constexpr int64_t kTileBytes = 16 * 1024;

// The operand as rows: `axis` and all axes behind it, of which the update covers `axis` in part.
struct UpdateParams {
  Shape operand, update;
  bool wide = false;  // places are int64
  int axis = 0;
  int64_t inner_bytes = 1;  // of one index of `axis`
  int64_t rows = 0, rows_per_tile = 1;

  int64_t row_bytes() const { return operand[axis] * inner_bytes; }
  int64_t piece_bytes() const { return update[axis] * inner_bytes; }
};

// Where the update begins: moved so that it lies inside of the operand.
std::array<int64_t, Shape::kMaxRank> ReadBegin(const UpdateParams& p, const void* places) {
  std::array<int64_t, Shape::kMaxRank> begin{};
  for (int i = 0; i < p.operand.rank(); ++i) {
    int64_t value = 0;
    if (p.wide) {
      std::memcpy(&value, static_cast<const std::byte*>(places) + i * 8, 8);
    } else {
      int32_t narrow = 0;
      std::memcpy(&narrow, static_cast<const std::byte*>(places) + i * 4, 4);
      value = narrow;
    }
    begin[i] = std::clamp<int64_t>(value, 0, p.operand[i] - p.update[i]);
  }
  return begin;
}

// The row of the update that falls into this row of the operand; -1: none.
int64_t UpdateRow(const UpdateParams& p, const std::array<int64_t, Shape::kMaxRank>& begin,
                  int64_t row) {
  int64_t found = 0, step = 1;
  for (int i = p.axis - 1; i >= 0; --i) {
    const int64_t at = row % p.operand[i] - begin[i];
    row /= p.operand[i];
    if (at < 0 || at >= p.update[i]) return -1;
    found += at * step;
    step *= p.update[i];
  }
  return found;
}

TileCode UpdateTiles(const UpdateParams& p, const TileArgs& args, TileRange tiles) {
  const auto begin = ReadBegin(p, args.inputs[2]);
  const int64_t row_bytes = p.row_bytes(), piece = p.piece_bytes();
  const int64_t before = begin[p.axis] * p.inner_bytes, behind = before + piece;
  const int64_t end = std::min(p.rows, tiles.end * p.rows_per_tile);
  for (int64_t row = tiles.begin * p.rows_per_tile; row < end; ++row) {
    const std::byte* in = static_cast<const std::byte*>(args.inputs[0]) + row * row_bytes;
    std::byte* out = static_cast<std::byte*>(args.outputs[0]) + row * row_bytes;
    const int64_t from = UpdateRow(p, begin, row);
    if (from < 0 || piece == 0) {
      std::memcpy(out, in, static_cast<size_t>(row_bytes));
      continue;
    }
    std::memcpy(out, in, static_cast<size_t>(before));
    std::memcpy(out + before, static_cast<const std::byte*>(args.inputs[1]) + from * piece,
                static_cast<size_t>(piece));
    std::memcpy(out + behind, in + behind, static_cast<size_t>(row_bytes - behind));
  }
  return TileCode::kOk;
}

class UpdateSlice final : public Operation {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape &operand = inputs[0].shape, &update = inputs[1].shape, &begin = inputs[2].shape;
    if (!(begin == Shape{operand.rank()})) {
      return InvalidModel("start indices '{}' have shape {}, expected {} (operand shape {})",
                          inputs[2].name, begin.ToString(), operand.rank(), operand.ToString());
    }
    bool fits = operand.rank() == update.rank();
    for (int i = 0; fits && i < operand.rank(); ++i) fits = update[i] <= operand[i];
    if (!fits) {
      return InvalidModel("update '{}' has shape {}, expected at most {} (operand '{}')",
                          inputs[1].name, update.ToString(), operand.ToString(), inputs[0].name);
    }
    outputs[0] = operand;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    UpdateParams p;
    p.operand = inputs[0].shape;
    p.update = inputs[1].shape;
    if (p.operand.rank() == 0) p.operand = p.update = {1};
    p.wide = inputs[2].type == Type::kInt64;
    int axis = p.operand.rank() - 1;
    while (axis > 0 && p.operand[axis] == p.update[axis]) --axis;
    p.axis = axis;
    p.inner_bytes = static_cast<int64_t>(
        TypeBytes(outputs[0].type, p.operand.Product(axis + 1, p.operand.rank())));
    p.rows = outputs[0].shape.elements() == 0 ? 0 : p.operand.Product(0, axis);
    const int64_t row_bytes = std::max<int64_t>(16, p.row_bytes());
    p.rows_per_tile = std::max<int64_t>(1, kTileBytes / row_bytes);
    const float row_ns = 5 + static_cast<float>(row_bytes) / 10;
    const int64_t tiles = (p.rows + p.rows_per_tile - 1) / p.rows_per_tile;
    SetTiled<&UpdateTiles>(step, p, tiles, row_ns * static_cast<float>(p.rows_per_tile));
    step.kernel = "update_slice";
    return Status();
  }
};

}  // namespace

MadeOperation MakeDynamicUpdateSlice(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 3, 3, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 2));
  HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  if (TypeBits(args.inputs[0].type) < 8) {
    return Unsupported("operand '{}' is {}, expected a type of whole bytes", args.inputs[0].name,
                       TypeName(args.inputs[0].type));
  }
  HEDDLE_TRY(CheckIndexType(args.inputs[2]));
  return MadeOperation(std::make_unique<UpdateSlice>());
}

}  // namespace heddle::core
