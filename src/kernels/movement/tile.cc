// SPDX-License-Identifier: Apache-2.0
// TILE, BROADCAST_TO: a repeated axis is read with stride zero. BROADCAST_ARGS: the shape that two
// shapes broadcast to.
#include <algorithm>
#include <cstring>

#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/movement/string_copy.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

// --- TILE ---

struct Factor {
  int64_t size, in, out;
};

// Each axis is its repetitions, then its elements; neighbours that act as one are merged.
std::vector<Factor> TileFactors(const Shape& input, const Shape& output) {
  std::vector<Factor> factors;
  const auto add = [&](Factor f) {
    if (f.size == 1) return;
    if (!factors.empty()) {
      Factor& last = factors.back();
      const bool fits = last.size <= INT32_MAX / f.size;
      if (fits && last.in == f.size * f.in && last.out == f.size * f.out) {
        last = {last.size * f.size, f.in, f.out};
        return;
      }
    }
    factors.push_back(f);
  };
  const Strides in = RowMajor(input), out = RowMajor(output);
  for (int i = 0; i < input.rank(); ++i) {
    add({output[i] / input[i], 0, input[i] * out[i]});
    add({input[i], in[i], out[i]});
  }
  return factors;
}

// One box, or several where the factors are more than a box has axes: one for each index of the
// outermost.
void AddTileBoxes(std::span<const Factor> factors, CopyBox box, std::vector<CopyBox>& boxes) {
  if (factors.size() <= Shape::kMaxRank) {
    for (const Factor& f : factors) {
      const int axis = box.dims.rank();
      box.dims.Append(static_cast<int32_t>(f.size));
      box.in_stride[axis] = f.in;
      box.out_stride[axis] = f.out;
    }
    boxes.push_back(box);
    return;
  }
  for (int64_t i = 0; i < factors[0].size; ++i) {
    AddTileBoxes(factors.subspan(1), box, boxes);
    box.in_offset += factors[0].in;
    box.out_offset += factors[0].out;
  }
}

class Tile final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    Shape shape = inputs[0].shape;
    const Operand& operand = inputs[1];
    HEDDLE_ASSIGN(const IntList multiples, ReadInts(operand, "multiples"));
    if (operand.shape.rank() != 1 || multiples.size != shape.rank()) {
      return BadValue(operand, "multiples '{}' have shape {}, expected {} (input shape {})",
                      operand.name, operand.shape.ToString(), shape.rank(), shape.ToString());
    }
    for (int i = 0; i < shape.rank(); ++i) {
      int64_t size = 0;
      const bool overflow = __builtin_mul_overflow(int64_t{shape[i]}, multiples[i], &size);
      if (multiples[i] < 0 || overflow || size > INT32_MAX) {
        return BadValue(operand, "multiple {} is {}, expected 0 or more and a size below 2^31", i,
                        multiples[i]);
      }
      shape[i] = static_cast<int32_t>(size);
    }
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    CopySpec spec;
    spec.type = inputs[0].type;
    if (outputs[0].shape.elements() > 0) {
      AddTileBoxes(TileFactors(inputs[0].shape, outputs[0].shape), CopyBox(), spec.boxes);
    }
    if (spec.type != Type::kString) {
      LowerCopy(spec, step);
      return Status();
    }
    if (spec.boxes.size() > 1) {
      return Unsupported("strings '{}' of shape {} repeated to {}, expected fewer dimensions",
                         inputs[0].name, inputs[0].shape.ToString(), outputs[0].shape.ToString());
    }
    LowerStringCopy(spec.boxes.empty() ? CopyBox() : spec.boxes[0], outputs[0].shape, step);
    return Status();
  }
};

// --- BROADCAST_TO ---

