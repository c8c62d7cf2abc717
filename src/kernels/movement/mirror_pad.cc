// SPDX-License-Identifier: Apache-2.0
// MIRROR_PAD: along each axis the input walked backwards, forwards and backwards again; a box for
// each choice of one of the three for every axis.
#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

// A part of an axis of the output: `size` elements from the input's `from` on, by `step`.
struct Part {
  int64_t size, from, step;
};
using AxisParts = std::array<Part, 3>;

class MirrorPad final : public Operation {
 public:
  explicit MirrorPad(bool symmetric) : offset_(symmetric ? 0 : 1) {}

  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const std::vector<AxisParts> parts, ReadParts(inputs));
    Shape shape;
    for (const AxisParts& p : parts) {
      const int64_t size = p[0].size + p[1].size + p[2].size;
      if (size > INT32_MAX) {
        return BadValue(inputs[1], "axis {} would have size {}, expected less than 2^31",
                        shape.rank(), size);
      }
      shape.Append(static_cast<int32_t>(size));
    }
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_ASSIGN(const std::vector<AxisParts> parts, ReadParts(inputs));
    CopySpec spec;
    spec.type = inputs[0].type;
    if (outputs[0].shape.elements() > 0) {
      CopyBox box;
      box.dims = outputs[0].shape;
      box.out_stride = RowMajor(box.dims);
      AddBoxes(parts, RowMajor(inputs[0].shape), 0, box, spec.boxes);
    }
    LowerCopy(spec, step);
    return Status();
  }

 private:
  // The reflected element is not repeated (offset 1), or is (offset 0).
  Result<std::vector<AxisParts>> ReadParts(std::span<const Operand> inputs) const {
    const Shape& shape = inputs[0].shape;
    const Operand& operand = inputs[1];
    if (!(operand.shape == Shape{shape.rank(), 2})) {
      return BadValue(operand, "paddings '{}' have shape {}, expected {}x2 (input shape {})",
                      operand.name, operand.shape.ToString(), shape.rank(), shape.ToString());
    }
    HEDDLE_ASSIGN(const IntList list, ReadInts(operand, "paddings"));
    std::vector<AxisParts> parts;
    for (int i = 0; i < shape.rank(); ++i) {
      const int64_t size = shape[i], before = list[2 * i], behind = list[2 * i + 1];
      if (before < 0 || behind < 0 || before > size - offset_ || behind > size - offset_) {
        return BadValue(operand, "paddings of axis {} are {} and {}, expected 0 to {} (size {})", i,
                        before, behind, size - offset_, size);
      }
      parts.push_back({Part{before, before - 1 + offset_, -1}, Part{size, 0, 1},
                       Part{behind, size - 1 - offset_, -1}});
    }
    return parts;
  }

  // The boxes of axes [axis, rank); `box` says where the parts of those before lie.
  static void AddBoxes(std::span<const AxisParts> parts, const Strides& in, int axis, CopyBox box,
                       std::vector<CopyBox>& boxes) {
    if (axis == box.dims.rank()) {
      boxes.push_back(box);
      return;
    }
    const int64_t stride = box.out_stride[axis];
    for (const Part& part : parts[axis]) {
      if (part.size == 0) continue;
      CopyBox sub = box;
      sub.dims[axis] = static_cast<int32_t>(part.size);
      sub.in_stride[axis] = part.step * in[axis];
      sub.in_offset += part.from * in[axis];
      AddBoxes(parts, in, axis + 1, sub, boxes);
      box.out_offset += part.size * stride;
    }
  }

  const int64_t offset_;
};

}  // namespace

MadeOperation MakeMirrorPad(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  HEDDLE_TRY(CheckIndexType(args.inputs[1]));
  const bool symmetric = args.op.OptionsOr<MirrorPadOptions>().symmetric;
  return MadeOperation(std::make_unique<MirrorPad>(symmetric));
}

}  // namespace heddle::core
