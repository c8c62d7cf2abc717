// SPDX-License-Identifier: Apache-2.0
// Where the windows of a pooling operator lie.
#ifndef HEDDLE_KERNELS_POOL_GEOMETRY_H_
#define HEDDLE_KERNELS_POOL_GEOMETRY_H_

#include <cstdint>

#include "base/type.h"
#include "heddle/status.h"
#include "model/graph.h"

namespace heddle::core {

// One direction: output position o covers input positions [o*stride - before, o*stride - before +
// filter).
struct PoolAxis {
  int64_t in = 0, out = 0, filter = 1, stride = 1, before = 0;
};

struct PoolGeometry {
  PoolAxis y, x;
  int64_t batch = 0, channels = 0;
};

// The geometry over an NHWC input, or what is wrong with the input's shape.
Result<PoolGeometry> MakePoolGeometry(const PoolOptions& options, const Shape& input);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_POOL_GEOMETRY_H_
