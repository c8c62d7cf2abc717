// SPDX-License-Identifier: Apache-2.0
// Which constants nothing reads any more once the Programs of a Model are made: all of what they
// need has become part of what was packed.
#ifndef HEDDLE_PLAN_SPENT_H_
#define HEDDLE_PLAN_SPENT_H_

#include <cstddef>
#include <span>
#include <vector>

#include "plan/program.h"

namespace heddle::core {

// `programs`: by subgraph; nullptr: not made yet, so that it may read any of its constants. None of
// the spans shares a byte with one that is read. Those of the Model's file come as they are in it,
// the others are of the Programs' WeightStore.
std::vector<std::span<const std::byte>> FindSpent(const Model& model,
                                                  std::span<const Program* const> programs);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_SPENT_H_
