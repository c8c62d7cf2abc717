// SPDX-License-Identifier: Apache-2.0
// Budget: how many cores this process may use right now.
#ifndef HEDDLE_CREW_BUDGET_H_
#define HEDDLE_CREW_BUDGET_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/cgroup.h"
#include "base/topology.h"

namespace heddle::core {

struct CoreBudget {
  CoreBudget(int all = 1) : cores(all), turns(all), apart(all) {}  // NOLINT: a number is a budget

  int cores;  // at least 1; calls may use as many at a time
  // Calls that may compute at the same time: where there are as many CPUs as cores, a few more,
  // which the system lets run on a core whose next call has been woken and is not there yet.
  int turns;
  // Of them, those that are no SMT sibling of another: a second thread of a core is room for a
  // call of its own, not for help, which would slow down whom it helps.
  int apart;
  // Of one core more, which is there for this part of each period.
  double share = 0;
  double quota = 0;  // cores' worth of each period that there is at most; 0: no such limit
  int64_t period_ns = 0;
  CpuThrottling throttling;  // since the control groups were made
};

// Reads what limits the process: affinity, SMT and the control groups' quota. Each reading is
// fresh; takes some file reads. For one thread at a time.
class BudgetReader {
 public:
  explicit BudgetReader(std::string root = "", std::vector<int> (*cpus)() = &ProcessCpus)
      : root_(std::move(root)), cpus_(cpus), cgroup_(Cgroup::OfThisProcess(root_)) {}

  // A quota counts as the whole cores below it, at least one, and a share of the next. Below one
  // core there is one thread, and nothing to share: the system throttles it.
  CoreBudget Read();
  const Topology& topology() const { return topology_; }  // of the CPUs that were last read

 private:
  const std::string root_;
  std::vector<int> (*const cpus_)();
  const Cgroup cgroup_;
  std::vector<int> seen_;  // the CPUs whose topology was read
  Topology topology_;
};

// The time that helpers may use of a core that is there for a part of each period only. What they
// use is charged; when it is spent they pause until a good part of it is there again. No period,
// wherever it begins, sees more than the share: it fills more slowly by what it holds when full.
// Thread-safe, without a lock.
class Allowance {
 public:
  void Set(double share, int64_t period_ns);
  bool any() const { return rate_.load(std::memory_order_relaxed) > 0; }
  // Whether a helper may begin to use it: half of it is there.
  bool MayBegin(int64_t now_ns) const;
  // Whether one who does may go on: it is not spent.
  bool MayGoOn(int64_t now_ns) const;
  void Charge(int64_t now_ns, int64_t used_ns);

 private:
  std::atomic<double> rate_{0};            // of a core
  std::atomic<int64_t> full_ns_{0};        // to fill an empty one
  std::atomic<int64_t> paid_until_ns_{0};  // when it is no longer overdrawn
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_BUDGET_H_
