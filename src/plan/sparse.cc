// SPDX-License-Identifier: Apache-2.0
#include "plan/sparse.h"

#include <cstring>

namespace heddle::core {
namespace {

// Walks the levels depth first. A level's position counts the entries that stand before it; the
// leaves' positions count the stored values.
class Expander {
 public:
  Expander(const Tensor& tensor, std::byte* dense)
      : tensor_(tensor),
        sparsity_(tensor.sparsity[0]),
        element_(TypeBits(tensor.type) / 8),
        dense_(dense),
        coordinates_(sparsity_.levels.size()) {}

  void Walk(size_t level, int64_t position) {
    if (level == sparsity_.levels.size()) {
      std::memcpy(dense_ + Offset() * element_, tensor_.data.data() + position * element_,
                  element_);
      return;
    }
    const Sparsity::Level& l = sparsity_.levels[level];
    const int64_t begin = l.dense ? 0 : l.segments[position];
    const int64_t end = l.dense ? l.size : l.segments[position + 1];
    for (int64_t i = begin; i < end; ++i) {
      coordinates_[sparsity_.traversal_order[level]] =
          l.dense ? static_cast<int32_t>(i) : l.indices[i];
      Walk(level + 1, l.dense ? position * l.size + i : i);
    }
  }

 private:
  // Of the current element: an axis that is split into blocks is outer * block + inner.
  size_t Offset() const {
    const int rank = tensor_.shape.rank();
    size_t offset = 0;
    for (int axis = 0; axis < rank; ++axis) {
      int64_t at = coordinates_[axis];
      for (size_t b = 0; b < sparsity_.block_map.size(); ++b)
        if (sparsity_.block_map[b] == axis)
          at = at * BlockSize(rank + static_cast<int>(b)) + coordinates_[rank + b];
      offset = offset * tensor_.shape[axis] + at;
    }
    return offset;
  }

  int32_t BlockSize(int axis) const {
    for (size_t level = 0; level < sparsity_.levels.size(); ++level)
      if (sparsity_.traversal_order[level] == axis) return sparsity_.levels[level].size;
    return 1;
  }

  const Tensor& tensor_;
  const Sparsity& sparsity_;
  const size_t element_;
  std::byte* const dense_;
  std::vector<int32_t> coordinates_;  // by axis, the blocks' axes last
};

}  // namespace

void ExpandSparse(const Tensor& tensor, std::byte* dense) {
  std::memset(dense, 0, TypeBytes(tensor.type, tensor.shape.elements()));
  Expander(tensor, dense).Walk(0, 0);
}

}  // namespace heddle::core
