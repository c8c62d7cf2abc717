// SPDX-License-Identifier: Apache-2.0
// Two tensors walked together as numpy broadcasts them, reduced to as few axes as their shapes
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

// Immutable. The output is contiguous; a and b are too, but stand still along the axes that they
// lack.
class Broadcast {
 public:
  static constexpr int64_t kTile = 4096;  // output elements

  // REQUIRES: BroadcastShape succeeded.
  Broadcast(const Shape& a, const Shape& b);

  int64_t elements() const { return elements_; }
  int64_t tiles() const { return (elements_ + kTile - 1) / kTile; }
  // Along a run, a (or b) moves with the output; else one element of it meets all of the run.
  bool a_moves() const { return axes_[0].a != 0; }
  bool b_moves() const { return axes_[0].b != 0; }

  // run(a, b, out, n) with the first indices of each stretch of the innermost axis, in the order of
  // the output.
  template <class Run>
  void ForRuns(TileRange tiles, Run run) const {
    int64_t out = tiles.begin * kTile;
    const int64_t end = std::min(tiles.end * kTile, elements_);
    std::array<int64_t, Shape::kMaxRank> index{};
    int64_t a = 0, b = 0, rest = out;
    for (int i = 0; i < rank_; ++i) {
      index[i] = rest % axes_[i].size;
      rest /= axes_[i].size;
      a += index[i] * axes_[i].a;
      b += index[i] * axes_[i].b;
    }
    while (out < end) {
      const int64_t n = std::min(axes_[0].size - index[0], end - out);
      run(a, b, out, n);
      out += n;
      a += n * axes_[0].a;
      b += n * axes_[0].b;
      index[0] += n;
      for (int i = 0; index[i] == axes_[i].size && i + 1 < rank_; ++i) {
        a += axes_[i + 1].a - axes_[i].a * axes_[i].size;
        b += axes_[i + 1].b - axes_[i].b * axes_[i].size;
        index[i] = 0;
        ++index[i + 1];
      }
    }
  }

 private:
  struct Axis {
    int64_t size = 1;
    int64_t a = 1, b = 1;  // elements from one index to the next; 0: this operand lacks the axis
  };
  int rank_ = 1;
  std::array<Axis, Shape::kMaxRank> axes_;  // innermost first
  int64_t elements_ = 1;
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_BROADCAST_H_
