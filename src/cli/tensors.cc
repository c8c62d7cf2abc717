// SPDX-License-Identifier: Apache-2.0
#include "cli/tensors.h"

#include <algorithm>
#include <limits>

#include "base/errors.h"

namespace heddle::cli {
namespace {

using core::InvalidArgument;
using core::Shape;
using core::Type;
using core::TypeBits;
using core::TypeName;
using core::Unsupported;

bool IsSubByte(Type type) { return TypeBits(type) > 0 && TypeBits(type) < 8; }

void AppendUtf8(uint32_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 63))};
  } else if (c < 0x10000) {
    out += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 63)),
            static_cast<char>(0x80 | (c & 63))};
  } else {
    out += {static_cast<char>(0xF0 | (c >> 18 & 7)), static_cast<char>(0x80 | (c >> 12 & 63)),
            static_cast<char>(0x80 | (c >> 6 & 63)), static_cast<char>(0x80 | (c & 63))};
  }
}

// Element i of an S or U array, without the padding.
std::string StringAt(const Array& array, size_t i) {
  std::string text;
  if (array.kind == Kind::kUnicode) {
    const size_t width = array.item / 4;
    size_t used = width;
    while (used > 0 && array.At<uint32_t>(i * width + used - 1) == 0) --used;
    for (size_t c = 0; c < used; ++c) AppendUtf8(array.At<uint32_t>(i * width + c), text);
    return text;
  }
  text.assign(reinterpret_cast<const char*>(array.data.data()) + i * array.item, array.item);
  text.resize(text.find_last_not_of('\0') + 1);
  return text;
}

// Values of one a byte into `bits` each, low bits first.
std::vector<std::byte> PackBits(std::span<const std::byte> values, size_t bits) {
  std::vector<std::byte> packed((values.size() * bits + 7) / 8);
  const std::byte mask{static_cast<uint8_t>((1u << bits) - 1)};
  for (size_t i = 0; i < values.size(); ++i) {
    packed[i * bits / 8] |= (values[i] & mask) << (i * bits % 8);
  }
  return packed;
}

std::vector<std::byte> UnpackBits(const TensorView& tensor, size_t elements, size_t bits,
                                  bool is_signed) {
  std::vector<std::byte> values(elements);
  const auto* packed = static_cast<const uint8_t*>(tensor.data);
  for (size_t i = 0; i < elements; ++i) {
    const uint32_t raw = (packed[i * bits / 8] >> (i * bits % 8)) & ((1u << bits) - 1);
    const bool negative = is_signed && raw >> (bits - 1);
    values[i] = static_cast<std::byte>(negative ? raw - (1u << bits) : raw);
  }
  return values;
}

Result<Array> StringsToArray(std::span<const std::byte> bytes, Array array) {
  HEDDLE_ASSIGN(const std::vector<std::string> strings, DecodeStrings(bytes));
  if (strings.size() != array.elements()) {
    return InvalidArgument("string tensor of shape {} holds {} strings", array.ShapeText(),
                           strings.size());
  }
  array.item = 1;  // numpy has no S0
  for (const std::string& s : strings) array.item = std::max(array.item, s.size());
  array.data.resize(strings.size() * array.item);
  for (size_t i = 0; i < strings.size(); ++i) {
    std::memcpy(array.data.data() + i * array.item, strings[i].data(), strings[i].size());
  }
  return array;
}

}  // namespace

TensorView OwnedTensor::view() const {
  TensorView v;
  v.name = name.empty() ? nullptr : name.c_str();
  v.type = static_cast<heddle_type>(type);
  v.rank = shape.rank();
  std::copy(shape.dims().begin(), shape.dims().end(), v.dims);
  v.data = const_cast<std::byte*>(data.data());
  v.bytes = data.size();
  return v;
}

std::vector<std::byte> EncodeStrings(std::span<const std::string> strings) {
  std::vector<int32_t> header{static_cast<int32_t>(strings.size())};
  size_t at = 4 * (strings.size() + 2);
  header.push_back(static_cast<int32_t>(at));
  for (const std::string& s : strings) header.push_back(static_cast<int32_t>(at += s.size()));
  const auto head = std::as_bytes(std::span(header));
  std::vector<std::byte> out(head.begin(), head.end());
  for (const std::string& s : strings) {
    const auto text = std::as_bytes(std::span(s));
    out.insert(out.end(), text.begin(), text.end());
  }
  return out;
}

