// SPDX-License-Identifier: Apache-2.0
// ContextPool: the memory of the subgraphs that one call runs.
#ifndef HEDDLE_ENGINE_CONTEXT_POOL_H_
#define HEDDLE_ENGINE_CONTEXT_POOL_H_

#include <memory>
#include <vector>

#include "engine/context.h"

namespace heddle::core {

// No subgraph runs inside itself, so one Context for each subgraph and set of shapes is enough, and
// a loop finds the one of its last turn again without a lock. Used by one call at a time.
class ContextPool {
 public:
  // `limit`: of the bytes of all Contexts here.
  Result<Context*> Get(int subgraph, std::span<const Shape> shapes, PlanSource& plans,
                       MemoryBudget& budget, uint64_t limit);

 private:
  std::vector<std::vector<std::unique_ptr<Context>>> idle_;  // by subgraph; last used first
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_CONTEXT_POOL_H_
