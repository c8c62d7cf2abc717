// SPDX-License-Identifier: Apache-2.0
// What control flow needs to know of the subgraphs that it runs.
#ifndef HEDDLE_PLAN_SUB_PLANS_H_
#define HEDDLE_PLAN_SUB_PLANS_H_

#include <memory>
#include <span>
#include <vector>

#include "plan/plan.h"

namespace heddle::core {

// The Plans of all subgraphs of one Model. Thread-safe.
class PlanSource {
 public:
  virtual Result<std::shared_ptr<const Plan>> PlanOf(int subgraph,
                                                     std::span<const Shape> inputs) = 0;
  // The Plan that continues `before` for what the run found out.
  virtual Result<std::shared_ptr<const Plan>> NextPlan(const std::shared_ptr<const Plan>& before,
                                                       const Found& found) = 0;

 protected:
  ~PlanSource() = default;
};

// The subgraphs take what the node gives them and make what it promises, in number and type.
Status CheckSubPlans(const Model& model, const Subgraph& graph, const Node& node);

struct SubShapes {
  bool known = false;  // the operands' shapes decide those of the outputs, whichever subgraph runs
  std::vector<Shape> outputs;
  int64_t macs = 0;  // of the largest of the subgraphs, once
  size_t bytes = 0;
};
// `others` nullptr: nothing is known. Fails where there is no memory to know more.
Result<SubShapes> InferShapes(const SubPlans& subs, std::span<const Operand> inputs,
                              std::span<const Operand> outputs, PlanSource* others);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_SUB_PLANS_H_
