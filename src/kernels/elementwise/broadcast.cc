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

template <int N>
Broadcast<N>::Broadcast(const std::array<Shape, N>& shapes) {
  int rank = 0;
  for (const Shape& s : shapes) rank = std::max(rank, s.rank());
  Indices inside;
  inside.fill(1);
  rank_ = 0;
  for (int i = 0; i < rank; ++i) {
    Axis axis;
    for (const Shape& s : shapes)
      if (FromEnd(s, i) != 1) axis.size = FromEnd(s, i);
    elements_ *= axis.size;
    if (axis.size == 1) continue;
    // An axis that the same operands have as the one inside it goes on where that ends.
    bool goes_on = rank_ > 0;
    for (int k = 0; k < N; ++k) {
      const int32_t size = FromEnd(shapes[k], i);
      axis.step[k] = size == 1 ? 0 : inside[k];
      inside[k] *= size;
      goes_on = goes_on && (axis.step[k] != 0) == (axes_[rank_ - 1].step[k] != 0);
    }
    if (goes_on) {
      axes_[rank_ - 1].size *= axis.size;
    } else {
      axes_[rank_++] = axis;
    }
  }
  rank_ = std::max(rank_, 1);  // a scalar: the one axis of one element
}

template <int N>
bool Broadcast<N>::JoinRepeats() {
  if (rank_ < 2 || axes_[0].size > kShort || axes_[0].size * axes_[1].size < kLong) return false;
  int still = -1;
  for (int k = 0; k < N; ++k) {
    if (axes_[0].step[k] == 0) return false;
    if (axes_[1].step[k] != 0) continue;
    if (still >= 0) return false;
    still = k;
  }
  repeated_ = still;
  period_ = axes_[0].size;
  axes_[0].size *= axes_[1].size;
  axes_[0].step[still] = 0;
  std::copy(axes_.begin() + 2, axes_.begin() + rank_, axes_.begin() + 1);
  --rank_;
  return true;
}

template class Broadcast<2>;
template class Broadcast<3>;

}  // namespace heddle::core
