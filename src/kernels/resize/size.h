// SPDX-License-Identifier: Apache-2.0
// What both resize operators ask of their operands.
#ifndef HEDDLE_KERNELS_RESIZE_SIZE_H_
#define HEDDLE_KERNELS_RESIZE_SIZE_H_

#include "kernels/movement/operands.h"

namespace heddle::core {

// An image input and an int32 size; one output of the input's type.
Status CheckResize(const MakeArgs& args);

// The shape of the output: the input's, with the height and width that input 1 gives, each at least
// `least`.
Result<Shape> ResizedShape(std::span<const Operand> inputs, int64_t least);

// Source positions for one output position: float32(in / out), or that of the corners.
inline float ResizeScale(int64_t in, int64_t out, bool align_corners) {
  return align_corners && out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                                  : static_cast<float>(in) / static_cast<float>(out);
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_RESIZE_SIZE_H_