class BroadcastTo final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& from = inputs[0].shape;
    const Operand& operand = inputs[1];
    HEDDLE_ASSIGN(const IntList sizes, ReadInts(operand, "shape"));
    if (operand.shape.rank() != 1 || sizes.size > Shape::kMaxRank || sizes.size < from.rank()) {
      return BadValue(operand, "shape '{}' has shape {}, expected one dimension of {} to {} sizes",
                      operand.name, operand.shape.ToString(), from.rank(), Shape::kMaxRank);
    }
    Shape to;
    const int added = sizes.size - from.rank();
    for (int i = 0; i < sizes.size; ++i) {
      const bool fits = i < added || from[i - added] == 1 || from[i - added] == sizes[i];
      if (!fits || sizes[i] < 0 || sizes[i] > INT32_MAX) {
        return BadValue(operand, "size {} is {}, to which input shape {} does not broadcast", i,
                        sizes[i], from.ToString());
      }
      to.Append(static_cast<int32_t>(sizes[i]));
    }
    outputs[0] = to;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape &from = inputs[0].shape, &to = outputs[0].shape;
    CopySpec spec;
    spec.type = inputs[0].type;
    if (to.elements() > 0) {
      CopyBox box;
      box.dims = to;
      box.out_stride = RowMajor(to);
      const Strides in = RowMajor(from);
      const int added = to.rank() - from.rank();
      for (int i = 0; i < from.rank(); ++i) box.in_stride[i + added] = from[i] == 1 ? 0 : in[i];
      spec.boxes = {box};
    }
    LowerCopy(spec, step);
    return Status();
  }
};

// --- BROADCAST_ARGS ---

struct ArgsParams {
  int sizes[2];  // of the two shapes
};

// Axis i of shape k, brought to the rank of the longer one.
template <class T>
T ArgsSize(const ArgsParams& p, const TileArgs& args, int k, int i) {
  const int at = i - (std::max(p.sizes[0], p.sizes[1]) - p.sizes[k]);
  return at < 0 ? T{1} : static_cast<const T*>(args.inputs[k])[at];
}

template <class T>
TileCode BroadcastArgsTile(const ArgsParams& p, const TileArgs& args, TileRange tiles) {
  if (tiles.begin == tiles.end) return TileCode::kOk;
  T* out = static_cast<T*>(args.outputs[0]);
  for (int i = 0; i < std::max(p.sizes[0], p.sizes[1]); ++i) {
    const T a = ArgsSize<T>(p, args, 0, i), b = ArgsSize<T>(p, args, 1, i);
    if (a != b && a != 1 && b != 1) return TileCode::kBadValue;
    out[i] = a == 1 ? b : a;
  }
  return TileCode::kOk;
}

template <class T>
Fault BroadcastArgsFault(const ArgsParams& p, const TileArgs& args) {
  const int rank = std::max(p.sizes[0], p.sizes[1]);
  for (int i = 0; i < rank; ++i) {
    const T a = ArgsSize<T>(p, args, 0, i), b = ArgsSize<T>(p, args, 1, i);
    if (a != b && a != 1 && b != 1)
      return {1, i - (rank - p.sizes[1]), fmt::format("{}", b),
              fmt::format("1 or the other shape's {}", a)};
  }
  return {};
}

class BroadcastArgs final : public Operation {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    for (const Operand& input : inputs) {
      if (input.shape.rank() == 1) continue;
      return InvalidModel("input '{}' has shape {}, expected one dimension", input.name,
                          input.shape.ToString());
    }
    outputs[0] = {std::max(inputs[0].shape[0], inputs[1].shape[0])};
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const ArgsParams p{{inputs[0].shape[0], inputs[1].shape[0]}};
    const int64_t tiles = outputs[0].shape[0] > 0 ? 1 : 0;
    if (outputs[0].type == Type::kInt32) {
      SetTiled<&BroadcastArgsTile<int32_t>>(step, p, tiles, 10);
      step.fault = EraseFault<&BroadcastArgsFault<int32_t>>();
    } else {
      SetTiled<&BroadcastArgsTile<int64_t>>(step, p, tiles, 10);
      step.fault = EraseFault<&BroadcastArgsFault<int64_t>>();
    }
    step.kernel = "broadcast_args";
    return Status();
  }
};

}  // namespace

MadeOperation MakeTile(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  if (args.inputs[0].type != Type::kString) HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  HEDDLE_TRY(CheckIndexType(args.inputs[1]));
  return MadeOperation(std::make_unique<Tile>());
}

MadeOperation MakeBroadcastTo(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  HEDDLE_TRY(CheckIndexType(args.inputs[1]));
  return MadeOperation(std::make_unique<BroadcastTo>());
}

MadeOperation MakeBroadcastArgs(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 2));
  HEDDLE_TRY(CheckIndexType(args.outputs[0]));
  return MadeOperation(std::make_unique<BroadcastArgs>());
}

}  // namespace heddle::core
