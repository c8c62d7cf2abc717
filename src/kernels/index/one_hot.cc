// SPDX-License-Identifier: Apache-2.0
// ONE_HOT: a new axis, `on` where its index is the element's value and `off` elsewhere.
#include <algorithm>

#include "kernels/index/nd_index.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

// indices[prefix, suffix] give [prefix, depth, suffix].
struct OneHotParams {
  Type index_type = Type::kInt32;
  int64_t depth = 0, suffix = 1;
  int64_t elements = 0, elements_per_tile = 1;
};

// LiteRT compares indices as int32.
int32_t ValueAt(const OneHotParams& p, const void* indices, int64_t i) {
  return static_cast<int32_t>(IndexAt(p.index_type, indices, i));
}

template <class T>
TileCode OneHotTiles(const OneHotParams& p, const TileArgs& args, TileRange tiles) {
  const T on = *static_cast<const T*>(args.inputs[2]);
  const T off = *static_cast<const T*>(args.inputs[3]);
  T* out = static_cast<T*>(args.outputs[0]);
  int64_t at = tiles.begin * p.elements_per_tile;
  const int64_t end = std::min(p.elements, tiles.end * p.elements_per_tile);
  // With no axis behind the new one, an index is a run of `off` with one `on`; else a run holds one
  // depth of `suffix` indices.
  const int64_t run = p.suffix == 1 ? p.depth : p.suffix;
  while (at < end) {
    const int64_t row = at / run, first = at % run;
    const int64_t stop = std::min(run, first + (end - at));
    if (p.suffix == 1) {
      std::fill(out + at, out + at + (stop - first), off);
      const int64_t value = ValueAt(p, args.inputs[0], row);
      if (value >= first && value < stop) out[at + value - first] = on;
    } else {
      const int64_t prefix = row / p.depth, d = row % p.depth;
      for (int64_t s = first; s < stop; ++s)
        out[at + s - first] = ValueAt(p, args.inputs[0], prefix * p.suffix + s) == d ? on : off;
    }
    at += stop - first;
  }
  return TileCode::kOk;
}

class OneHot final : public Operation {
 public:
  explicit OneHot(int32_t axis) : axis_(axis) {}

  uint32_t ValueInputs() const override { return 1u << 1; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& indices = inputs[0].shape;
    for (int i = 1; i < 4; ++i) {
      if (inputs[i].shape.elements() == 1) continue;
      return InvalidModel("input {} '{}' has shape {}, expected one element", i, inputs[i].name,
                          inputs[i].shape.ToString());
    }
    HEDDLE_ASSIGN(const IntList depth, ReadInts(inputs[1], "depth"));
    if (depth[0] < 0 || depth[0] > INT32_MAX)
      return BadValue(inputs[1], "depth is {}, expected 0 to 2^31 - 1", depth[0]);
    const int axis = axis_ == -1 ? indices.rank() : axis_;
    if (axis < 0 || axis > indices.rank()) {
      return InvalidModel("axis {} is outside of the output of rank {}", axis_, indices.rank() + 1);
    }
    Shape shape;
    for (int i = 0; i < axis; ++i) HEDDLE_TRY(AppendDim(shape, indices[i]));
    HEDDLE_TRY(AppendDim(shape, static_cast<int32_t>(depth[0])));
    for (int i = axis; i < indices.rank(); ++i) HEDDLE_TRY(AppendDim(shape, indices[i]));
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& shape = outputs[0].shape;
    const int axis = axis_ == -1 ? shape.rank() - 1 : axis_;
    OneHotParams p;
    p.index_type = inputs[0].type;
    p.depth = shape[axis];
    p.suffix = shape.Product(axis + 1, shape.rank());
    p.elements = shape.elements();
    p.elements_per_tile = 4096;
    const int64_t tiles = (p.elements + p.elements_per_tile - 1) / p.elements_per_tile;
    constexpr float kTileNs = 2000;
    switch (TypeBits(outputs[0].type)) {
      case 8:
        SetTiled<&OneHotTiles<uint8_t>>(step, p, tiles, kTileNs);
        break;
      case 16:
        SetTiled<&OneHotTiles<uint16_t>>(step, p, tiles, kTileNs);
        break;
      case 32:
        SetTiled<&OneHotTiles<uint32_t>>(step, p, tiles, kTileNs);
        break;
      default:
        SetTiled<&OneHotTiles<uint64_t>>(step, p, tiles, kTileNs);
    }
    step.kernel = "one_hot";
    return Status();
  }

 private:
  int32_t axis_;
};

}  // namespace

MadeOperation MakeOneHot(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 4, 4, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 2, 4));
  HEDDLE_TRY(CheckType(args.inputs[0], "indices", {Type::kInt32, Type::kInt64}));
  HEDDLE_TRY(CheckType(args.inputs[1], "depth", {Type::kInt32}));
  const Operand& on = args.inputs[2];
  const size_t bits = TypeBits(on.type);
  if (bits != 8 && bits != 16 && bits != 32 && bits != 64) {
    return Unsupported("on value '{}' is {}, expected an element of 1, 2, 4 or 8 bytes", on.name,
                       TypeName(on.type));
  }
  return MadeOperation(std::make_unique<OneHot>(args.op.OptionsOr<OneHotOptions>().axis));
}

}  // namespace heddle::core
