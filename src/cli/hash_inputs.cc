// SPDX-License-Identifier: Apache-2.0
#include "cli/hash_inputs.h"

#include "base/errors.h"
#include "base/half.h"

namespace heddle::cli {
namespace {

using core::InvalidArgument;
using core::Type;

float FloatOf(uint32_t h) { return static_cast<float>(h >> 8) * 0x1p-23f - 1.0f; }
int64_t SmallOf(uint32_t h) { return static_cast<int64_t>((h >> 24) % 16); }

template <class T, class F>
void Fill(uint32_t k, Array& array, F value_of) {
  const size_t n = array.data.size() / sizeof(T);
  for (size_t i = 0; i < n; ++i) {
    const T value = static_cast<T>(value_of(ElementHash(k, static_cast<uint32_t>(i))));
    std::memcpy(array.data.data() + i * sizeof(T), &value, sizeof(T));
  }
}

void FillAs(uint32_t k, Type type, Array& array) {
  const auto top = [](int bits) { return [bits](uint32_t h) { return h >> (32 - bits); }; };
  switch (type) {
    case Type::kFloat32:
    case Type::kComplex64:
      return Fill<float>(k, array, FloatOf);
    case Type::kFloat64:
    case Type::kComplex128:
      return Fill<double>(k, array, FloatOf);
    case Type::kFloat16:
      return Fill<uint16_t>(k, array, [](uint32_t h) { return core::FloatToHalf(FloatOf(h)); });
    case Type::kBFloat16:
      return Fill<uint16_t>(k, array, [](uint32_t h) { return core::FloatToBfloat(FloatOf(h)); });
    case Type::kUInt8:
    case Type::kInt8:
      return Fill<uint8_t>(k, array, top(8));
    case Type::kInt16:
    case Type::kUInt16:
      return Fill<uint16_t>(k, array, top(16));
    case Type::kBool:
      return Fill<uint8_t>(k, array, top(1));
    case Type::kInt4:
    case Type::kUInt4:
      return Fill<uint8_t>(k, array, top(4));
    case Type::kInt2:
      return Fill<uint8_t>(k, array, top(2));
    case Type::kInt32:
    case Type::kUInt32:
      return Fill<uint32_t>(k, array, SmallOf);
    default:
      return Fill<uint64_t>(k, array, SmallOf);
  }
}

}  // namespace

uint32_t ElementHash(uint32_t k, uint32_t i) {
  uint32_t h = i * 0x9E3779B9u + (k + 1) * 0x85EBCA6Bu;
  h ^= h >> 16;
  h *= 0x7feb352du;
  h ^= h >> 15;
  h *= 0x846ca68bu;
  return h ^ h >> 16;
}

Result<OwnedTensor> HashInput(uint32_t k, Type type, const core::Shape& shape,
                              const std::string& name) {
  int64_t elements = 0;
  if (!shape.CheckedElements(&elements) || elements > int64_t{1} << 32) {
    return InvalidArgument("input '{}' has shape {}: too large to make up", name, shape.ToString());
  }
  HEDDLE_ASSIGN(Array array, EmptyArrayOf(type));
  array.shape.assign(shape.dims().begin(), shape.dims().end());
  if (type == Type::kString) {
    array.item = 2;  // "0" to "15"
    array.data.resize(array.elements() * array.item);
    for (size_t i = 0; i < array.elements(); ++i) {
      const std::string digits = std::to_string(SmallOf(ElementHash(k, static_cast<uint32_t>(i))));
      std::memcpy(array.data.data() + i * array.item, digits.data(), digits.size());
    }
  } else {
    array.data.resize(array.elements() * array.item);
    FillAs(k, type, array);
  }
  return ToTensor(array, type, name);
}

}  // namespace heddle::cli
