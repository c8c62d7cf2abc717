// SPDX-License-Identifier: Apache-2.0
// PoolExecutor: regions on an application's own threads.
#ifndef HEDDLE_CREW_POOL_EXECUTOR_H_
#define HEDDLE_CREW_POOL_EXECUTOR_H_

#include "crew/executor.h"
#include "heddle/c.h"

namespace heddle::core {

// Thread-safe: any number of calls may run regions at the same time. What the pool's parts leave
// undone, the caller computes, so a pool may run late, run on one thread or not run at all.
class PoolExecutor final : public Executor {
 public:
  explicit PoolExecutor(const heddle_executor& pool) : pool_(pool) {}
  uint32_t Run(const Region& region) override;
  bool Pass(float) override { return true; }

 private:
  const heddle_executor pool_;
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_POOL_EXECUTOR_H_
