// SPDX-License-Identifier: Apache-2.0
#include "kernels/custom/flex_options.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace heddle::core {
namespace {

// The types of a FlexBuffer that are read here; others are passed over.
enum FlexType : uint8_t {
  kInt = 1,
  kUInt = 2,
  kFloat = 3,
  kKey = 4,
  kString = 5,
  kIndirectInt = 6,
  kIndirectUInt = 7,
  kIndirectFloat = 8,
  kMap = 9,
  kVector = 10,
  kInts = 11,
  kUInts = 12,
  kBlob = 25,
  kBool = 26,
};

}  // namespace

class FlexReader {
 public:
  explicit FlexReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Status Read(FlexOptions& options) const {
    if (bytes_.size() < 3) return Broken(bytes_.size());
    const size_t end = bytes_.size() - 2;
    const size_t width = static_cast<size_t>(bytes_[end + 1]);
    const auto packed = static_cast<uint8_t>(bytes_[end]);
    if (!IsWidth(width) || width > end) return Broken(end);
    Place items;
    switch (packed >> 2) {
      case kMap:
      case kVector:
        HEDDLE_TRY(Follow({end - width, width}, size_t{1} << (packed & 3), &items));
        return ReadItems(items, packed >> 2 == kMap, options);
      default:
        return InvalidModel("custom options hold a value of type {}, expected a map or a vector",
                            packed >> 2);
    }
  }

 private:
  using Value = FlexOptions::Value;

  // `at` is inside the bytes, and so are the `width` bytes there.
  struct Place {
    size_t at = 0, width = 1;
  };

  static bool IsWidth(size_t width) { return width == 1 || width == 2 || width == 4 || width == 8; }
  static Status Broken(size_t at) {
    return InvalidModel("custom options are no FlexBuffer: broken at byte {}", at);
  }

  uint64_t UInt(Place p) const {
    uint64_t value = 0;  // little-endian, as the format is
    for (size_t i = 0; i < p.width; ++i)
      value |= static_cast<uint64_t>(bytes_[p.at + i]) << (8 * i);
    return value;
  }
  int64_t Int(Place p) const {
    const unsigned unused = static_cast<unsigned>(64 - 8 * p.width);
    return static_cast<int64_t>(UInt(p) << unused) >> unused;
  }
  // Half floats are never written by the builders of FlexBuffers.
  double Float(Place p) const {
    const uint64_t bits = UInt(p);
    return p.width == 4   ? static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits)))
           : p.width == 8 ? std::bit_cast<double>(bits)
                          : std::nan("");
  }

  // Where the offset at `from` leads: to values of `width` bytes each.
  Status Follow(Place from, size_t width, Place* to) const {
    const uint64_t back = UInt(from);
    if (back > from.at || from.at - back + width > bytes_.size()) return Broken(from.at);
    *to = {from.at - static_cast<size_t>(back), width};
    return Status();
  }

  // The count that stands before a vector's elements of `element` bytes each, which all fit.
  Status Count(Place items, size_t element, size_t* count) const {
    if (items.at < items.width) return Broken(items.at);
    const uint64_t n = UInt({items.at - items.width, items.width});
    if (n > (bytes_.size() - items.at) / element) return Broken(items.at);
    *count = static_cast<size_t>(n);
    return Status();
  }

  Status ReadItems(Place items, bool named, FlexOptions& options) const {
    size_t count = 0;
    HEDDLE_TRY(Count(items, items.width + 1, &count));  // a byte of type follows for each
    Place keys;
    if (named) HEDDLE_TRY(FindKeys(items, count, &keys));
    for (size_t i = 0; i < count; ++i) {
      Value value;
      if (named) HEDDLE_TRY(ReadKey({keys.at + i * keys.width, keys.width}, &value.name));
      const auto type = static_cast<uint8_t>(bytes_[items.at + count * items.width + i]);
      HEDDLE_TRY(ReadValue({items.at + i * items.width, items.width}, type, value));
      options.values_.push_back(value);
    }
    return Status();
  }

  // The vector of a map's keys: an offset and a width before the count of the values.
  Status FindKeys(Place items, size_t count, Place* keys) const {
    if (items.at < 3 * items.width) return Broken(items.at);
    const uint64_t width = UInt({items.at - 2 * items.width, items.width});
    if (!IsWidth(width)) return Broken(items.at);
    HEDDLE_TRY(Follow({items.at - 3 * items.width, items.width}, width, keys));
    size_t key_count = 0;
    HEDDLE_TRY(Count(*keys, keys->width, &key_count));
    return key_count == count ? Status() : Broken(keys->at);
  }

  Status ReadKey(Place from, std::string_view* name) const {
    Place text;
    HEDDLE_TRY(Follow(from, 1, &text));
    const char* start = reinterpret_cast<const char*>(bytes_.data()) + text.at;
    const void* end = std::memchr(start, 0, bytes_.size() - text.at);
    if (end == nullptr) return Broken(text.at);
    *name = {start, static_cast<size_t>(static_cast<const char*>(end) - start)};
    return Status();
  }

  Status ReadText(Place from, size_t width, Value& value) const {
    Place text;
    HEDDLE_TRY(Follow(from, width, &text));
    size_t size = 0;
    HEDDLE_TRY(Count(text, 1, &size));
    value.kind = Value::Kind::kText;
    value.text = {reinterpret_cast<const char*>(bytes_.data()) + text.at, size};
    return Status();
  }

  Status ReadInts(Place from, size_t width, Value& value) const {
    Place items;
    HEDDLE_TRY(Follow(from, width, &items));
    size_t count = 0;
    HEDDLE_TRY(Count(items, width, &count));
    value.kind = Value::Kind::kInts;
    for (size_t i = 0; i < count; ++i) value.integers.push_back(Int({items.at + i * width, width}));
    return Status();
  }

  Status ReadValue(Place p, uint8_t packed, Value& value) const {
    const uint8_t type = packed >> 2;
    const size_t width = size_t{1} << (packed & 3);
    switch (type) {
      case kString:
      case kBlob:
        return ReadText(p, width, value);
      case kInts:
      case kUInts:
        return ReadInts(p, width, value);
      case kIndirectInt:
      case kIndirectUInt:
      case kIndirectFloat:
        HEDDLE_TRY(Follow(p, width, &p));
        SetNumber(p, static_cast<uint8_t>(type - kIndirectInt + kInt), value);
        return Status();
      case kInt:
      case kUInt:
      case kBool:
      case kFloat:
        SetNumber(p, type, value);
        return Status();
      default:
        return Status();
    }
  }

  void SetNumber(Place p, uint8_t type, Value& value) const {
    value.kind = Value::Kind::kNumber;
    if (type == kFloat) {
      value.number = Float(p);
      value.whole = std::fabs(value.number) < 0x1p53 && value.number == std::trunc(value.number);
      if (value.whole) value.integer = static_cast<int64_t>(value.number);
      return;
    }
    value.integer = Int(p);
    if (type != kInt) {
      const uint64_t wide = UInt(p);
      value.integer = wide > INT64_MAX ? INT64_MAX : static_cast<int64_t>(wide);
    }
    value.number = static_cast<double>(value.integer);
    value.whole = true;
  }

  std::span<const std::byte> bytes_;
};

