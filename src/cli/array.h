// SPDX-License-Identifier: Apache-2.0
// Array: an n-dimensional array as numpy's files hold it, always little-endian and in C order.
#ifndef HEDDLE_CLI_ARRAY_H_
#define HEDDLE_CLI_ARRAY_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heddle::cli {

// numpy's letters.
enum class Kind : char {
  kBool = 'b',
  kInt = 'i',
  kUInt = 'u',
  kFloat = 'f',
  kComplex = 'c',
  kBytes = 'S',    // fixed width, padded with zeros
  kUnicode = 'U',  // fixed width, 4 bytes a character, padded with zeros
};

struct Array {
  Kind kind = Kind::kFloat;
  size_t item = 4;  // bytes of one element
  std::vector<int64_t> shape;
  std::vector<std::byte> data;  // elements() * item bytes

  size_t elements() const {
    size_t n = 1;
    for (int64_t size : shape) n *= static_cast<size_t>(size);
    return n;
  }
  // Element i. REQUIRES: sizeof(T) == item (or half of it, for the parts of complex numbers).
  template <class T>
  T At(size_t i) const {
    T value;
    std::memcpy(&value, data.data() + i * sizeof(T), sizeof(T));
    return value;
  }
  std::string TypeText() const;   // "f4", "S20"
  std::string ShapeText() const;  // "1x20", "scalar"
};

using NamedArray = std::pair<std::string, Array>;

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_ARRAY_H_
