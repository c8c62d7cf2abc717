// SPDX-License-Identifier: Apache-2.0
#include "one_operator.h"

#include <cstring>
#include <string>

namespace heddle::bench {
namespace {

using core::Type;

constexpr float kWeightScale = 0.01f;

// Floats in [-1, 1), bytes of any value, biases of at most a thousand.
std::vector<std::byte> MadeUp(Type type, int64_t count) {
  const size_t size = core::TypeBits(type) / 8;
  std::vector<std::byte> bytes(static_cast<size_t>(count) * size);
  uint32_t state = 1;
  for (size_t i = 0; i < bytes.size(); i += size) {
    state = state * 1664525u + 1013904223u;
    const float unit = static_cast<float>(state >> 8) * 0x1p-23f - 1.0f;
    const auto small = static_cast<int64_t>(unit * 1000);
    if (type == Type::kFloat32)
      std::memcpy(&bytes[i], &unit, size);
    else if (size > 1)
      std::memcpy(&bytes[i], &small, size);  // the low bytes
    else
      bytes[i] = static_cast<std::byte>(state >> 24);
  }
  return bytes;
}

core::Quantization EachOf(int32_t channels, float scale, int axis) {
  core::Quantization quant;
  quant.scale.assign(static_cast<size_t>(channels), scale);
  quant.zero_point.assign(static_cast<size_t>(channels), 0);
  quant.axis = axis;
  return quant;
}

std::string Name(size_t operand) { return "operand_" + std::to_string(operand); }

}  // namespace

core::Quantization QuantOf(Type type) {
  switch (type) {
    case Type::kInt8:
      return core::Quant(0.05f, -3);
    case Type::kUInt8:
      return core::Quant(0.05f, 125);
    case Type::kInt16:
      return core::Quant(0.0005f);
    default:
      return {};
  }
}

OneOperator& OneOperator::Input(const core::Shape& shape) {
  operands_.push_back(
      builder_.Input(Name(operands_.size()), form_.input, shape, QuantOf(form_.input)));
  return *this;
}

OneOperator& OneOperator::Weights(const core::Shape& shape, int axis) {
  core::Quantization quant;
  channels_ = 1;
  if (form_.weights == Type::kUInt8) {
    quant = core::Quant(kWeightScale, 128);
  } else if (form_.weights == Type::kInt8) {
    if (axis >= 0) channels_ = shape[axis];
    quant = EachOf(channels_, kWeightScale, axis < 0 ? 0 : axis);
  }
  operands_.push_back(builder_.Data(Name(operands_.size()), form_.weights, shape,
                                    MadeUp(form_.weights, shape.elements()), quant));
  return *this;
}

OneOperator& OneOperator::Bias(int32_t count) {
  core::Quantization quant;
  if (form_.bias != Type::kFloat32)
    quant = EachOf(channels_, QuantOf(form_.input).scale[0] * kWeightScale, 0);
  operands_.push_back(
      builder_.Data(Name(operands_.size()), form_.bias, {count}, MadeUp(form_.bias, count), quant));
  return *this;
}

OneOperator& OneOperator::Ints(const std::vector<int32_t>& values, const core::Shape& shape) {
  operands_.push_back(builder_.Constant<int32_t>(Name(operands_.size()), shape, values));
  return *this;
}

OneOperator& OneOperator::State(const core::Shape& shape) {
  operands_.push_back(builder_.Variable(Name(operands_.size()), Type::kFloat32, shape));
  return *this;
}

OneOperator& OneOperator::Absent(int count) {
  operands_.insert(operands_.end(), static_cast<size_t>(count), -1);
  return *this;
}

std::vector<std::byte> OneOperator::Build(core::OpCode code, const core::Shape& output,
                                          const core::Options& options,
                                          const core::Quantization& quant) {
  const int out = builder_.Make("output", form_.output, output, quant);
  builder_.Op(code, operands_, {out}, options);
  builder_.Output(out);
  return builder_.Build();
}

}  // namespace heddle::bench
