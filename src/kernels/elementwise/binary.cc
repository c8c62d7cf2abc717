// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/binary.h"

namespace heddle::core {

Status BinaryShapes::Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const {
  const Operand &first = inputs[0], &second = inputs[1];
  if (rule_ == ShapeRule::kSame && !(first.shape == second.shape))
    return InvalidArgument("'{}' is {}, expected the shape of '{}', {}", second.name,
                           second.shape.ToString(), first.name, first.shape.ToString());
  HEDDLE_ASSIGN(outputs[0], BroadcastShape(first, second));
  if (rule_ == ShapeRule::kFirst && !(outputs[0] == first.shape))
    return InvalidArgument("'{}' of {} does not broadcast to '{}' of {}", second.name,
                           second.shape.ToString(), first.name, first.shape.ToString());
  return Status();
}

}  // namespace heddle::core
