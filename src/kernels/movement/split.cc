// SPDX-License-Identifier: Apache-2.0
// SPLIT: equal parts of the input along an axis.
#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

class Split final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 1; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    Shape part = inputs[1].shape;
    HEDDLE_ASSIGN(const int axis, ReadAxis(inputs));
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
    HEDDLE_ASSIGN(const int axis, ReadAxis(inputs));
    CopySpec spec;
    spec.type = inputs[1].type;
    if (inputs[1].shape.elements() == 0) {
      LowerCopy(spec, step);
      return Status();
    }
    const Strides in_stride = RowMajor(inputs[1].shape);
    for (size_t k = 0; k < outputs.size(); ++k) {
      CopyBox box;
      box.input = 1;
      box.output = static_cast<int>(k);
      box.dims = outputs[k].shape;
      box.in_stride = in_stride;
      box.out_stride = RowMajor(box.dims);
      box.in_offset = static_cast<int64_t>(k) * box.dims[axis] * in_stride[axis];
      spec.boxes.push_back(box);
    }
    LowerCopy(spec, step);
    return Status();
  }

 private:
  static Result<int> ReadAxis(std::span<const Operand> inputs) {
    HEDDLE_ASSIGN(const IntList list, ReadInts(inputs[0], "axis"));
    if (list.size != 1) {
      return BadValue(inputs[0], "axis '{}' has {} values, expected 1", inputs[0].name, list.size);
    }
    const int rank = inputs[1].shape.rank();
    const int axis = ResolveAxis(list[0], rank);
    if (axis < 0) {
      return BadValue(inputs[0], "axis is {}, expected -{} to {} (input shape {})", list[0], rank,
                      rank - 1, inputs[1].shape.ToString());
    }
    return axis;
  }
};

}  // namespace

MadeOperation MakeSplit(const MakeArgs& args) {
  const int32_t parts = args.op.OptionsOr<SplitOptions>().num_splits;
  if (parts < 1) return InvalidModel("num_splits is {}, expected at least 1", parts);
  HEDDLE_TRY(CheckCounts(args, 2, 2, static_cast<size_t>(parts)));
  if (args.inputs[0].type != Type::kInt32) {
    return InvalidModel("axis '{}' is {}, expected int32", args.inputs[0].name,
                        TypeName(args.inputs[0].type));
  }
  for (const Operand& output : args.outputs) {
    if (output.type == args.inputs[1].type) continue;
    return InvalidModel("output '{}' is {}, expected {} (type of the input)", output.name,
                        TypeName(output.type), TypeName(args.inputs[1].type));
  }
  HEDDLE_TRY(CheckCopyable(args.inputs[1]));
  return MadeOperation(std::make_unique<Split>());
}

}  // namespace heddle::core
