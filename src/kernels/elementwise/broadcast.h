// SPDX-License-Identifier: Apache-2.0
// Several tensors walked together as numpy broadcasts them, reduced to as few axes as their shapes
// allow.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_BROADCAST_H_
#define HEDDLE_KERNELS_ELEMENTWISE_BROADCAST_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "heddle/status.h"
#include "kernels/operation.h"

namespace heddle::core {

// The shape that a and b broadcast to: trailing axes aligned, a 1 takes the other's size.
Result<Shape> BroadcastShape(const Operand& a, const Operand& b);

// Immutable. The output is contiguous; the N operands are too, but stand still along the axes that
// they lack.
template <int N>
class Broadcast {
 public:
  static constexpr int64_t kTile = 4096;  // output elements
  static constexpr int64_t kShort = 128;  // elements that are no run that pays
  static constexpr int64_t kLong = 512;
  using Indices = std::array<int64_t, N>;

  // REQUIRES: the shapes broadcast.
  explicit Broadcast(const std::array<Shape, N>& shapes);

  int64_t elements() const { return elements_; }
  int64_t tiles() const { return (elements_ + kTile - 1) / kTile; }
  // Along a run, the operand moves with the output; else one element of it meets all of the run.
  bool moves(int operand) const { return axes_[0].step[operand] != 0; }

  // Where one operand is the same for every index of the second axis, and the first is too short
  // for runs that pay, both become one axis, along which that operand repeats itself. false: they
  // stay.
  bool JoinRepeats();
  int repeated() const { return repeated_; }  // the operand; -1: none
  int64_t period() const { return period_; }  // element `out % period()` of it meets `out`

  // run(indices, out, n) with the first indices of each stretch of the innermost axis, in the order
  // of the output.
  template <class Run>
  void ForRuns(TileRange tiles, Run run) const {
    int64_t out = tiles.begin * kTile;
    const int64_t end = std::min(tiles.end * kTile, elements_);
    std::array<int64_t, Shape::kMaxRank> index{};
    Indices at{};
    int64_t rest = out;
    for (int i = 0; i < rank_ && rest > 0; ++i) {
      index[i] = rest % axes_[i].size;
      rest /= axes_[i].size;
      for (int k = 0; k < N; ++k) at[k] += index[i] * axes_[i].step[k];
    }
    while (out < end) {
      const int64_t n = std::min(axes_[0].size - index[0], end - out);
      run(at, out, n);
      out += n;
      for (int k = 0; k < N; ++k) at[k] += n * axes_[0].step[k];
      index[0] += n;
      for (int i = 0; index[i] == axes_[i].size && i + 1 < rank_; ++i) {
        for (int k = 0; k < N; ++k)
          at[k] += axes_[i + 1].step[k] - axes_[i].step[k] * axes_[i].size;
        index[i] = 0;
        ++index[i + 1];
      }
    }
  }

 private:
  struct Axis {
    Axis() { step.fill(1); }
    int64_t size = 1;
    Indices step;  // elements from one index to the next; 0: this operand lacks the axis
  };
  int rank_ = 1;
  std::array<Axis, Shape::kMaxRank> axes_;  // innermost first
  int64_t elements_ = 1;
  int repeated_ = -1;
  int64_t period_ = 1;
};

extern template class Broadcast<2>;
extern template class Broadcast<3>;

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_BROADCAST_H_
