// SPDX-License-Identifier: Apache-2.0
#include "engine/context_pool.h"

#include <algorithm>

#include "base/errors.h"

namespace heddle::core {
namespace {

// A loop whose values grow never asks for the same shapes twice.
constexpr size_t kMaxShapes = 4;

bool Takes(const Context& context, std::span<const Shape> shapes) {
  const Plan& plan = context.plan();
  const auto& inputs = plan.program->inputs();
  for (size_t k = 0; k < shapes.size(); ++k)
    if (!(plan.values[inputs[k]].shape == shapes[k])) return false;
  return true;
}

// Gives `context` the Plan, or makes one.
Status Bind(std::unique_ptr<Context>& context, const std::shared_ptr<const Plan>& plan,
            MemoryBudget& budget) {
  if (context != nullptr) return context->Rebind(plan);
  HEDDLE_ASSIGN(context, Context::Make(plan, budget));
  return Status();
}

}  // namespace

Result<Context*> ContextPool::Get(int subgraph, std::span<const Shape> shapes, PlanSource& plans,
                                  MemoryBudget& budget, uint64_t limit) {
  if (idle_.size() <= static_cast<size_t>(subgraph)) idle_.resize(subgraph + 1);
  auto& mine = idle_[subgraph];
  const auto at = std::find_if(mine.begin(), mine.end(),
                               [&](const auto& context) { return Takes(*context, shapes); });
  if (at != mine.end()) {
    std::rotate(mine.begin(), at, at + 1);
    return mine.front().get();
  }
  HEDDLE_ASSIGN(std::shared_ptr<const Plan> plan, plans.PlanOf(subgraph, shapes));
  std::unique_ptr<Context> context;
  if (mine.size() == kMaxShapes) {
    context = std::move(mine.back());
    mine.pop_back();
  }
  uint64_t others = 0;
  for (const auto& contexts : idle_)
    for (const auto& other : contexts) others += other->bytes();
  if (context != nullptr && context->bytes() > plan->total_bytes &&
      others + context->bytes() > limit)
    context.reset();
  if (others + plan->total_bytes > limit)
    return ResourceExhausted("the subgraphs of the call need {} bytes, the limit of a call is {}",
                             others + plan->total_bytes, limit);
  Status bound = Bind(context, plan, budget);
  if (bound.code() == Code::kResourceExhausted) {
    budget.Reclaim();
    bound = Bind(context, plan, budget);
  }
  HEDDLE_TRY(bound);
  mine.insert(mine.begin(), std::move(context));
  return mine.front().get();
}

}  // namespace heddle::core
