// SPDX-License-Identifier: Apache-2.0
// The rewrite that spares copies whose parts lie one behind the other in a whole: a SPLIT or a
// slice of the outermost axes, a CONCATENATION along them. The parts are given a place in the
// whole.
#ifndef HEDDLE_PLAN_PLACE_COPIES_H_
#define HEDDLE_PLAN_PLACE_COPIES_H_

#include <cstdint>
#include <vector>

#include "plan/plan.h"

namespace heddle::core {

// Value `part` is the bytes of value `whole` from `offset` on.
struct PartOfWhole {
  int part = 0, whole = 0;
  int64_t offset = 0;
};

// How the outputs of a node lie in its inputs, if `step`, which it was lowered to, only copies each
// from one place; else nothing.
std::vector<PartOfWhole> OutputsInInputs(const Node& node, const Step& step);
// How the inputs of a node that are copied lie in its one output, each once and whole.
std::vector<PartOfWhole> InputsInOutput(const Node& node, const Step& step,
                                        const std::vector<PlanValue>& values);

// A view of a whole keeps all of it alive: not where it is a small part of a large one.
bool WorthAView(size_t view_bytes, size_t whole_bytes);

// The place that begins `bytes` into another.
Location Behind(Location location, int64_t bytes);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_PLACE_COPIES_H_
