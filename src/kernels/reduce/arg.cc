// SPDX-License-Identifier: Apache-2.0
// ARG_MAX, ARG_MIN: the index along an axis of the first of the extremes. A NaN loses to any
// number, wherever it stands.
#include <algorithm>
#include <limits>

#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

constexpr int64_t kBlock = 64;  // outputs side by side

// The input as [outer, axis, inner]. A unit: kBlock outputs of one outer position.
struct ArgParams {
  int64_t axis = 1, inner = 1;
  int64_t blocks = 1, units = 0, units_per_tile = 1;
};

// Only a NaN differs from itself.
template <class T>
bool ReplacesNan(T v, T best) {
  return v == v && best != best;
}
struct Greater {
  template <class T>
  static constexpr bool Beats(T v, T best) {
    return v > best;
  }
  template <class T>
  static bool Wins(T v, T best) {
    return v > best || ReplacesNan(v, best);
  }
};
struct Less {
  template <class T>
  static constexpr bool Beats(T v, T best) {
    return v < best;
  }
  template <class T>
  static bool Wins(T v, T best) {
    return v < best || ReplacesNan(v, best);
  }
};

template <class T, class I, class Compare>
void ArgBlock(const ArgParams& p, const T* in, int64_t n, I* out) {
  T best[kBlock];
  I index[kBlock] = {};
  std::copy_n(in, n, best);
  for (int64_t a = 1; a < p.axis; ++a) {
    const T* row = in + a * p.inner;
    for (int64_t c = 0; c < n; ++c) {
      const bool wins = Compare::Wins(row[c], best[c]);
      best[c] = wins ? row[c] : best[c];
      index[c] = wins ? static_cast<I>(a) : index[c];
    }
  }
  std::copy_n(index, n, out);
}

// What any number replaces: it loses to all, or is one of the equals.
template <class T, class Compare>
constexpr T Worst() {
  using Limits = std::numeric_limits<T>;
  constexpr bool max = Compare::Beats(T(1), T(0));
  if constexpr (Limits::has_infinity) return max ? -Limits::infinity() : Limits::infinity();
  return max ? Limits::lowest() : Limits::max();
}

// The innermost axis: one output. First what the extreme is, then where: neither branches on each
// element.
template <class T, class I, class Compare>
I ArgRow(const ArgParams& p, const T* in) {
  constexpr int kLanes = sizeof(T) < 4 ? 16 : 8;
  T lane[kLanes];
  std::fill_n(lane, kLanes, Worst<T, Compare>());
  const auto join = [&](int j, T v) { lane[j] = Compare::Beats(v, lane[j]) ? v : lane[j]; };
  int64_t a = 0;
  for (; a + kLanes <= p.axis; a += kLanes)
    for (int j = 0; j < kLanes; ++j) join(j, in[a + j]);
  for (int j = 0; a + j < p.axis; ++j) join(j, in[a + j]);
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int j = 0; j < half; ++j) join(j, lane[j + half]);
  const T best = lane[0];
  for (a = 0; a + kLanes <= p.axis; a += kLanes) {
    int found = 0;
    for (int j = 0; j < kLanes; ++j) found |= in[a + j] == best ? 1 : 0;
    if (found != 0) break;
  }
  while (a < p.axis && in[a] != best) ++a;
  return a < p.axis ? static_cast<I>(a) : I{0};  // else all are NaN
}

// The same of so few elements that one after the other is fastest: rows overlap.
constexpr int64_t kFew = 32;
template <class T, class I, class Compare>
I ArgOfFew(const ArgParams& p, const T* in) {
  constexpr T kWorst = Worst<T, Compare>();
  T best = kWorst;
  I index = 0;
  for (int64_t a = 0; a < p.axis; ++a) {
    const T v = in[a];
    const bool wins = Compare::Beats(v, best);
    best = wins ? v : best;
    index = wins ? static_cast<I>(a) : index;
  }
  // Where nothing beats the worst, a NaN may stand before it.
  return best == kWorst ? ArgRow<T, I, Compare>(p, in) : index;
}

