// SPDX-License-Identifier: Apache-2.0
// SPLIT, SPLIT_V, UNPACK: parts of the input along an axis, a box for each.
#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

// Copies input `index`, cut along `axis` into parts of these sizes, to the outputs.
void LowerParts(std::span<const Operand> inputs, int index, int axis,
                std::span<const int32_t> sizes, Step& step) {
  const Operand& input = inputs[static_cast<size_t>(index)];
  CopySpec spec;
  spec.type = input.type;
  if (input.shape.elements() > 0) {
    const Strides in_stride = RowMajor(input.shape);
    int64_t at = 0;
    for (size_t k = 0; k < sizes.size(); ++k) {
      CopyBox box;
      box.input = index;
      box.output = static_cast<int>(k);
      box.dims = input.shape;
      box.dims[axis] = sizes[k];
      box.in_stride = in_stride;
      box.in_offset = at * in_stride[axis];
      at += sizes[k];
      if (sizes[k] == 0) continue;
      box.out_stride = RowMajor(box.dims);
      spec.boxes.push_back(box);
    }
  }
  LowerCopy(spec, step);
}

// --- SPLIT: axis, input ---

class Split final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 1; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    Shape part = inputs[1].shape;
    HEDDLE_ASSIGN(const int axis, ReadAxis(inputs[0], part));
    const int32_t parts = static_cast<int32_t>(outputs.size());
    if (part[axis] % parts != 0) {
      return BadValue(inputs[0],
                      "axis {} of input shape {} has size {}, expected a multiple of {} parts",
                      axis, part.ToString(), part[axis], parts);
    }
    part[axis] /= parts;
    for (Shape& output : outputs) output = part;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_ASSIGN(const int axis, ReadAxis(inputs[0], inputs[1].shape));
    const std::vector<int32_t> sizes(outputs.size(), outputs[0].shape[axis]);
    LowerParts(inputs, 1, axis, sizes, step);
    return Status();
  }
};

// --- SPLIT_V: input, sizes, axis ---

class SplitV final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 2 | 4; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& shape = inputs[0].shape;
    HEDDLE_ASSIGN(const int axis, ReadAxis(inputs[2], shape));
    HEDDLE_ASSIGN(const std::vector<int32_t> sizes,
                  ReadSizes(inputs[1], outputs.size(), axis, shape));
    for (size_t k = 0; k < outputs.size(); ++k) {
      outputs[k] = shape;
      outputs[k][axis] = sizes[k];
    }
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_ASSIGN(const int axis, ReadAxis(inputs[2], inputs[0].shape));
    std::vector<int32_t> sizes;
    for (const Operand& output : outputs) sizes.push_back(output.shape[axis]);
    LowerParts(inputs, 0, axis, sizes, step);
    return Status();
  }

 private:
  // The sizes of the parts; one of them may be -1 for what the others leave.
  static Result<std::vector<int32_t>> ReadSizes(const Operand& operand, size_t parts, int axis,
                                                const Shape& shape) {
    if (operand.shape.rank() != 1 || static_cast<size_t>(operand.shape[0]) != parts) {
      return BadValue(operand, "sizes '{}' have shape {}, expected {} (number of outputs)",
                      operand.name, operand.shape.ToString(), parts);
    }
    std::vector<int32_t> sizes(parts);
    int64_t left = shape[axis];
    size_t rest = parts;  // which of them is -1
    for (size_t k = 0; k < parts; ++k) {
      const int64_t size =
          operand.type == Type::kInt64 ? operand.As<int64_t>()[k] : operand.As<int32_t>()[k];
      if (size == -1 && rest == parts) {
        rest = k;
        continue;
      }
      if (size < 0 || size > left) {
        return BadValue(operand, "size {} is {}, expected 0 to {} (what is left of axis {} of {})",
                        k, size, left, axis, shape.ToString());
      }
      sizes[k] = static_cast<int32_t>(size);
      left -= size;
    }
    if (rest < parts) {
      sizes[rest] = static_cast<int32_t>(left);
    } else if (left != 0) {
      return BadValue(operand, "sizes '{}' add up to {}, expected {} (axis {} of {})", operand.name,
                      shape[axis] - left, shape[axis], axis, shape.ToString());
    }
    return sizes;
  }
};

// --- UNPACK ---

class Unpack final : public Operation {
 public:
  explicit Unpack(int32_t axis) : axis_(axis) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& shape = inputs[0].shape;
    const int axis = ResolveAxis(axis_, shape.rank());
    if (axis < 0) {
      return InvalidModel("axis is {}, expected -{} to {} (input shape {})", axis_, shape.rank(),
                          shape.rank() - 1, shape.ToString());
    }
    if (static_cast<size_t>(shape[axis]) != outputs.size()) {
      return InvalidModel("axis {} of input '{}' has size {}, expected {} (number of outputs)",
                          axis, inputs[0].name, shape[axis], outputs.size());
    }
    Shape part;
    for (int i = 0; i < shape.rank(); ++i) {
      if (i != axis) part.Append(shape[i]);
    }
    for (Shape& output : outputs) output = part;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const std::vector<int32_t> sizes(outputs.size(), 1);
    LowerParts(inputs, 0, ResolveAxis(axis_, inputs[0].shape.rank()), sizes, step);
    return Status();
  }

 private:
  int32_t axis_;
};

Status CheckOutputs(const MakeArgs& args, const Operand& input) {
  for (const Operand& output : args.outputs) {
    if (output.type == input.type) continue;
    return InvalidModel("output '{}' is {}, expected {} (type of the input)", output.name,
                        TypeName(output.type), TypeName(input.type));
  }
  return CheckCopyable(input);
}

// num_splits says how many outputs there are.
Status CheckParts(const MakeArgs& args, size_t inputs) {
  const int32_t parts = args.op.OptionsOr<SplitOptions>().num_splits;
  if (parts < 1) return InvalidModel("num_splits is {}, expected at least 1", parts);
  return CheckCounts(args, inputs, inputs, static_cast<size_t>(parts));
}

Status CheckInt32(const Operand& operand, const char* role) {
  if (operand.type == Type::kInt32) return Status();
  return InvalidModel("{} '{}' is {}, expected int32", role, operand.name, TypeName(operand.type));
}

}  // namespace

MadeOperation MakeSplit(const MakeArgs& args) {
  HEDDLE_TRY(CheckParts(args, 2));
  HEDDLE_TRY(CheckInt32(args.inputs[0], "axis"));
  HEDDLE_TRY(CheckOutputs(args, args.inputs[1]));
  return MadeOperation(std::make_unique<Split>());
}

MadeOperation MakeSplitV(const MakeArgs& args) {
  HEDDLE_TRY(CheckParts(args, 3));
  HEDDLE_TRY(CheckIndexType(args.inputs[1]));
  HEDDLE_TRY(CheckInt32(args.inputs[2], "axis"));
  HEDDLE_TRY(CheckOutputs(args, args.inputs[0]));
  return MadeOperation(std::make_unique<SplitV>());
}

MadeOperation MakeUnpack(const MakeArgs& args) {
  const PackOptions options = args.op.OptionsOr<PackOptions>();
  if (options.values_count < 1) {
    return InvalidModel("num is {}, expected at least 1", options.values_count);
  }
  HEDDLE_TRY(CheckCounts(args, 1, 1, static_cast<size_t>(options.values_count)));
  HEDDLE_TRY(CheckOutputs(args, args.inputs[0]));
  return MadeOperation(std::make_unique<Unpack>(options.axis));
}

}  // namespace heddle::core
