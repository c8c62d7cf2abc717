// SPDX-License-Identifier: Apache-2.0
#include "kernels/index/nd_index.h"

#include <algorithm>
#include <string>

namespace heddle::core {

Status CheckType(const Operand& operand, const char* role, std::initializer_list<Type> types) {
  if (std::find(types.begin(), types.end(), operand.type) != types.end()) return Status();
  std::string names;
  for (const Type type : types) names += std::string(names.empty() ? "" : ", ") + TypeName(type);
  return InvalidModel("{} '{}' is {}, expected {}", role, operand.name, TypeName(operand.type),
                      names);
}

NdIndex NdIndex::Of(Type type, const Shape& shape, int depth) {
  NdIndex index;
  index.type = type;
  index.depth = depth;
  int64_t stride = 1;
  for (int d = depth - 1; d >= 0; --d) {
    index.sizes[d] = shape[d];
    index.strides[d] = stride;
    stride *= shape[d];
  }
  return index;
}

Fault NdIndex::FindFault(int input, const void* indices, int64_t count) const {
  for (int64_t i = 0; i < count * depth; ++i) {
    const int64_t index = IndexAt(type, indices, i), size = sizes[i % depth];
    if (index < 0 || index >= size) return IndexFault(input, i, index, size);
  }
  return {};
}

Fault IndexFault(int input, int64_t element, int64_t index, int64_t size) {
  return {input, element, fmt::format("{}", index),
          size == 0 ? "none, as there is nothing to index" : fmt::format("0 to {}", size - 1)};
}

Result<Shape> ReadShape(const Operand& operand, const char* role) {
  if (operand.shape.rank() != 1 || operand.shape[0] > Shape::kMaxRank) {
    return BadValue(operand, "{} '{}' has shape {}, expected at most {} values in one dimension",
                    role, operand.name, operand.shape.ToString(), Shape::kMaxRank);
  }
  HEDDLE_ASSIGN(const IntList sizes, ReadInts(operand, role));
  Shape shape;
  for (int i = 0; i < sizes.size; ++i) {
    if (sizes[i] < 0 || sizes[i] > INT32_MAX) {
      return BadValue(operand, "{} '{}' has size {} for axis {}, expected 0 to 2^31 - 1", role,
                      operand.name, sizes[i], i);
    }
    shape.Append(static_cast<int32_t>(sizes[i]));
  }
  return shape;
}

}  // namespace heddle::core