template <class T, class I, class Compare>
TileCode ArgTiles(const ArgParams& p, const TileArgs& args, TileRange tiles) {
  const T* in = static_cast<const T*>(args.inputs[0]);
  I* out = static_cast<I*>(args.outputs[0]);
  const int64_t end = std::min(p.units, tiles.end * p.units_per_tile);
  for (int64_t unit = tiles.begin * p.units_per_tile; unit < end; ++unit) {
    if (p.inner == 1) {
      const T* row = in + unit * p.axis;
      out[unit] = p.axis < kFew ? ArgOfFew<T, I, Compare>(p, row) : ArgRow<T, I, Compare>(p, row);
      continue;
    }
    const int64_t outer = unit / p.blocks, first = unit % p.blocks * kBlock;
    ArgBlock<T, I, Compare>(p, in + outer * p.axis * p.inner + first,
                            std::min(kBlock, p.inner - first), out + outer * p.inner + first);
  }
  return TileCode::kOk;
}

using SetFn = void (*)(Step& step, const ArgParams& p, float ns);

template <class T, class I, class Compare>
void SetArg(Step& step, const ArgParams& p, float ns) {
  const int64_t tiles = (p.units + p.units_per_tile - 1) / p.units_per_tile;
  SetTiled<&ArgTiles<T, I, Compare>>(step, p, tiles, ns * static_cast<float>(p.units_per_tile));
}

template <class I, class Compare>
SetFn SetFnOf(Type type) {
  switch (type) {
    case Type::kFloat32:
      return &SetArg<float, I, Compare>;
    case Type::kInt8:
      return &SetArg<int8_t, I, Compare>;
    case Type::kUInt8:
    case Type::kBool:
      return &SetArg<uint8_t, I, Compare>;
    case Type::kInt16:
      return &SetArg<int16_t, I, Compare>;
    case Type::kInt32:
      return &SetArg<int32_t, I, Compare>;
    case Type::kInt64:
      return &SetArg<int64_t, I, Compare>;
    default:
      return nullptr;
  }
}

class Arg final : public Operation {
 public:
  explicit Arg(SetFn set) : set_(set) {}

  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& shape = inputs[0].shape;
    HEDDLE_ASSIGN(const int axis, ReadAxis(inputs[1], inputs[0].shape));
    Shape rest;
    for (int i = 0; i < shape.rank(); ++i) {
      if (i != axis) rest.Append(shape[i]);
    }
    if (shape[axis] == 0 && rest.elements() > 0) {
      return InvalidArgument("axis {} of input '{}' has size 0, expected at least 1", axis,
                             inputs[0].name);
    }
    outputs[0] = rest;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& shape = inputs[0].shape;
    HEDDLE_ASSIGN(const int axis, ReadAxis(inputs[1], inputs[0].shape));
    ArgParams p;
    p.axis = shape[axis];
    p.inner = shape.Product(axis + 1, shape.rank());
    p.blocks = (p.inner + kBlock - 1) / kBlock;
    p.units = outputs[0].shape.elements() == 0 ? 0 : shape.Product(0, axis) * p.blocks;
    const int64_t elements = p.axis * std::min(p.inner, kBlock);
    p.units_per_tile = std::max<int64_t>(1, 16 * 1024 / std::max<int64_t>(elements, 32));
    set_(step, p, 5 + static_cast<float>(elements));
    step.kernel = "arg";
    return Status();
  }

 private:
  const SetFn set_;
};

template <class Compare>
MadeOperation MakeArg(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckIndexType(args.inputs[1]));
  HEDDLE_TRY(CheckIndexType(args.outputs[0]));
  const Operand& input = args.inputs[0];
  const SetFn set = args.outputs[0].type == Type::kInt32 ? SetFnOf<int32_t, Compare>(input.type)
                                                         : SetFnOf<int64_t, Compare>(input.type);
  if (set == nullptr) {
    return Unsupported("input '{}' is {}, expected float32, bool or a signed or 8-bit integer",
                       input.name, TypeName(input.type));
  }
  return MadeOperation(std::make_unique<Arg>(set));
}

}  // namespace

MadeOperation MakeArgMax(const MakeArgs& args) { return MakeArg<Greater>(args); }

MadeOperation MakeArgMin(const MakeArgs& args) { return MakeArg<Less>(args); }

}  // namespace heddle::core
