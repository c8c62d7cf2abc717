// SPDX-License-Identifier: Apache-2.0
// What a step cannot do without: multiply-adds, and bytes that are read and written. And the time
// that a core at its measured peaks would need for it.
#ifndef HEDDLE_PLAN_WORK_H_
#define HEDDLE_PLAN_WORK_H_

#include "base/peaks.h"
#include "plan/plan.h"

namespace heddle::core {

struct Work {
  int64_t macs = 0;
  Arithmetic arithmetic = Arithmetic::kNone;  // of the products; kNone where there are none
  size_t bytes = 0;  // of each operand once; of one that is only looked into, what comes of it
};
Work WorkOf(const Plan& plan, const PlanStep& ps);

// The larger of the times for the products and for the bytes, as if the other came for nothing, and
// the operands lay in the nearest cache that holds them all.
struct LeastTime {
  double ns = 0;           // 0: nothing to do, or no peak was measured
  const char* bound = "";  // what it is due to: an instruction, or a level of memory
};
LeastTime LeastTimeOf(const Work& work, const Peaks& peaks, Isa isa);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_WORK_H_
