// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/broadcast.h"

#include "base/errors.h"

namespace heddle::core {
namespace {

// The size of axis i, counted from the last one.
int32_t FromEnd(const Shape& s, int i) { return i < s.rank() ? s[s.rank() - 1 - i] : 1; }

}  // namespace

Result<Shape> BroadcastShape(const Operand& a, const Operand& b) {
  const int rank = std::max(a.shape.rank(), b.shape.rank());
  Shape out;
  for (int i = rank - 1; i >= 0; --i) {
    const int32_t x = FromEnd(a.shape, i), y = FromEnd(b.shape, i);
    if (x != y && x != 1 && y != 1)
      return InvalidArgument("'{}' of {} and '{}' of {} do not broadcast", a.name,
                             a.shape.ToString(), b.name, b.shape.ToString());
    out.Append(x == 1 ? y : x);
  }
  return out;
}

Broadcast::Broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  int64_t inside_a = 1, inside_b = 1;
  rank_ = 0;
  for (int i = 0; i < rank; ++i) {
    const int32_t x = FromEnd(a, i), y = FromEnd(b, i), size = x == 1 ? y : x;
    elements_ *= size;
    if (size == 1) continue;
    const Axis axis{size, x == 1 ? 0 : inside_a, y == 1 ? 0 : inside_b};
    inside_a *= x;
    inside_b *= y;
    // An axis that both have, or only the same one, goes on where the one inside it ends.
    if (rank_ > 0 && (axis.a != 0) == (axes_[rank_ - 1].a != 0) &&
        (axis.b != 0) == (axes_[rank_ - 1].b != 0)) {
      axes_[rank_ - 1].size *= size;
    } else {
      axes_[rank_++] = axis;
    }
  }
  rank_ = std::max(rank_, 1);  // a scalar: the one axis of one element
}

}  // namespace heddle::core
