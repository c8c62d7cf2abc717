// SPDX-License-Identifier: Apache-2.0
// Who makes and who reads the values of a subgraph: what rewrites ask first.
#ifndef HEDDLE_PLAN_USES_H_
#define HEDDLE_PLAN_USES_H_

#include <vector>

#include "model/graph.h"

namespace heddle::core {

// By tensor of the subgraph.
struct Uses {
  std::vector<int> maker;    // the operator; -1: none
  std::vector<int> readers;  // how many, the subgraph's outputs among them
};

Uses FindUses(const Subgraph& graph);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_USES_H_
