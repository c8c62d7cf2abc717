// SPDX-License-Identifier: Apache-2.0
// Between numpy's arrays and tensors: types, packed sub-byte elements, strings.
#ifndef HEDDLE_CLI_TENSORS_H_
#define HEDDLE_CLI_TENSORS_H_

#include <span>
#include <string>
#include <vector>

#include "base/type.h"
#include "cli/array.h"
#include "heddle/status.h"
#include "heddle/tensor.h"

namespace heddle::cli {

// A tensor with memory of its own.
struct OwnedTensor {
  std::string name;  // empty: by position
  core::Type type = core::Type::kNone;
  core::Shape shape;
  std::vector<std::byte> data;

  // Valid as long as this object, and unchanged.
  TensorView view() const;
};

// Whether ToTensor takes an array of this type and shape; its data is not looked at.
Status CheckArray(const Array& array, core::Type type, const std::string& name);

// An array as a tensor of `type`: bfloat16 from its bits in u2, int4 and int2 from one value a
// byte, strings from S or U. Any other type must be the array's own.
Result<OwnedTensor> ToTensor(const Array& array, core::Type type, const std::string& name);

// The reverse. Fails for types that numpy's files cannot hold (resource, variant).
Result<Array> ToArray(const TensorView& tensor);

// The .tflite encoding of strings: count, offsets, bytes.
std::vector<std::byte> EncodeStrings(std::span<const std::string> strings);
Result<std::vector<std::string>> DecodeStrings(std::span<const std::byte> bytes);

// The array type that holds a tensor type: "f4" for float32, "u2" for bfloat16.
Result<Array> EmptyArrayOf(core::Type type);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_TENSORS_H_
