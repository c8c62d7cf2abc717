// SPDX-License-Identifier: Apache-2.0
// The error of an operand whose shape is not the one that its operator asks for.
#ifndef HEDDLE_KERNELS_CUSTOM_SHAPE_ERROR_H_
#define HEDDLE_KERNELS_CUSTOM_SHAPE_ERROR_H_

#include <string_view>

#include "base/errors.h"
#include "kernels/operation.h"

namespace heddle::core {

// `expected`: a shape, or words.
inline Status BadShape(const Operand& o, std::string_view expected) {
  return InvalidModel("'{}' has shape {}, expected {}", o.name, o.shape.ToString(), expected);
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CUSTOM_SHAPE_ERROR_H_
