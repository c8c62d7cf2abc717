// SPDX-License-Identifier: Apache-2.0
// RESHAPE, SQUEEZE, EXPAND_DIMS: the same bytes under another shape. SHAPE: the shape itself.
#include <algorithm>
#include <cstring>

#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

class View : public Operation {
 public:
  Status Lower(std::span<const Operand>, std::span<const Operand>, Step& step) const final {
    step.kind = StepKind::kAlias;
    step.kernel = "view";
    return Status();
  }
};

// --- RESHAPE ---

struct Target {
  Shape dims;
  int wildcard = -1;
  int64_t nonzero = 1;  // product of the sizes that are neither zero nor the wildcard
  bool zero = false;
};

class Reshape final : public View {
 public:
  Reshape(bool by_operand, IntList option) : by_operand_(by_operand), option_(option) {}

  uint32_t ValueInputs() const override { return by_operand_ ? 2 : 0; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    // LiteRT reads the shape from the operand only when that is a vector.
    const bool by_operand = by_operand_ && inputs[1].shape.rank() == 1;
    IntList wanted = option_;
    if (by_operand) {
      HEDDLE_ASSIGN(wanted, ReadInts(inputs[1], "shape"));
    }
    const Status status = Resolve(inputs[0].shape, wanted, outputs[0]);
    if (status.ok() || !by_operand || inputs[1].constant) return status;
    return status.code() == Code::kInvalidModel
               ? Status(Code::kInvalidArgument, std::string(status.message()))
               : status;
  }

 private:
  static Result<Target> ReadTarget(const IntList& wanted) {
    Target target;
    for (int i = 0; i < wanted.size; ++i) {
      const int64_t size = wanted[i];
      if (size < -1 || size > INT32_MAX) {
        return InvalidModel("size {} of the new shape is {}, expected at least -1", i, size);
      }
      HEDDLE_TRY(AppendDim(target.dims, static_cast<int32_t>(size)));
      if (size == -1) {
        if (target.wildcard >= 0) {
          return InvalidModel("the new shape has several sizes of -1, expected one at most");
        }
        target.wildcard = i;
      } else if (size == 0) {
        target.zero = true;
      } else if (__builtin_mul_overflow(target.nonzero, size, &target.nonzero)) {
        return InvalidModel("the new shape {} has too many elements", target.dims.ToString());
      }
    }
    return target;
  }

  static Status Resolve(const Shape& from, const IntList& wanted, Shape& to) {
    HEDDLE_ASSIGN(Target target, ReadTarget(wanted));
    const int64_t elements = from.elements();
    if (target.wildcard >= 0) {
      int64_t nonzero = 1;
      for (const int32_t size : from.dims()) {
        if (__builtin_mul_overflow(nonzero, std::max(size, 1), &nonzero)) {
          return InvalidModel("input shape {} is too large", from.ToString());
        }
      }
      const int64_t size = elements == 0 && !target.zero ? 0 : nonzero / target.nonzero;
      if (size > INT32_MAX)
        return InvalidModel("size {} of the new shape would be {}", target.wildcard, size);
      target.dims[target.wildcard] = static_cast<int32_t>(size);
      target.zero |= size == 0;
      target.nonzero *= std::max<int64_t>(size, 1);
    }
    if ((target.zero ? 0 : target.nonzero) != elements) {
      return InvalidModel("the new shape {} has {} elements, expected {} (input shape {})",
                          target.dims.ToString(), target.zero ? 0 : target.nonzero, elements,
                          from.ToString());
    }
    to = target.dims;
    return Status();
  }

  bool by_operand_;
  IntList option_;
};

// --- SQUEEZE ---

class Squeeze final : public View {
 public:
  explicit Squeeze(std::vector<int32_t> axes) : axes_(std::move(axes)) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& shape = inputs[0].shape;
    uint32_t dropped = 0;
    for (const int32_t given : axes_) {
      const int axis = ResolveAxis(given, shape.rank());
      if (axis < 0)
        return InvalidModel("axis {} is outside input shape {}", given, shape.ToString());
      if (shape[axis] != 1) {
        return InvalidModel("axis {} has size {}, expected 1 (input shape {})", given, shape[axis],
                            shape.ToString());
      }
      dropped |= 1u << axis;
    }
    Shape kept;
    for (int i = 0; i < shape.rank(); ++i) {
      const bool drop = axes_.empty() ? shape[i] == 1 : (dropped >> i & 1) != 0;
      if (!drop) kept.Append(shape[i]);
    }
    outputs[0] = kept;
    return Status();
  }

 private:
  std::vector<int32_t> axes_;
};

