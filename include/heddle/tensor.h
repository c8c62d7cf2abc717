// SPDX-License-Identifier: Apache-2.0
// Views of tensors in somebody's memory. Nothing here owns or copies.
#ifndef HEDDLE_TENSOR_H_
#define HEDDLE_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "heddle/c.h"

namespace heddle {

// The format's type of a C++ element type.
template <class T>
constexpr heddle_type TypeOf() {
  if constexpr (std::is_same_v<T, float>)
    return HEDDLE_FLOAT32;
  else if constexpr (std::is_same_v<T, double>)
    return HEDDLE_FLOAT64;
  else if constexpr (std::is_same_v<T, bool>)
    return HEDDLE_BOOL;
  else if constexpr (std::is_same_v<T, int8_t>)
    return HEDDLE_INT8;
  else if constexpr (std::is_same_v<T, uint8_t>)
    return HEDDLE_UINT8;
  else if constexpr (std::is_same_v<T, int16_t>)
    return HEDDLE_INT16;
  else if constexpr (std::is_same_v<T, uint16_t>)
    return HEDDLE_UINT16;
  else if constexpr (std::is_same_v<T, int32_t>)
    return HEDDLE_INT32;
  else if constexpr (std::is_same_v<T, uint32_t>)
    return HEDDLE_UINT32;
  else if constexpr (std::is_same_v<T, int64_t>)
    return HEDDLE_INT64;
  else if constexpr (std::is_same_v<T, uint64_t>)
    return HEDDLE_UINT64;
  else
    static_assert(sizeof(T) == 0, "no tensor type for this element type");
}

// What a call reads or writes: a name and the caller's memory. Adds nothing to heddle_tensor, so an
// array of views is an array for the C interface.
struct TensorView : heddle_tensor {
  TensorView() : heddle_tensor{} { struct_size = sizeof(heddle_tensor); }
  explicit TensorView(const heddle_tensor& t) : heddle_tensor(t) {}

  // Elements by name (null-terminated, must outlive the call); without dims the shape is the
  // model's.
  template <class T, size_t N>
  TensorView(const char* tensor_name, std::span<T, N> values,
             std::initializer_list<int32_t> shape = {})
      : TensorView() {
    using Element = std::remove_const_t<T>;
    name = tensor_name;
    type = TypeOf<Element>();
    data = const_cast<Element*>(values.data());
    bytes = values.size_bytes();
    rank = shape.size() == 0 ? HEDDLE_SHAPE_OF_MODEL : static_cast<int32_t>(shape.size());
    // More dims than there is room for: the rank stays, and the call refuses it.
    for (int32_t i = 0; i < rank && i < HEDDLE_MAX_RANK; ++i) dims[i] = shape.begin()[i];
  }
  template <class T>
  TensorView(const char* tensor_name, const std::vector<T>& values,
             std::initializer_list<int32_t> shape = {})
      : TensorView(tensor_name, std::span<const T>(values), shape) {}
  template <class T>
  TensorView(const char* tensor_name, std::vector<T>& values,
             std::initializer_list<int32_t> shape = {})
      : TensorView(tensor_name, std::span<T>(values), shape) {}

  // Empty where the model's is meant, or the rank is no rank.
  std::span<const int32_t> shape() const {
    return {dims, static_cast<size_t>(rank < 0 || rank > HEDDLE_MAX_RANK ? 0 : rank)};
  }
  // The elements; empty when T is not the tensor's type.
  template <class T>
  std::span<const T> As() const {
    if (type != TypeOf<T>()) return {};
    return {static_cast<const T*>(data), bytes / sizeof(T)};
  }
};
static_assert(sizeof(TensorView) == sizeof(heddle_tensor));

}  // namespace heddle

#endif  // HEDDLE_TENSOR_H_
