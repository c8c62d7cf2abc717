// SPDX-License-Identifier: Apache-2.0
// CUMSUM: sums of the elements before and at each place along an axis, added in order; integers
// wrap.
#include <algorithm>

#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

constexpr int64_t kBlock = 64;  // sums side by side

// The input as [outer, axis, inner]. A unit: kBlock sums of one outer position.
struct CumsumParams {
  int64_t axis = 1, inner = 1;
  int64_t blocks = 1, units = 0, units_per_tile = 1;
  bool exclusive = false, reverse = false;
};

template <class T>
void CumsumBlock(const CumsumParams& p, const T* in, T* out, int64_t n) {
  T sums[kBlock] = {};
  for (int64_t i = 0; i < p.axis; ++i) {
    const int64_t at = (p.reverse ? p.axis - 1 - i : i) * p.inner;
    for (int64_t c = 0; c < n; ++c) {
      const T sum = sums[c] + in[at + c];
      out[at + c] = p.exclusive ? sums[c] : sum;
      sums[c] = sum;
    }
  }
}

template <class T>
TileCode CumsumTiles(const CumsumParams& p, const TileArgs& args, TileRange tiles) {
  const T* in = static_cast<const T*>(args.inputs[0]);
  T* out = static_cast<T*>(args.outputs[0]);
  const int64_t end = std::min(p.units, tiles.end * p.units_per_tile);
  for (int64_t unit = tiles.begin * p.units_per_tile; unit < end; ++unit) {
    const int64_t first = unit % p.blocks * kBlock;
    const int64_t at = unit / p.blocks * p.axis * p.inner + first;
    CumsumBlock(p, in + at, out + at, std::min(kBlock, p.inner - first));
  }
  return TileCode::kOk;
}

class Cumsum final : public Operation {
 public:
  explicit Cumsum(CumsumOptions options) : options_(options) {}

  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_TRY(ReadAxis(inputs[1], inputs[0].shape).status());
    outputs[0] = inputs[0].shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    const Shape& shape = inputs[0].shape;
    HEDDLE_ASSIGN(const int axis, ReadAxis(inputs[1], inputs[0].shape));
    CumsumParams p;
    p.axis = shape[axis];
    p.inner = shape.Product(axis + 1, shape.rank());
    p.blocks = (p.inner + kBlock - 1) / kBlock;
    p.units = shape.elements() == 0 ? 0 : shape.Product(0, axis) * p.blocks;
    p.exclusive = options_.exclusive;
    p.reverse = options_.reverse;
    const int64_t elements = p.axis * std::min(p.inner, kBlock);
    p.units_per_tile = std::max<int64_t>(1, 16 * 1024 / std::max<int64_t>(elements, 32));
    const int64_t tiles = (p.units + p.units_per_tile - 1) / p.units_per_tile;
    const float ns = (5 + static_cast<float>(elements)) * static_cast<float>(p.units_per_tile);
    if (inputs[0].type == Type::kFloat32) {
      SetTiled<&CumsumTiles<float>>(step, p, tiles, ns);
    } else if (inputs[0].type == Type::kInt32) {
      SetTiled<&CumsumTiles<uint32_t>>(step, p, tiles, ns);
    } else {
      SetTiled<&CumsumTiles<uint64_t>>(step, p, tiles, ns);
    }
    step.kernel = "cumsum";
    return Status();
  }

 private:
  const CumsumOptions options_;
};

}  // namespace

MadeOperation MakeCumsum(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const Operand& input = args.inputs[0];
  if (input.type != Type::kFloat32 && input.type != Type::kInt32 && input.type != Type::kInt64) {
    return Unsupported("input '{}' is {}, expected float32, int32 or int64", input.name,
                       TypeName(input.type));
  }
  if (args.inputs[1].type != Type::kInt32) {
    return InvalidModel("axis '{}' is {}, expected int32", args.inputs[1].name,
                        TypeName(args.inputs[1].type));
  }
  return MadeOperation(std::make_unique<Cumsum>(args.op.OptionsOr<CumsumOptions>()));
}

}  // namespace heddle::core
