// SPDX-License-Identifier: Apache-2.0
// Tensors of strings: int32 count, count + 1 offsets from the start of the buffer, the bytes.
#ifndef HEDDLE_KERNELS_MOVEMENT_STRINGS_H_
#define HEDDLE_KERNELS_MOVEMENT_STRINGS_H_

#include <cstring>
#include <limits>

#include "base/errors.h"
#include "kernels/step.h"

namespace heddle::core {

// A string tensor that was verified when it entered the engine, or was written by WriteStrings.
class StringTensor {
 public:
  explicit StringTensor(const void* data) : data_(static_cast<const std::byte*>(data)) {}

  int64_t count() const { return Word(0); }
  // REQUIRES: 0 <= i < count().
  int64_t length(int64_t i) const { return Word(i + 2) - Word(i + 1); }
  const std::byte* bytes(int64_t i) const { return data_ + Word(i + 1); }

 private:
  int64_t Word(int64_t i) const {
    int32_t word;
    std::memcpy(&word, data_ + i * 4, sizeof(word));
    return word;
  }

  const std::byte* data_;
};

// Writes output 0 of this shape: element i is element source_of(i) of input 0. REQUIRES: there is
// such an element.
template <class F>
Status WriteStrings(SerialCall& call, const Shape& shape, const F& source_of) {
  const StringTensor input(call.args().inputs[0]);
  const int64_t count = shape.elements();
  int64_t bytes = 4 * (count + 2);
  for (int64_t i = 0; i < count; ++i) {
    bytes += input.length(source_of(i));
    if (bytes > std::numeric_limits<int32_t>::max()) {
      return ResourceExhausted(
          "the strings of the output take {} bytes or more, expected less than 2^31", bytes);
    }
  }
  std::byte* out = call.AllocateOutput(0, shape, static_cast<size_t>(bytes));
  if (out == nullptr) return ResourceExhausted("no memory for {} bytes of strings", bytes);
  int32_t offset = static_cast<int32_t>(4 * (count + 2));
  const int32_t words[2] = {static_cast<int32_t>(count), offset};
  std::memcpy(out, words, sizeof(words));
  for (int64_t i = 0; i < count; ++i) {
    const int64_t source = source_of(i);
    const int64_t length = input.length(source);
    std::memcpy(out + offset, input.bytes(source), static_cast<size_t>(length));
    offset += static_cast<int32_t>(length);
    std::memcpy(out + 4 * (i + 2), &offset, sizeof(offset));
  }
  return Status();
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_MOVEMENT_STRINGS_H_
