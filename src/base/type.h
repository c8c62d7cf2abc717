// SPDX-License-Identifier: Apache-2.0
// Element types and shapes: the words that every layer uses for a tensor.
#ifndef HEDDLE_BASE_TYPE_H_
#define HEDDLE_BASE_TYPE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "heddle/c.h"

namespace heddle::core {

enum class Type : int8_t {
  kNone = -1,  // an optional operand that is absent
  kFloat32 = HEDDLE_FLOAT32,
  kFloat16 = HEDDLE_FLOAT16,
  kInt32 = HEDDLE_INT32,
  kUInt8 = HEDDLE_UINT8,
  kInt64 = HEDDLE_INT64,
  kString = HEDDLE_STRING,
  kBool = HEDDLE_BOOL,
  kInt16 = HEDDLE_INT16,
  kComplex64 = HEDDLE_COMPLEX64,
  kInt8 = HEDDLE_INT8,
  kFloat64 = HEDDLE_FLOAT64,
  kComplex128 = HEDDLE_COMPLEX128,
  kUInt64 = HEDDLE_UINT64,
  kResource = HEDDLE_RESOURCE,
  kVariant = HEDDLE_VARIANT,
  kUInt32 = HEDDLE_UINT32,
  kUInt16 = HEDDLE_UINT16,
  kInt4 = HEDDLE_INT4,
  kBFloat16 = HEDDLE_BFLOAT16,
  kInt2 = HEDDLE_INT2,
  kUInt4 = HEDDLE_UINT4,
};

const char* TypeName(Type type);  // "float32", "int8", ...
size_t TypeBits(Type type);       // 0: of no fixed size (string, resource, variant)

// Up to kMaxRank sizes. An unknown size is -1 (only in what a model file says, never in a Plan).
class Shape {
 public:
  static constexpr int kMaxRank = HEDDLE_MAX_RANK;

  Shape() = default;
  Shape(std::initializer_list<int32_t> dims)
      : Shape(std::span<const int32_t>(dims.begin(), dims.size())) {}
  // REQUIRES: dims.size() <= kMaxRank.
  explicit Shape(std::span<const int32_t> dims) : rank_(static_cast<int>(dims.size())) {
    for (int i = 0; i < rank_; ++i) dims_[i] = dims[i];
  }

  int rank() const { return rank_; }
  int32_t operator[](int i) const { return dims_[i]; }
  int32_t& operator[](int i) { return dims_[i]; }
  std::span<const int32_t> dims() const { return {dims_.data(), static_cast<size_t>(rank_)}; }
  void Append(int32_t size) { dims_[rank_++] = size; }  // REQUIRES: rank() < kMaxRank

  // Number of elements; REQUIRES: CheckedElements() succeeded on this shape before.
  int64_t elements() const { return Product(0, rank_); }
  // Product of the sizes of axes [begin, end).
  int64_t Product(int begin, int end) const {
    int64_t n = 1;
    for (int i = begin; i < end; ++i) n *= dims_[i];
    return n;
  }
  // False when a size is negative or the byte count of 16-byte elements would pass 2^62.
  bool CheckedElements(int64_t* elements) const;

  std::string ToString() const;  // "1x224x224x3", "scalar"

  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i)
      if (dims_[i] != other.dims_[i]) return false;
    return true;
  }

 private:
  int rank_ = 0;
  std::array<int32_t, kMaxRank> dims_{};
};

// Bytes that `elements` of a type take; sub-byte types are packed, low bits first. 0 for types of
// no fixed size.
inline size_t TypeBytes(Type type, int64_t elements) {
  return (static_cast<size_t>(elements) * TypeBits(type) + 7) / 8;
}

}  // namespace heddle::core

#endif  // HEDDLE_BASE_TYPE_H_
