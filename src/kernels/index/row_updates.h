// SPDX-License-Identifier: Apache-2.0
// Rows that join rows of an output which indices name: SCATTER_ND, SPARSE_TO_DENSE and the segment
// reductions are this loop with other indices, combinations and beginnings.
#ifndef HEDDLE_KERNELS_INDEX_ROW_UPDATES_H_
#define HEDDLE_KERNELS_INDEX_ROW_UPDATES_H_

#include <array>
#include <cstddef>

#include "kernels/index/combine.h"
#include "kernels/index/nd_index.h"

namespace heddle::core {

struct RowUpdates {
  NdIndex index;
  bool drop_negative = false;  // an index below zero (of depth 1) names no row; else it is an error
  Combine combine = Combine::kAssign;
  Type type = Type::kNone;
  int64_t rows = 0, inner = 1;  // of the output
  int64_t count = 0;            // updates, each one row
  bool one_value = false;       // the updates are a single element, for every row
  int index_input = 0, update_input = 1;
  int init_input = -1;  // whose element every row begins with; -1: `init`
  std::array<std::byte, 8> init{};
};

// Makes `step` the step of these updates, which join in their order. REQUIRES: FindCombine knows
// the type.
void LowerRowUpdates(const RowUpdates& updates, Step& step);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_INDEX_ROW_UPDATES_H_
