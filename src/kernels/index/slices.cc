// SPDX-License-Identifier: Apache-2.0
#include "kernels/index/slices.h"

namespace heddle::core {

SliceIndex SliceIndex::Of(const Operand& indices, const Shape& operand, int64_t vector_dim,
                          const std::vector<int64_t>& map) {
  SliceIndex index;
  index.type = indices.type;
  index.depth = static_cast<int>(map.size());
  for (int i = 0; i < index.depth; ++i) index.axis[i] = static_cast<int>(map[i]);
  int64_t stride = 1;
  for (int d = operand.rank() - 1; d >= 0; --d) {
    index.stride[d] = stride;
    stride *= operand[d];
  }
  const int rank = indices.shape.rank();
  if (vector_dim < rank)
    index.inner = indices.shape.Product(static_cast<int>(vector_dim) + 1, rank);
  return index;
}

Status CheckAxes(const std::vector<int64_t>& axes, int rank, const char* role) {
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] < 0 || axes[i] >= rank)
      return InvalidModel("{} holds {}, expected 0 to {}", role, axes[i], rank - 1);
    if (std::find(axes.begin(), axes.begin() + static_cast<int64_t>(i), axes[i]) !=
        axes.begin() + static_cast<int64_t>(i))
      return InvalidModel("{} holds {} twice", role, axes[i]);
  }
  return Status();
}

Result<Shape> BatchOf(const Operand& indices, int64_t vector_dim, size_t depth) {
  const Shape& shape = indices.shape;
  if (vector_dim < 0 || vector_dim > shape.rank()) {
    return InvalidModel("index_vector_dim is {}, expected 0 to {} (rank of indices '{}')",
                        vector_dim, shape.rank(), indices.name);
  }
  const int axis = static_cast<int>(vector_dim);
  const int32_t found = axis == shape.rank() ? 1 : shape[axis];
  if (found != static_cast<int64_t>(depth)) {
    return InvalidModel("indices '{}' have shape {}, expected vectors of {} along axis {}",
                        indices.name, shape.ToString(), depth, axis);
  }
  Shape batch;
  for (int d = 0; d < shape.rank(); ++d)
    if (d != axis) batch.Append(shape[d]);
  return batch;
}

}  // namespace heddle::core
