// SPDX-License-Identifier: Apache-2.0
// The rewrite that lets an operator compute the activation that follows it.
#ifndef HEDDLE_PLAN_FUSE_ACTIVATION_H_
#define HEDDLE_PLAN_FUSE_ACTIVATION_H_

#include <memory>
#include <vector>

#include "plan/uses.h"

namespace heddle::core {

// By operator of the subgraph: `instead` computes what the operator and the activation after it do,
// into the activation's output, with the same bits; nullptr: it stays as it is. `gone`: an
// activation that another operator computes.
struct FusedActivations {
  std::vector<std::unique_ptr<const Operator>> instead;
  std::vector<bool> gone;
};

// Floats only: integers are scaled anew between the two. The value between them, which nobody else
// may read, is never made.
FusedActivations FuseActivations(const Subgraph& graph, const Uses& uses);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_FUSE_ACTIVATION_H_
