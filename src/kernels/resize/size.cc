// SPDX-License-Identifier: Apache-2.0
#include "kernels/resize/size.h"

namespace heddle::core {

Status CheckResize(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  if (args.inputs[1].type == Type::kInt32) return Status();
  return InvalidModel("size '{}' is {}, expected int32", args.inputs[1].name,
                      TypeName(args.inputs[1].type));
}

Result<Shape> ResizedShape(std::span<const Operand> inputs, int64_t least) {
  const Shape& shape = inputs[0].shape;
  if (shape.rank() != 4) {
    return InvalidModel("input '{}' has shape {}, expected four dimensions", inputs[0].name,
                        shape.ToString());
  }
  const Operand& operand = inputs[1];
  if (!(operand.shape == Shape{2})) {
    return BadValue(operand, "size '{}' has shape {}, expected 2 (height and width)", operand.name,
                    operand.shape.ToString());
  }
  HEDDLE_ASSIGN(const IntList size, ReadInts(operand, "size"));
  if (size[0] < least || size[1] < least) {
    return BadValue(operand, "size '{}' is {}x{}, expected at least {}", operand.name, size[0],
                    size[1], least);
  }
  constexpr int64_t kMost = 1 << 22;  // the tables of rows and columns stay small
  if (size[0] > kMost || size[1] > kMost) {
    return Unsupported("size '{}' is {}x{}, expected at most {}", operand.name, size[0], size[1],
                       kMost);
  }
  if ((shape[1] == 0 && size[0] > 0) || (shape[2] == 0 && size[1] > 0)) {
    return InvalidModel("input '{}' has shape {}, expected at least one row and column",
                        inputs[0].name, shape.ToString());
  }
  return Shape{shape[0], static_cast<int32_t>(size[0]), static_cast<int32_t>(size[1]), shape[3]};
}

}  // namespace heddle::core
