// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool/geometry.h"

#include <algorithm>

#include "base/errors.h"

namespace heddle::core {
namespace {

Result<PoolAxis> MakeAxis(Padding padding, int64_t in, int64_t filter, int64_t stride) {
  PoolAxis axis{in, 0, filter, stride, 0};
  if (padding == Padding::kSame) {
    axis.out = (in + stride - 1) / stride;
    axis.before = std::max<int64_t>(0, (axis.out - 1) * stride + filter - in) / 2;
    return axis;
  }
  // LiteRT's quotient truncates: an input that is less than a stride too small gives an empty
  // output.
  axis.out = (in + stride - filter) / stride;
  if (axis.out < 0) return InvalidModel("a window of {} does not fit an input of {}", filter, in);
  return axis;
}

}  // namespace

Result<PoolGeometry> MakePoolGeometry(const PoolOptions& options, const Shape& input) {
  if (input.rank() != 4) {
    return InvalidModel("the input has shape {}, expected four dimensions", input.ToString());
  }
  PoolGeometry g;
  HEDDLE_ASSIGN(g.y, MakeAxis(options.padding, input[1], options.filter_h, options.stride_h));
  HEDDLE_ASSIGN(g.x, MakeAxis(options.padding, input[2], options.filter_w, options.stride_w));
  g.batch = input[0];
  g.channels = input[3];
  return g;
}

}  // namespace heddle::core
