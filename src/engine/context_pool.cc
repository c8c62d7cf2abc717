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
  if (mine.size() == kMaxShapes) mine.pop_back();
  uint64_t bytes = plan->total_bytes;
  for (const auto& contexts : idle_)
    for (const auto& context : contexts) bytes += context->bytes();
  if (bytes > limit)
    return ResourceExhausted("the subgraphs of the call need {} bytes, the limit of a call is {}",
                             bytes, limit);
  auto context = Context::Make(plan, budget);
  if (!context.ok() && context.status().code() == Code::kResourceExhausted) {
    budget.Reclaim();
    context = Context::Make(plan, budget);
  }
  HEDDLE_ASSIGN(std::unique_ptr<Context> made, std::move(context));
  mine.insert(mine.begin(), std::move(made));
  return mine.front().get();
}

}  // namespace heddle::core
