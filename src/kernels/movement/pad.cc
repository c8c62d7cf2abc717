// SPDX-License-Identifier: Apache-2.0
// PAD: the input as one box of the output, and for each axis a box of padding before and behind it.
#include <cstring>

#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

struct Paddings {
  std::array<int64_t, Shape::kMaxRank> before{}, behind{};
};

Result<Paddings> ReadPaddings(std::span<const Operand> inputs) {
  const Operand& operand = inputs[1];
  const int rank = inputs[0].shape.rank();
  if (!(operand.shape == Shape{rank, 2})) {
    return BadValue(operand, "paddings '{}' have shape {}, expected {}x2 (input shape {})",
                    operand.name, operand.shape.ToString(), rank, inputs[0].shape.ToString());
  }
  HEDDLE_ASSIGN(const IntList list, ReadInts(operand, "paddings"));
  Paddings paddings;
  for (int i = 0; i < 2 * rank; ++i) {
    if (list[i] < 0 || list[i] > INT32_MAX) {
      return BadValue(operand, "padding {} of axis {} is {}, expected 0 to 2^31 - 1", i % 2, i / 2,
                      list[i]);
    }
    (i % 2 == 0 ? paddings.before : paddings.behind)[i / 2] = list[i];
  }
  return paddings;
}

class Pad final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const Paddings paddings, ReadPaddings(inputs));
    Shape padded = inputs[0].shape;
    for (int i = 0; i < padded.rank(); ++i) {
      const int64_t size = padded[i] + paddings.before[i] + paddings.behind[i];
      if (size > INT32_MAX) {
        return BadValue(inputs[1], "axis {} would have size {}, expected less than 2^31", i, size);
      }
      padded[i] = static_cast<int32_t>(size);
    }
    outputs[0] = padded;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_ASSIGN(const Paddings paddings, ReadPaddings(inputs));
    CopySpec spec;
    spec.type = inputs[0].type;
    spec.fill = FillOf(outputs[0]);
    if (outputs[0].shape.elements() > 0)
      spec.boxes = Boxes(inputs[0].shape, paddings, outputs[0].shape);
    LowerCopy(spec, step);
    return Status();
  }

 private:
  static std::vector<CopyBox> Boxes(const Shape& input, const Paddings& paddings,
                                    const Shape& output) {
    std::vector<CopyBox> boxes;
    CopyBox box;  // the padding of the axes before i lies outside of it
    box.dims = output;
    box.out_stride = RowMajor(output);
    for (int i = 0; i < box.dims.rank(); ++i) {
      CopyBox fill = box;
      fill.input = CopyBox::kFill;
      fill.dims[i] = static_cast<int32_t>(paddings.before[i]);
      boxes.push_back(fill);
      fill.out_offset += (paddings.before[i] + input[i]) * box.out_stride[i];
      fill.dims[i] = static_cast<int32_t>(paddings.behind[i]);
      boxes.push_back(fill);
      box.dims[i] = input[i];
      box.out_offset += paddings.before[i] * box.out_stride[i];
    }
    if (input.elements() == 0) return boxes;
    box.in_stride = RowMajor(input);
    boxes.push_back(box);
    return boxes;
  }

  // A quantised tensor is padded with what stands for the real zero.
  static std::array<std::byte, 16> FillOf(const Operand& output) {
    std::array<std::byte, 16> fill{};
    const bool quantised =
        output.type == Type::kInt8 || output.type == Type::kUInt8 || output.type == Type::kInt16;
    const int32_t zero = quantised ? output.quant->ZeroPoint() : 0;
    std::memcpy(fill.data(), &zero, sizeof(zero));  // little-endian: the low bytes are the element
    return fill;
  }
};

}  // namespace

MadeOperation MakePad(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  switch (args.inputs[1].type) {
    case Type::kInt8:
    case Type::kInt16:
    case Type::kInt32:
    case Type::kInt64:
    case Type::kBool:
      return MadeOperation(std::make_unique<Pad>());
    default:
      return InvalidModel("paddings '{}' are {}, expected integers", args.inputs[1].name,
                          TypeName(args.inputs[1].type));
  }
}

}  // namespace heddle::core
