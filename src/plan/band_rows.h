// SPDX-License-Identifier: Apache-2.0
// The rewrite that runs steps which keep rows apart, one after the other, a band of rows at a time:
// what only they read stays in the nearest cache and gets no place in the arena.
#ifndef HEDDLE_PLAN_BAND_ROWS_H_
#define HEDDLE_PLAN_BAND_ROWS_H_

#include <climits>
#include <functional>
#include <span>
#include <vector>

#include "plan/plan.h"

namespace heddle::core {

// What is asked of a Plan whose memory is not placed yet.
struct UnplacedSteps {
  struct Memory {
    int value = -1;      // whose memory it is
    bool whole = false;  // all of it
    int last = 0;        // the last step that reads it; kLater: others read it, too
  };
  static constexpr int kLater = INT_MAX;

  const Program& program;
  std::span<const PlanStep> steps;
  std::function<Operand(int value)> operand;   // as Lower sees it
  std::function<Memory(int value)> memory_of;  // REQUIRES: some step reads or writes the value
};

// Steps [first, last] as one.
struct BandedRun {
  int first = 0, last = 0;
  Step step;
  std::vector<int> inputs, outputs;  // values
  std::vector<int> inside;           // values that need no memory of the Plan's
};

std::vector<BandedRun> FindBandedRuns(const UnplacedSteps& plan);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_BAND_ROWS_H_
