// SPDX-License-Identifier: Apache-2.0
// SubRun: one sub-plan step of a running call.
#ifndef HEDDLE_ENGINE_SUB_RUN_H_
#define HEDDLE_ENGINE_SUB_RUN_H_

#include <vector>

#include "base/file.h"
#include "engine/context_pool.h"

namespace heddle::core {

class Context::SubRun final : public SubPlanCall {
 public:
  SubRun(Context& context, size_t frame, const PlanStep& ps, const TileArgs& args,
         const RunControl& control);
  const TileArgs& args() const override { return args_; }
  Status Run(int which) override;
  Result<bool> Test(int which) override;
  Status Turn(int which) override;
  Status Finish() override;
  Status Once(int which) override;
  // Takes the memory that a run needs, as far as the operands' shapes tell it.
  Status Warm();

 private:
  // The Context of a subgraph, given the current values.
  Result<Context*> Begin(int which);
  Status RunIn(Context& context, int which);
  // Memory for value k of the next turn.
  Result<std::byte*> Side(size_t k, size_t bytes);
  Status PassOn(Context& context, size_t k);
  Status SetOutput(size_t k, CallTensor from, const Shape& shape);

  Context& context_;
  const Plan& plan_;
  const PlanStep& ps_;
  const Node& node_;
  const SubPlans& subs_;
  const TileArgs& args_;
  const RunControl& control_;
  LoopMemory* memory_;
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_SUB_RUN_H_
