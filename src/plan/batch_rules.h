// SPDX-License-Identifier: Apache-2.0
// What each operator does to calls that are run as one: keeps them apart, and where, or not.
//
// A value that differs from call to call is interleaved: of its elements, in order, the first `run`
// belong to the first call, as many to the next, and after the last call's come the first's again.
// Which axis that is follows from the shape, and a reshape changes nothing.
#ifndef HEDDLE_PLAN_BATCH_RULES_H_
#define HEDDLE_PLAN_BATCH_RULES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/type.h"
#include "model/graph.h"

namespace heddle::core {

struct BatchValue {
  enum class Kind : uint8_t {
    kAbsent,
    kSame,    // for one call as for all
    kRows,    // each call has its own, interleaved by `run`
    kVaries,  // else: known to the Plan, but another one for all calls than for one
  };
  Kind kind = Kind::kAbsent;
  int64_t run = 0;                  // of kRows
  Shape one, all;                   // in the Plan of one call, in that of all
  const std::byte* data = nullptr;  // where the Plan of all calls knows it
  Type type = Type::kNone;
  std::string_view name;
};

// One step of both Plans. A rule finds kind and run of the outputs.
struct BatchStep {
  const Operator& op;
  int64_t calls;
  std::vector<BatchValue> inputs, outputs;
};

// The axis that holds the calls, `minor` indices of it each; -1: they lie across axes.
struct BatchAxis {
  int axis = -1;
  int64_t minor = 0;
};
BatchAxis BatchAxisOf(const BatchValue& value, int64_t calls);

// Says why the calls cannot be kept apart; empty: they are. REQUIRES: some input is not kSame.
using BatchRule = std::string (*)(BatchStep& step);
BatchRule FindBatchRule(OpCode code);  // nullptr: nothing is known of the operator

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_BATCH_RULES_H_
