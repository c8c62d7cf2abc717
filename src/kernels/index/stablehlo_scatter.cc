// SPDX-License-Identifier: Apache-2.0
// STABLEHLO_SCATTER: slices that join the operand where vectors of indices say; what stands outside
// of it is left out.
#include <algorithm>
#include <cstring>

#include "kernels/index/combine.h"
#include "kernels/index/slices.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

struct ScatterParams {
  SliceIndex index;
  CombineFn join = nullptr;
  int64_t element = 0;  // bytes
  size_t bytes = 0;     // of the operand
  int rank = 0;         // of the operand
  std::array<int64_t, Shape::kMaxRank> sizes{};
  // Of the updates, by axis: the axis of the operand that it runs along; -1: it counts slices.
  int updates_rank = 0;
  std::array<int, Shape::kMaxRank> along{};
  std::array<int64_t, Shape::kMaxRank> updates{};
  int64_t lines = 0, line = 1;  // all axes of the updates but the last; the last
};

using Place = std::array<int64_t, Shape::kMaxRank>;

// Where update `at` goes, by axis of the operand.
Place PlaceOf(const ScatterParams& p, const void* indices, const Place& at) {
  Place place{};
  int64_t slice = 0;
  for (int d = 0; d < p.updates_rank; ++d) {
    if (p.along[d] >= 0) {
      place[p.along[d]] = at[d];
    } else {
      slice = slice * p.updates[d] + at[d];
    }
  }
  constexpr int64_t kFar = int64_t{1} << 40;  // outside of any axis, and no sum overflows
  for (int i = 0; i < p.index.depth; ++i)
    place[p.index.axis[i]] += std::clamp(p.index.At(indices, slice, i), -kFar, kFar);
  return place;
}

// Joins `count` updates from `from` on, which run along axis `axis` of the operand (-1: one
// update).
void JoinLine(const ScatterParams& p, const Place& place, int axis, const std::byte* from,
              int64_t count, std::byte* out) {
  int64_t offset = 0;
  int64_t first = 0, stop = count;
  for (int d = 0; d < p.rank; ++d) {
    if (d == axis) {
      first = std::max<int64_t>(0, -place[d]);
      stop = std::min(count, p.sizes[d] - place[d]);
      if (first >= stop) return;
    } else if (place[d] < 0 || place[d] >= p.sizes[d]) {
      return;
    }
    offset += place[d] * p.index.stride[d];
  }
  const int64_t step = axis < 0 ? 1 : p.index.stride[axis];
  p.join(out + (offset + first * step) * p.element, step, from + first * p.element, 1,
         stop - first);
}

// Updates join in the order of their elements, so this is one tile.
TileCode ScatterTile(const ScatterParams& p, const TileArgs& args, TileRange) {
  auto* out = static_cast<std::byte*>(args.outputs[0]);
  const auto* updates = static_cast<const std::byte*>(args.inputs[2]);
  std::memcpy(out, args.inputs[0], p.bytes);
  const int last = p.updates_rank - 1;
  const int axis = last < 0 ? -1 : p.along[last];
  const int64_t run = axis < 0 ? 1 : p.line;
  for (int64_t at = 0; at < p.lines * p.line; at += run) {
    Place index{};
    int64_t rest = at;
    for (int d = last; d >= 0; --d) {
      index[d] = rest % p.updates[d];
      rest /= p.updates[d];
    }
    JoinLine(p, PlaceOf(p, args.inputs[1], index), axis, updates + at * p.element, run, out);
  }
  return TileCode::kOk;
}

class StablehloScatter final : public Operation {
 public:
  StablehloScatter(StablehloScatterOptions options, Combine combine, Type type)
      : options_(std::move(options)), join_(FindCombine(combine, type)) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& operand = inputs[0].shape;
    const Shape& updates = inputs[2].shape;
    const auto& map = options_.scatter_dims_to_operand_dims;
    HEDDLE_TRY(CheckAxes(map, operand.rank(), "scatter_dims_to_operand_dims"));
    HEDDLE_TRY(CheckAxes(options_.inserted_window_dims, operand.rank(), "inserted_window_dims"));
    HEDDLE_TRY(CheckAxes(options_.update_window_dims, updates.rank(), "update_window_dims"));
    HEDDLE_ASSIGN(const Shape batch, BatchOf(inputs[1], options_.index_vector_dim, map.size()));
    const size_t window = options_.update_window_dims.size();
    if (window + options_.inserted_window_dims.size() != static_cast<size_t>(operand.rank())) {
      return InvalidModel("{} update_window_dims and {} inserted_window_dims, expected {} in all",
                          window, options_.inserted_window_dims.size(), operand.rank());
    }
    Shape found;
    for (int d = 0; d < updates.rank(); ++d)
      if (!Holds(options_.update_window_dims, d)) found.Append(updates[d]);
    if (!(found == batch)) {
      return InvalidModel(
          "updates '{}' have shape {}, expected {} besides their windows (indices "
          "'{}')",
          inputs[2].name, updates.ToString(), batch.ToString(), inputs[1].name);
    }
    outputs[0] = operand;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& operand = outputs[0].shape;
    const Shape& updates = inputs[2].shape;
    ScatterParams p;
    p.index = SliceIndex::Of(inputs[1], operand, options_.index_vector_dim,
                             options_.scatter_dims_to_operand_dims);
    p.join = join_;
    p.element = static_cast<int64_t>(TypeBits(inputs[0].type) / 8);
    p.bytes = outputs[0].bytes;
    p.rank = operand.rank();
    for (int d = 0; d < p.rank; ++d) p.sizes[d] = operand[d];
    p.updates_rank = updates.rank();
    for (int d = 0, axis = 0; d < p.updates_rank; ++d) {
      p.updates[d] = updates[d];
      p.along[d] = -1;
      if (!Holds(options_.update_window_dims, d)) continue;
      while (Holds(options_.inserted_window_dims, axis)) ++axis;
      p.along[d] = axis++;
    }
    if (p.updates_rank > 0) p.line = updates[p.updates_rank - 1];
    p.lines = updates.Product(0, std::max(0, p.updates_rank - 1));
    const float elements = static_cast<float>(operand.elements() + 4 * updates.elements());
    SetTiled<&ScatterTile>(step, p, operand.elements() == 0 ? 0 : 1, elements);
    step.kernel = "stablehlo_scatter";
    return Status();
  }

 private:
  StablehloScatterOptions options_;
  CombineFn join_;
};

}  // namespace

MadeOperation MakeStablehloScatter(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 3, 3, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 2, 3));
  HEDDLE_TRY(CheckType(args.inputs[1], "scatter indices", {Type::kInt32, Type::kInt64}));
  auto options = args.op.OptionsOr<StablehloScatterOptions>();
  HEDDLE_ASSIGN(const Combine combine, CombineOfBody(args.subgraphs, options.body));
  const Operand& operand = args.inputs[0];
  if (FindCombine(Combine::kAdd, operand.type) == nullptr) {
    return Unsupported("operand '{}' is {}, expected numbers or bools", operand.name,
                       TypeName(operand.type));
  }
  return MadeOperation(
      std::make_unique<StablehloScatter>(std::move(options), combine, operand.type));
}

}  // namespace heddle::core
