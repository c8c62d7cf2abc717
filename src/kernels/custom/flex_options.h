// SPDX-License-Identifier: Apache-2.0
// The options of a custom operator: a FlexBuffer of named scalars, strings and vectors of integers.
#ifndef HEDDLE_KERNELS_CUSTOM_FLEX_OPTIONS_H_
#define HEDDLE_KERNELS_CUSTOM_FLEX_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/errors.h"

namespace heddle::core {

// Reads untrusted bytes: every offset is checked once, in Read. The texts point into those bytes.
class FlexOptions {
 public:
  // A map, or a vector (its elements then have no name). No bytes at all: no options.
  static Result<FlexOptions> Read(std::span<const std::byte> bytes);

  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  // The value under a name, or `otherwise` when there is none. An error names what stands there
  // instead of a number in [least, most].
  Result<int64_t> Int(std::string_view name, int64_t otherwise, int64_t least, int64_t most) const;
  Result<float> Float(std::string_view name, float otherwise) const;  // finite
  Result<bool> Bool(std::string_view name, bool otherwise) const;
  // The same, for what has no default.
  Result<int64_t> Int(std::string_view name, int64_t least, int64_t most) const;
  Result<float> Float(std::string_view name) const;
  // A typed vector of integers, none of which lies outside [least, most].
  Result<std::vector<int64_t>> Ints(std::string_view name, int64_t least, int64_t most) const;
  // The text under a name; `otherwise` when there is none.
  std::string_view Text(std::string_view name, std::string_view otherwise) const;
  // Element `index` of a vector; empty when it is no text.
  std::string_view TextAt(size_t index) const;

 private:
  struct Value {
    std::string_view name, text;
    enum class Kind : uint8_t { kOther, kNumber, kText, kInts } kind = Kind::kOther;
    bool whole = false;  // `integer` is the value
    int64_t integer = 0;
    double number = 0;
    std::vector<int64_t> integers;
  };
  friend class FlexReader;

  const Value* Find(std::string_view name) const;

  std::vector<Value> values_;
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CUSTOM_FLEX_OPTIONS_H_
