// SPDX-License-Identifier: Apache-2.0
// Tensors of indices: one number for each, or tuples that address the first axes of a tensor.
#ifndef HEDDLE_KERNELS_INDEX_ND_INDEX_H_
#define HEDDLE_KERNELS_INDEX_ND_INDEX_H_

#include <array>
#include <cstdint>
#include <initializer_list>

#include "kernels/movement/operands.h"

namespace heddle::core {

// Element i of a tensor of int16, int32 or int64.
inline int64_t IndexAt(Type type, const void* indices, int64_t i) {
  switch (type) {
    case Type::kInt16:
      return static_cast<const int16_t*>(indices)[i];
    case Type::kInt32:
      return static_cast<const int32_t*>(indices)[i];
    default:
      return static_cast<const int64_t*>(indices)[i];
  }
}

// Of an index that is `index` where 0 to `size` - 1 would do.
Fault IndexFault(int input, int64_t element, int64_t index, int64_t size);

// The operand is of one of these types.
Status CheckType(const Operand& operand, const char* role, std::initializer_list<Type> types);

// Tuples of `depth` indices into the first axes of a tensor, whose other axes form a row.
struct NdIndex {
  Type type = Type::kInt32;
  int depth = 0;
  std::array<int64_t, Shape::kMaxRank> sizes{}, strides{};  // in rows

  // REQUIRES: depth <= shape.rank().
  static NdIndex Of(Type type, const Shape& shape, int depth);

  // The row that tuple i names; -1 when it lies outside of the tensor.
  int64_t RowOf(const void* indices, int64_t i) const {
    int64_t row = 0;
    for (int d = 0; d < depth; ++d) {
      const int64_t index = IndexAt(type, indices, i * depth + d);
      if (index < 0 || index >= sizes[d]) return -1;
      row += index * strides[d];
    }
    return row;
  }
  // The first index of `count` tuples, operand `input` of a step, that lies outside.
  Fault FindFault(int input, const void* indices, int64_t count) const;
};

// The shape that the values of a tensor say: "output shape". REQUIRES: its value is known.
Result<Shape> ReadShape(const Operand& operand, const char* role);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_INDEX_ND_INDEX_H_
