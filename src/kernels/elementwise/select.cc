// SPDX-License-Identifier: Apache-2.0
// SELECT and SELECT_V2: for each element of the condition, x or y.
#include <algorithm>

#include "kernels/elementwise/broadcast.h"
#include "kernels/elementwise/types.h"

namespace heddle::core {
namespace {

struct SelectParams {
  Broadcast<3> walk;
};

// Both are read, so that nothing branches. kX and kY: whether the operand moves.
template <bool kX, bool kY, class T>
void SelectRun(const uint8_t* c, const T* x, const T* y, int64_t n, T* out) {
  for (int64_t i = 0; i < n; ++i) {
    const T a = x[kX ? i : 0], b = y[kY ? i : 0];
    out[i] = c[i] != 0 ? a : b;
  }
}

template <class T>
TileCode SelectTile(const SelectParams& p, const TileArgs& args, TileRange tiles) {
  const auto* condition = static_cast<const uint8_t*>(args.inputs[0]);
  const auto* x = static_cast<const T*>(args.inputs[1]);
  const auto* y = static_cast<const T*>(args.inputs[2]);
  auto* out = static_cast<T*>(args.outputs[0]);
  const int64_t c_step = p.walk.moves(0), x_step = p.walk.moves(1), y_step = p.walk.moves(2);
  p.walk.ForRuns(tiles, [&](const Broadcast<3>::Indices& at, int64_t o, int64_t n) {
    const uint8_t* c = condition + at[0];
    const T *a = x + at[1], *b = y + at[2];
    if (c_step == 0 && (c[0] != 0 ? x_step : y_step) == 1) {
      std::copy_n(c[0] != 0 ? a : b, n, out + o);
      return;
    }
    if (c_step == 0) {
      std::fill_n(out + o, n, c[0] != 0 ? a[0] : b[0]);
    } else if (x_step != 0 && y_step != 0) {
      SelectRun<true, true>(c, a, b, n, out + o);
    } else if (x_step != 0) {
      SelectRun<true, false>(c, a, b, n, out + o);
    } else if (y_step != 0) {
      SelectRun<false, true>(c, a, b, n, out + o);
    } else {
      SelectRun<false, false>(c, a, b, n, out + o);
    }
  });
  return TileCode::kOk;
}

// What the three operands are walked as.
using Shapes3 = std::array<Shape, 3>;

template <class T>
class Select final : public Operation {
 public:
  Select(bool broadcasts, const Shape& declared) : broadcasts_(broadcasts), declared_(declared) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    // LiteRT keeps the rank that the file gives to a single element.
    const auto single = [](const Operand& o) { return o.shape.elements() == 1; };
    if (std::ranges::all_of(inputs, single) &&
        std::ranges::all_of(declared_.dims(), [](int32_t size) { return size == 1; })) {
      outputs[0] = declared_;
      return Status();
    }
    if (!broadcasts_) return SameShapes(inputs, outputs);
    Operand both = inputs[0];
    HEDDLE_ASSIGN(both.shape, BroadcastShape(inputs[0], inputs[1]));
    HEDDLE_ASSIGN(outputs[0], BroadcastShape(both, inputs[2]));
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    Shapes3 shapes{inputs[0].shape, inputs[1].shape, inputs[2].shape};
    // A vector of SELECT chooses among the slices of the first axis.
    if (!broadcasts_ && shapes[0].rank() == 1)
      while (shapes[0].rank() < shapes[1].rank()) shapes[0].Append(1);
    const Broadcast<3> walk(shapes);
    SetTiled<&SelectTile<T>>(
        step, SelectParams{walk}, walk.tiles(),
        0.5f * static_cast<float>(std::min(walk.elements(), Broadcast<3>::kTile)));
    step.kernel = "plain";
    return Status();
  }

 private:
  static Status SameShapes(std::span<const Operand> inputs, std::span<Shape> outputs) {
    const Operand &condition = inputs[0], &x = inputs[1], &y = inputs[2];
    if (!(x.shape == y.shape))
      return InvalidArgument("'{}' is {}, expected the shape of '{}', {}", y.name,
                             y.shape.ToString(), x.name, x.shape.ToString());
    const bool rows =
        condition.shape.rank() == 1 && x.shape.rank() > 0 && condition.shape[0] == x.shape[0];
    if (condition.shape.rank() != 0 && !rows && !(condition.shape == x.shape))
      return InvalidArgument(
          "condition '{}' is {}, expected a scalar, a vector of the first size or the shape of "
          "'{}', {}",
          condition.name, condition.shape.ToString(), x.name, x.shape.ToString());
    outputs[0] = x.shape;
    return Status();
  }

  bool broadcasts_;
  Shape declared_;
};

template <class T>
MadeOperation MakeOf(const MakeArgs& args, bool broadcasts) {
  return MadeOperation(std::make_unique<Select<T>>(broadcasts, args.outputs[0].shape));
}

MadeOperation Make(const MakeArgs& args, bool broadcasts) {
  HEDDLE_TRY(CheckCounts(args, 3, 3, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 1, 3));
  const Operand &condition = args.inputs[0], &x = args.inputs[1];
  if (condition.type != Type::kBool)
    return InvalidModel("condition '{}' is {}, expected bool", condition.name,
                        TypeName(condition.type));
  switch (TypeBits(x.type)) {
    case 8:
      return MakeOf<uint8_t>(args, broadcasts);
    case 16:
      return MakeOf<uint16_t>(args, broadcasts);
    case 32:
      return MakeOf<uint32_t>(args, broadcasts);
    case 64:  // a complex number is aligned as its parts are
      if (x.type == Type::kComplex64) return MakeOf<std::complex<float>>(args, broadcasts);
      return MakeOf<uint64_t>(args, broadcasts);
    default:
      return UnsupportedType(x);
  }
}

}  // namespace

MadeOperation MakeSelect(const MakeArgs& args) { return Make(args, false); }
MadeOperation MakeSelectV2(const MakeArgs& args) { return Make(args, true); }

}  // namespace heddle::core