// --- EXPAND_DIMS ---

class ExpandDims final : public View {
 public:
  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const IntList axis, ReadInts(inputs[1], "axis"));
    if (axis.size != 1) {
      return BadValue(inputs[1], "axis '{}' has {} values, expected 1", inputs[1].name, axis.size);
    }
    const Shape& shape = inputs[0].shape;
    const int at = ResolveAxis(axis[0], shape.rank() + 1);
    if (at < 0) {
      return BadValue(inputs[1], "axis is {}, expected -{} to {} (input shape {})", axis[0],
                      shape.rank() + 1, shape.rank(), shape.ToString());
    }
    Shape expanded;
    for (int i = 0; i <= shape.rank(); ++i) {
      if (i == at) HEDDLE_TRY(AppendDim(expanded, 1));
      if (i < shape.rank()) HEDDLE_TRY(AppendDim(expanded, shape[i]));
    }
    outputs[0] = expanded;
    return Status();
  }
};

// --- SHAPE ---

struct ShapeParams {
  Shape shape;
  bool wide;
};

TileCode ShapeTile(const ShapeParams& params, const TileArgs& args, TileRange tiles) {
  if (tiles.begin == tiles.end) return TileCode::kOk;
  std::byte* out = static_cast<std::byte*>(args.outputs[0]);
  for (int i = 0; i < params.shape.rank(); ++i) {
    const int64_t size = params.shape[i];
    const int32_t narrow = params.shape[i];
    if (params.wide) {
      std::memcpy(out + i * sizeof(size), &size, sizeof(size));
    } else {
      std::memcpy(out + i * sizeof(narrow), &narrow, sizeof(narrow));
    }
  }
  return TileCode::kOk;
}

class ShapeOf final : public Operation {
 public:
  bool ReadsOnlyShapes() const override { return true; }
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    outputs[0] = {inputs[0].shape.rank()};
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const ShapeParams params{inputs[0].shape, outputs[0].type == Type::kInt64};
    SetTiled<&ShapeTile>(step, params, inputs[0].shape.rank() > 0 ? 1 : 0, 10);
    step.kernel = "shape";
    return Status();
  }
};

}  // namespace

MadeOperation MakeReshape(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const bool by_operand = args.inputs.size() == 2 && args.inputs[1].type == Type::kInt32;
  const ReshapeOptions options = args.op.OptionsOr<ReshapeOptions>();
  if (options.shape.size() > IntList::kMax) {
    return Unsupported("the new shape has {} dimensions, expected at most {}", options.shape.size(),
                       Shape::kMaxRank);
  }
  IntList option;
  // A shape option of one zero is how old converters wrote a scalar.
  const bool scalar = options.shape.size() == 1 && options.shape[0] == 0;
  if (!scalar) std::copy(options.shape.begin(), options.shape.end(), option.at.begin());
  option.size = scalar ? 0 : static_cast<int>(options.shape.size());
  return MadeOperation(std::make_unique<Reshape>(by_operand, option));
}

MadeOperation MakeSqueeze(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  return MadeOperation(std::make_unique<Squeeze>(args.op.OptionsOr<SqueezeOptions>().dims));
}

MadeOperation MakeExpandDims(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const Operand& axis = args.inputs[1];
  if (axis.type != Type::kInt32 && axis.type != Type::kInt64) {
    return InvalidModel("axis '{}' is {}, expected int32 or int64", axis.name, TypeName(axis.type));
  }
  if (!SameQuantization(args.inputs[0], args.outputs[0])) {
    return InvalidModel("output '{}' is quantised otherwise than input '{}'", args.outputs[0].name,
                        args.inputs[0].name);
  }
  return MadeOperation(std::make_unique<ExpandDims>());
}

MadeOperation MakeShape(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Type type = args.outputs[0].type;
  if (type != Type::kInt32 && type != Type::kInt64) {
    return InvalidModel("output '{}' is {}, expected int32 or int64", args.outputs[0].name,
                        TypeName(type));
  }
  return MadeOperation(std::make_unique<ShapeOf>());
}

}  // namespace heddle::core
