// SPDX-License-Identifier: Apache-2.0
// Index vectors as STABLEHLO_GATHER and STABLEHLO_SCATTER have them: each says where in the operand
// a slice starts, along any axis of the index tensor.
#ifndef HEDDLE_KERNELS_INDEX_SLICES_H_
#define HEDDLE_KERNELS_INDEX_SLICES_H_

#include <algorithm>
#include <vector>

#include "kernels/index/nd_index.h"
#include "kernels/movement/strided_copy.h"

namespace heddle::core {

struct SliceIndex {
  Type type = Type::kInt32;
  int depth = 0;
  std::array<int, Shape::kMaxRank> axis{};        // of the operand, by place in the vector
  std::array<int64_t, Shape::kMaxRank> stride{};  // of the operand, by its axis
  int64_t inner = 1;  // elements of the indices behind the vectors' axis

  // REQUIRES: CheckAxes passed `map`, BatchOf the indices.
  static SliceIndex Of(const Operand& indices, const Shape& operand, int64_t vector_dim,
                       const std::vector<int64_t>& map);

  // Place i of vector `slice`, counted over the other axes of the indices.
  int64_t At(const void* indices, int64_t slice, int i) const {
    return IndexAt(type, indices, (slice / inner * depth + i) * inner + slice % inner);
  }
};

inline bool Holds(const std::vector<int64_t>& list, int64_t value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Axes of a tensor of this rank, each once.
Status CheckAxes(const std::vector<int64_t>& axes, int rank, const char* role);

// The shape of the indices without the axis of the vectors, which has `depth` places.
Result<Shape> BatchOf(const Operand& indices, int64_t vector_dim, size_t depth);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_INDEX_SLICES_H_
