// SPDX-License-Identifier: Apache-2.0
// The copy that every operator which only moves elements is made of: boxes of elements, walked with
// strides on both sides. A contiguous run is one wide element; two axes that swap their order are
// copied in blocks that stay in L1.
#ifndef HEDDLE_KERNELS_MOVEMENT_STRIDED_COPY_H_
#define HEDDLE_KERNELS_MOVEMENT_STRIDED_COPY_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/type.h"
#include "kernels/step.h"

namespace heddle::core {

using Strides = std::array<int64_t, Shape::kMaxRank>;

// REQUIRES: no size is zero.
Strides RowMajor(const Shape& shape);

// Elements of an input that become elements of an output. Strides and offsets count elements; input
// strides may be negative or zero. The boxes of a copy cover every element of every output exactly
// once.
struct CopyBox {
  static constexpr int kFill = -1;

  int input = 0;  // kFill: every element is the copy's fill element
  int output = 0;
  Shape dims;
  Strides in_stride{}, out_stride{};
  int64_t in_offset = 0, out_offset = 0;
  int table = -1;  // of 8-bit elements: index of the table that maps them; -1: copied as they are
};

using ByteTable = std::array<uint8_t, 256>;

struct CopySpec {
  Type type = Type::kNone;
  std::vector<CopyBox> boxes;
  std::array<std::byte, 16> fill{};
  std::vector<ByteTable> tables;
};

// Makes `step` the tiled step of this copy; without a box it has no tiles.
void LowerCopy(const CopySpec& spec, Step& step);

// A run of bytes that a copy moves as they are, from byte `in` of an input to byte `out` of an
// output.
struct CopyRun {
  int input = 0, output = 0;
  int64_t in = 0, out = 0, bytes = 0;
};

// All that a step of LowerCopy does, where each of its boxes is one run; nothing for other steps.
std::span<const CopyRun> CopyRunsOf(const Step& step);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_MOVEMENT_STRIDED_COPY_H_