Result<FlexOptions> FlexOptions::Read(std::span<const std::byte> bytes) {
  FlexOptions options;
  if (!bytes.empty()) HEDDLE_TRY(FlexReader(bytes).Read(options));
  return options;
}

const FlexOptions::Value* FlexOptions::Find(std::string_view name) const {
  for (const Value& value : values_)
    if (value.name == name) return &value;
  return nullptr;
}

Result<int64_t> FlexOptions::Int(std::string_view name, int64_t otherwise, int64_t least,
                                 int64_t most) const {
  return Has(name) ? Int(name, least, most) : Result<int64_t>(otherwise);
}
Result<float> FlexOptions::Float(std::string_view name, float otherwise) const {
  return Has(name) ? Float(name) : Result<float>(otherwise);
}
Result<bool> FlexOptions::Bool(std::string_view name, bool otherwise) const {
  HEDDLE_ASSIGN(const int64_t value, Int(name, otherwise, INT64_MIN, INT64_MAX));
  return value != 0;
}

Result<int64_t> FlexOptions::Int(std::string_view name, int64_t least, int64_t most) const {
  const Value* value = Find(name);
  if (value == nullptr) return InvalidModel("custom option '{}' is missing", name);
  if (value->kind != Value::Kind::kNumber || !value->whole)
    return InvalidModel("custom option '{}' is no whole number", name);
  if (value->integer < least || value->integer > most)
    return InvalidModel("custom option '{}' is {}, expected {} to {}", name, value->integer, least,
                        most);
  return value->integer;
}

Result<float> FlexOptions::Float(std::string_view name) const {
  const Value* value = Find(name);
  if (value == nullptr) return InvalidModel("custom option '{}' is missing", name);
  const auto number = static_cast<float>(value->number);
  if (value->kind != Value::Kind::kNumber || !std::isfinite(number))
    return InvalidModel("custom option '{}' is no finite number", name);
  return number;
}

Result<std::vector<int64_t>> FlexOptions::Ints(std::string_view name, int64_t least,
                                               int64_t most) const {
  const Value* value = Find(name);
  if (value == nullptr) return InvalidModel("custom option '{}' is missing", name);
  if (value->kind != Value::Kind::kInts)
    return InvalidModel("custom option '{}' is no vector of integers", name);
  for (const int64_t i : value->integers)
    if (i < least || i > most)
      return InvalidModel("custom option '{}' holds {}, expected {} to {}", name, i, least, most);
  return value->integers;
}

std::string_view FlexOptions::Text(std::string_view name, std::string_view otherwise) const {
  const Value* value = Find(name);
  return value == nullptr ? otherwise : value->text;
}

std::string_view FlexOptions::TextAt(size_t index) const {
  return index < values_.size() ? values_[index].text : std::string_view();
}

}  // namespace heddle::core
