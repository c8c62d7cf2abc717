// SPDX-License-Identifier: Apache-2.0
// SLICE: one box of the input.
#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/movement/string_copy.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

struct Region {
  Shape dims;
  Strides begin{};
};

class Slice final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 2 | 4; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const Region region, Resolve(inputs));
    outputs[0] = region.dims;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    HEDDLE_ASSIGN(const Region region, Resolve(inputs));
    CopyBox box;
    box.dims = region.dims;
    if (box.dims.elements() > 0) {
      box.in_stride = RowMajor(inputs[0].shape);
      box.out_stride = RowMajor(box.dims);
      for (int i = 0; i < box.dims.rank(); ++i) box.in_offset += region.begin[i] * box.in_stride[i];
    }
    if (inputs[0].type == Type::kString) {
      LowerStringCopy(box, region.dims, step);
      return Status();
    }
    CopySpec spec;
    spec.type = inputs[0].type;
    spec.boxes = {box};
    LowerCopy(spec, step);
    return Status();
  }

 private:
  // One value for each axis of the input.
  static Result<IntList> ReadPerAxis(const Operand& operand, const char* role, const Shape& input) {
    HEDDLE_ASSIGN(const IntList list, ReadInts(operand, role));
    if (operand.shape.rank() == 1 && list.size == input.rank()) return list;
    return BadValue(operand, "{} '{}' has shape {}, expected {} values in one dimension", role,
                    operand.name, operand.shape.ToString(), input.rank());
  }

  // A size of -1 is all that is left of its axis.
  static Result<Region> Resolve(std::span<const Operand> inputs) {
    const Shape& input = inputs[0].shape;
    HEDDLE_ASSIGN(const IntList begin, ReadPerAxis(inputs[1], "begin", input));
    HEDDLE_ASSIGN(const IntList size, ReadPerAxis(inputs[2], "size", input));
    Region region;
    for (int i = 0; i < input.rank(); ++i) {
      if (begin[i] < 0 || begin[i] > input[i]) {
        return BadValue(inputs[1], "begin {} is {}, expected 0 to {} (input shape {})", i, begin[i],
                        input[i], input.ToString());
      }
      const int64_t rest = input[i] - begin[i];
      if (size[i] < -1 || size[i] > rest) {
        return BadValue(inputs[2], "size {} is {}, expected -1 to {} (input shape {}, begin {})", i,
                        size[i], rest, input.ToString(), begin[i]);
      }
      region.begin[i] = begin[i];
      region.dims.Append(static_cast<int32_t>(size[i] == -1 ? rest : size[i]));
    }
    return region;
  }
};

}  // namespace

MadeOperation MakeSlice(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 3, 3, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  if (args.inputs[0].type != Type::kString) HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  for (size_t i = 1; i < 3; ++i) HEDDLE_TRY(CheckIndexType(args.inputs[i]));
  return MadeOperation(std::make_unique<Slice>());
}

}  // namespace heddle::core
