// SPDX-License-Identifier: Apache-2.0
// The copy of strided_copy.h for tensors of strings, whose elements have no fixed size.
#ifndef HEDDLE_KERNELS_MOVEMENT_STRING_COPY_H_
#define HEDDLE_KERNELS_MOVEMENT_STRING_COPY_H_

#include "kernels/movement/strided_copy.h"

namespace heddle::core {

// Makes `step` the serial step that sizes and writes output 0, of this shape, from input 0.
// REQUIRES: the box covers the whole output; its axes may split those of the output.
void LowerStringCopy(const CopyBox& box, const Shape& output, Step& step);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_MOVEMENT_STRING_COPY_H_
