// SPDX-License-Identifier: Apache-2.0
// CONCATENATION along an axis, PACK along a new one: a box for each input.
#include <cmath>
#include <cstring>

#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/operators.h"
#include "kernels/quant.h"

namespace heddle::core {
namespace {

// Boxes that lay the inputs side by side: `sizes` elements each along `axis` of an output of this
// shape.
CopySpec SideBySide(Type type, std::span<const Shape> boxes, const Shape& output, int axis) {
  CopySpec spec;
  spec.type = type;
  if (output.elements() == 0) return spec;
  const Strides out_stride = RowMajor(output);
  int64_t at = 0;
  for (size_t i = 0; i < boxes.size(); ++i) {
    CopyBox box;
    box.input = static_cast<int>(i);
    box.dims = boxes[i];
    box.in_stride = RowMajor(boxes[i]);
    box.out_stride = out_stride;
    box.out_offset = at * out_stride[axis];
    at += boxes[i][axis];
    spec.boxes.push_back(box);
  }
  return spec;
}

// q of the input's scale and zero point as the output's: nearest of x*k + bias in float, ties away
// from zero.
ByteTable RescaleTable(const Quantization& from, const Quantization& to) {
  const float k = from.Scale() * (1.0f / to.Scale());
  const float bias = static_cast<float>(-from.ZeroPoint()) * k;
  ByteTable table;
  for (int x = 0; x < 256; ++x) {
    const float scaled = static_cast<float>(x) * k;
    const int64_t q = std::clamp<int64_t>(RoundHalfAway(scaled + bias), INT32_MIN, INT32_MAX);
    table[x] = static_cast<uint8_t>(std::clamp<int64_t>(q + to.ZeroPoint(), 0, 255));
  }
  return table;
}

class Concatenation final : public Operation {
 public:
  explicit Concatenation(int32_t axis) : axis_(axis) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    Shape sum = inputs[0].shape;
    const int axis = ResolveAxis(axis_, sum.rank());
    if (axis < 0) return InvalidModel("axis {} is outside input shape {}", axis_, sum.ToString());
    int64_t size = sum[axis];
    for (size_t i = 1; i < inputs.size(); ++i) {
      Shape other = inputs[i].shape;
      const bool same_rank = other.rank() == sum.rank();
      if (same_rank) {
        size += other[axis];
        other[axis] = sum[axis];
      }
      if (!(other == sum)) {
        return InvalidModel(
            "input {} '{}' has shape {}, expected that of input 0 ({}) but for axis {}", i,
            inputs[i].name, inputs[i].shape.ToString(), inputs[0].shape.ToString(), axis);
      }
    }
    if (size > INT32_MAX)
      return InvalidModel("axis {} of the output would have size {}", axis, size);
    sum[axis] = static_cast<int32_t>(size);
    outputs[0] = sum;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    std::vector<Shape> boxes;
    for (const Operand& input : inputs) boxes.push_back(input.shape);
    const Operand& output = outputs[0];
    const int axis = ResolveAxis(axis_, output.shape.rank());
    CopySpec spec = SideBySide(output.type, boxes, output.shape, axis);
    for (size_t i = 0; i < spec.boxes.size() && output.type == Type::kUInt8; ++i) {
      if (SameQuantization(inputs[i], output) || !output.quant->quantised()) continue;
      spec.boxes[i].table = static_cast<int>(spec.tables.size());
      spec.tables.push_back(RescaleTable(*inputs[i].quant, *output.quant));
    }
    LowerCopy(spec, step);
    return Status();
  }

 private:
  int32_t axis_;
};

class Pack final : public Operation {
 public:
  explicit Pack(int32_t axis) : axis_(axis) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& shape = inputs[0].shape;
    for (size_t i = 1; i < inputs.size(); ++i) {
      if (inputs[i].shape == shape) continue;
      return InvalidModel("input {} '{}' has shape {}, expected {} (that of input 0)", i,
                          inputs[i].name, inputs[i].shape.ToString(), shape.ToString());
    }
    const int axis = ResolveAxis(axis_, shape.rank() + 1);
    if (axis < 0) {
      return InvalidModel("axis is {}, expected -{} to {} (input shape {})", axis_,
                          shape.rank() + 1, shape.rank(), shape.ToString());
    }
    HEDDLE_ASSIGN(outputs[0], Inserted(shape, axis, static_cast<int32_t>(inputs.size())));
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& output = outputs[0].shape;
    const int axis = ResolveAxis(axis_, output.rank());
    HEDDLE_ASSIGN(const Shape box, Inserted(inputs[0].shape, axis, 1));
    const std::vector<Shape> boxes(inputs.size(), box);
    LowerCopy(SideBySide(outputs[0].type, boxes, output, axis), step);
    return Status();
  }

 private:
  static Result<Shape> Inserted(const Shape& shape, int axis, int32_t size) {
    Shape result;
    for (int i = 0; i <= shape.rank(); ++i) {
      if (i == axis) HEDDLE_TRY(AppendDim(result, size));
      if (i < shape.rank()) HEDDLE_TRY(AppendDim(result, shape[i]));
    }
    return result;
  }

  int32_t axis_;
};

Status CheckInputs(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, std::max<size_t>(1, args.inputs.size()), args.inputs.size(), 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, args.inputs.size()));
  return CheckCopyable(args.outputs[0]);
}

Status CheckQuantization(const MakeArgs& args) {
  for (const Operand& input : args.inputs) {
    if (SameQuantization(input, args.outputs[0])) continue;
    return InvalidModel("input '{}' is quantised otherwise than output '{}'", input.name,
                        args.outputs[0].name);
  }
  return Status();
}

}  // namespace

// The activation is not applied: XNNPACK, the only kernel of LiteRT that takes one, ignores it.
MadeOperation MakeConcatenation(const MakeArgs& args) {
  HEDDLE_TRY(CheckInputs(args));
  if (args.outputs[0].type == Type::kInt8) HEDDLE_TRY(CheckQuantization(args));
  return MadeOperation(std::make_unique<Concatenation>(args.op.OptionsOr<ConcatOptions>().axis));
}

MadeOperation MakePack(const MakeArgs& args) {
  HEDDLE_TRY(CheckInputs(args));
  HEDDLE_TRY(CheckQuantization(args));
  const PackOptions options = args.op.OptionsOr<PackOptions>();
  if (static_cast<int64_t>(args.inputs.size()) != options.values_count) {
    return InvalidModel("{} inputs, expected {} (values_count)", args.inputs.size(),
                        options.values_count);
  }
  return MadeOperation(std::make_unique<Pack>(options.axis));
}

}  // namespace heddle::core
