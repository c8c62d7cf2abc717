// SPDX-License-Identifier: Apache-2.0
// How operands are read: packed weights expanded once, biases in the type they have.
#include <algorithm>

#include "base/half.h"
#include "kernels/conv/plain.h"
#include "kernels/part_filler.h"

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
void ExpandIntegers(const Operand& weights, int64_t begin, int64_t end, std::byte* out) {
  auto* values = reinterpret_cast<int8_t*>(out);
  for (int64_t i = begin; i < end; ++i) values[i] = PackedElement<bits>(weights.As<uint8_t>(), i);
}

void ExpandHalves(const Operand& weights, int64_t begin, int64_t end, std::byte* out) {
  auto* values = reinterpret_cast<float*>(out);
  for (int64_t i = begin; i < end; ++i) values[i] = ToFloat(weights.As<Half>()[i]);
}

template <void (*kExpand)(const Operand& weights, int64_t begin, int64_t end, std::byte* out)>
Result<const std::byte*> Expand(const MakeArgs& args, std::string_view layout, int64_t elements,
                                int64_t element_bytes) {
  constexpr int64_t kPart = 16384;
  const Operand& weights = args.inputs[1];
  const auto fill = [&](std::byte* out) {
    FillParts(args.packs, (elements + kPart - 1) / kPart, kPart * element_bytes,
              [&](int64_t begin, int64_t end) {
                kExpand(weights, begin * kPart, std::min(end * kPart, elements), out);
              });
  };
  return args.packs.Pack(weights.data, layout, static_cast<size_t>(elements * element_bytes), fill);
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
      return Expand<&ExpandIntegers<4>>(args, "int4 as int8", elements, 1);
    case Type::kInt2:
      return Expand<&ExpandIntegers<2>>(args, "int2 as int8", elements, 1);
    case Type::kFloat16:
      return Expand<&ExpandHalves>(args, "float16 as float32", elements, sizeof(float));
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
