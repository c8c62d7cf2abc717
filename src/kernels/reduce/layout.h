// SPDX-License-Identifier: Apache-2.0
// How the elements of a tensor fall into the outputs of a reduction.
#ifndef HEDDLE_KERNELS_REDUCE_LAYOUT_H_
#define HEDDLE_KERNELS_REDUCE_LAYOUT_H_

#include <array>
#include <cstdint>

#include "base/type.h"
#include "kernels/operation.h"

namespace heddle::core {

// Axes of a tensor with their strides in elements, outermost first.
struct AxisList {
  struct Axis {
    int64_t size, stride;
  };
  std::array<Axis, Shape::kMaxRank> at{};
  int count = 0;

  void Add(int64_t size, int64_t stride) { at[count++] = {size, stride}; }
  int64_t elements() const {
    int64_t n = 1;
    for (int i = 0; i < count; ++i) n *= at[i].size;
    return n;
  }
  // Offset of the i-th position, the last axis fastest.
  int64_t Offset(int64_t i) const {
    int64_t offset = 0;
    for (int a = count - 1; a >= 0; --a) {
      offset += i % at[a].size * at[a].stride;
      i /= at[a].size;
    }
    return offset;
  }
};

// Neighbouring axes of one kind are merged; the innermost is `inner`, whose elements lie side by
// side. Either each of them belongs to an output of its own, or all of them to the same.
struct ReduceLayout {
  AxisList kept, reduced;  // without the innermost
  int64_t inner = 1;
  bool inner_kept = true;
  int64_t count = 1;  // elements that make one output

  // Whether each output is made of one run, and their runs lie one behind the other.
  bool of_runs() const { return !inner_kept && reduced.count == 0 && kept.count <= 1; }

  // Calls f(offset, rows, stride) for the runs that make the output that begins at `base`, in
  // memory order: `rows` runs, each `stride` behind the other.
  template <class F>
  void ForEachRun(int64_t base, const F& f) const {
    const AxisList::Axis last =
        reduced.count > 0 ? reduced.at[reduced.count - 1] : AxisList::Axis{1, 0};
    std::array<int64_t, Shape::kMaxRank> at{};
    int64_t left = last.size > 0 ? reduced.elements() / last.size : 0;
    for (; left > 0; --left) {
      f(base, last.size, last.stride);
      for (int a = reduced.count - 2; a >= 0; --a) {
        base += reduced.at[a].stride;
        if (++at[a] < reduced.at[a].size) break;
        base -= reduced.at[a].stride * at[a];
        at[a] = 0;
      }
    }
  }
};

// Bit i of `axes`: axis i is reduced.
ReduceLayout MakeReduceLayout(const Shape& shape, uint32_t axes);

constexpr int64_t kReduceBlock = 64;  // outputs side by side

// A reduction cut into units: where the innermost axis is kept kReduceBlock outputs of it, else one
// output.
struct ReduceUnits {
  ReduceLayout layout;
  int64_t blocks = 1;  // of the innermost axis
  int64_t units = 0, units_per_tile = 1;

  int64_t tiles() const { return (units + units_per_tile - 1) / units_per_tile; }
  // Elements that one unit reads.
  int64_t unit_elements() const {
    const int64_t side = layout.inner < kReduceBlock ? layout.inner : kReduceBlock;
    return layout.count * (layout.inner_kept ? side : 1);
  }
};
ReduceUnits MakeReduceUnits(const Shape& shape, uint32_t axes, const Shape& output);

// Bit i: axis i of input 0 is one of those that input 1 names.
Result<uint32_t> ReadReducedAxes(std::span<const Operand> inputs);
// The shape without these axes, or with size one in their place.
Shape ReducedShape(const Shape& shape, uint32_t axes, bool keep_dims);
// The axes that input 1 names are int32.
Status CheckReducedAxes(const MakeArgs& args);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_REDUCE_LAYOUT_H_