Result<std::vector<std::string>> DecodeStrings(std::span<const std::byte> bytes) {
  const auto number = [&](size_t i) {
    int32_t v;
    std::memcpy(&v, bytes.data() + 4 * i, 4);
    return v;
  };
  const size_t words = bytes.size() / 4;
  const int64_t count = words > 0 ? number(0) : -1;
  if (count < 0 || static_cast<size_t>(count) + 2 > words) {
    if (bytes.empty() || (count == 0 && words == 1)) return std::vector<std::string>();
    return InvalidArgument("string tensor of {} bytes says it holds {} strings", bytes.size(),
                           count);
  }
  std::vector<std::string> strings;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = number(static_cast<size_t>(i) + 1);
    const int64_t end = number(static_cast<size_t>(i) + 2);
    if (begin < 0 || end < begin || static_cast<size_t>(end) > bytes.size()) {
      return InvalidArgument("string {} of a tensor has offsets {} to {} in {} bytes", i, begin,
                             end, bytes.size());
    }
    strings.emplace_back(reinterpret_cast<const char*>(bytes.data()) + begin,
                         static_cast<size_t>(end - begin));
  }
  return strings;
}

Result<Array> EmptyArrayOf(Type type) {
  switch (type) {
    case Type::kFloat32:
    case Type::kFloat16:
    case Type::kFloat64:
      return Array{Kind::kFloat, TypeBits(type) / 8, {0}, {}};
    case Type::kInt8:
    case Type::kInt16:
    case Type::kInt32:
    case Type::kInt64:
      return Array{Kind::kInt, TypeBits(type) / 8, {0}, {}};
    case Type::kInt4:
    case Type::kInt2:
      return Array{Kind::kInt, 1, {0}, {}};
    case Type::kUInt4:
      return Array{Kind::kUInt, 1, {0}, {}};
    case Type::kUInt8:
    case Type::kUInt16:
    case Type::kUInt32:
    case Type::kUInt64:
    case Type::kBFloat16:
      return Array{Kind::kUInt, TypeBits(type) / 8, {0}, {}};
    case Type::kBool:
      return Array{Kind::kBool, 1, {0}, {}};
    case Type::kComplex64:
    case Type::kComplex128:
      return Array{Kind::kComplex, TypeBits(type) / 8, {0}, {}};
    case Type::kString:
      return Array{Kind::kBytes, 1, {0}, {}};
    default:
      return Unsupported("tensors of type {} cannot be read or written", TypeName(type));
  }
}

Status CheckArray(const Array& array, Type type, const std::string& name) {
  HEDDLE_ASSIGN(const Array expected, EmptyArrayOf(type));
  const bool text = array.kind == Kind::kBytes || array.kind == Kind::kUnicode;
  // A byte is a byte: int4 values are as welcome in u1 as in i1.
  const bool fits = type == Type::kString ? text
                    : IsSubByte(type)
                        ? array.item == 1 && (array.kind == Kind::kInt || array.kind == Kind::kUInt)
                        : array.kind == expected.kind && array.item == expected.item;
  if (!fits) {
    return InvalidArgument("input '{}' has {} values, expected {} ({})", name, array.TypeText(),
                           expected.TypeText(), TypeName(type));
  }
  if (array.shape.size() > Shape::kMaxRank) {
    return InvalidArgument("input '{}' has {} axes, expected at most {}", name, array.shape.size(),
                           Shape::kMaxRank);
  }
  for (const int64_t size : array.shape) {
    if (size > std::numeric_limits<int32_t>::max()) {
      return InvalidArgument("input '{}' has an axis of {}, expected less than 2^31", name, size);
    }
  }
  return Status();
}

Result<OwnedTensor> ToTensor(const Array& array, Type type, const std::string& name) {
  HEDDLE_TRY(CheckArray(array, type, name));
  OwnedTensor tensor{name, type, {}, {}};
  for (const int64_t size : array.shape) tensor.shape.Append(static_cast<int32_t>(size));
  if (type == Type::kString) {
    std::vector<std::string> strings;
    for (size_t i = 0; i < array.elements(); ++i) strings.push_back(StringAt(array, i));
    tensor.data = EncodeStrings(strings);
  } else {
    tensor.data = IsSubByte(type) ? PackBits(array.data, TypeBits(type)) : array.data;
  }
  return tensor;
}

Result<Array> ToArray(const TensorView& tensor) {
  const Type type = static_cast<Type>(tensor.type);
  HEDDLE_ASSIGN(Array array, EmptyArrayOf(type));
  array.shape.assign(tensor.shape().begin(), tensor.shape().end());
  const std::span bytes(static_cast<const std::byte*>(tensor.data), tensor.bytes);
  if (type == Type::kString) return StringsToArray(bytes, std::move(array));
  const size_t elements = array.elements();
  if (bytes.size() != core::TypeBytes(type, static_cast<int64_t>(elements))) {
    return core::Internal("output '{}' of shape {} and type {} has {} bytes", tensor.name,
                          array.ShapeText(), TypeName(type), bytes.size());
  }
  if (IsSubByte(type)) {
    array.data = UnpackBits(tensor, elements, TypeBits(type), type != Type::kUInt4);
  } else {
    array.data.assign(bytes.begin(), bytes.end());
  }
  return array;
}

}  // namespace heddle::cli
