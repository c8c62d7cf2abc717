// SPDX-License-Identifier: Apache-2.0
// How operands are read: packed weights expanded once, biases in the type they have.
#include "base/half.h"
#include "kernels/conv/plain.h"

namespace heddle::core {
namespace {

// Element i of `bits`-bit two's complement values, the lowest bits of a byte first.
template <int bits>
int8_t PackedElement(const uint8_t* data, int64_t i) {
  constexpr int kPerByte = 8 / bits;
  const auto value = static_cast<uint8_t>(data[i / kPerByte] << (8 - bits - i % kPerByte * bits));
  return static_cast<int8_t>(static_cast<int8_t>(value) >> (8 - bits));
}

template <int bits>
void ExpandIntegers(const Operand& weights, int64_t elements, std::byte* out) {
  auto* values = reinterpret_cast<int8_t*>(out);
  for (int64_t i = 0; i < elements; ++i) values[i] = PackedElement<bits>(weights.As<uint8_t>(), i);
}

}  // namespace

Result<const std::byte*> ExpandWeights(const MakeArgs& args) {
  const Operand& weights = args.inputs[1];
  int64_t elements = 0;
  if (!weights.constant || !weights.shape.CheckedElements(&elements) || elements == 0) {
    return static_cast<const std::byte*>(nullptr);  // a bad shape is reported by Shapes
  }
  switch (weights.type) {
    case Type::kInt4:
      return args.packs.Pack(weights.data, "int4 as int8", elements,
                             [&](std::byte* out) { ExpandIntegers<4>(weights, elements, out); });
    case Type::kInt2:
      return args.packs.Pack(weights.data, "int2 as int8", elements,
                             [&](std::byte* out) { ExpandIntegers<2>(weights, elements, out); });
    case Type::kFloat16:
      return args.packs.Pack(weights.data, "float16 as float32", elements * sizeof(float),
                             [&](std::byte* out) {
                               for (int64_t i = 0; i < elements; ++i)
                                 reinterpret_cast<float*>(out)[i] = ToFloat(weights.As<Half>()[i]);
                             });
    default:
      return static_cast<const std::byte*>(nullptr);
  }
}

int64_t IntegerBias(const void* bias, Type type, int32_t channel) {
  if (bias == nullptr) return 0;
  return type == Type::kInt64 ? static_cast<const int64_t*>(bias)[channel]
                              : static_cast<const int32_t*>(bias)[channel];
}

float FloatBias(const void* bias, Type type, int32_t channel) {
  if (bias == nullptr) return 0.0f;
  return type == Type::kFloat16 ? ToFloat(static_cast<const Half*>(bias)[channel])
                                : static_cast<const float*>(bias)[channel];
}

}  // namespace heddle::core
