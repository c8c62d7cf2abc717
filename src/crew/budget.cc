// SPDX-License-Identifier: Apache-2.0
#include "crew/budget.h"

#include <algorithm>

namespace heddle::core {
namespace {

constexpr double kNothing = 1e-6;  // less is what dividing left over
// Of a period: what an allowance holds at most, and so what its rate must lack.
constexpr double kHeld = 0.05;
// On so many, somebody is being woken most of the time when more call than there are CPUs.
constexpr int kCpusOfAWake = 16;

}  // namespace

CoreBudget BudgetReader::Read() {
  std::vector<int> cpus = cpus_();
  if (cpus != seen_) {
    topology_ = ReadTopology(cpus, root_);
    seen_ = std::move(cpus);
  }
  CoreBudget budget(std::max(1, static_cast<int>(seen_.size())));
  budget.apart = std::max(1, topology_.cores);
  budget.throttling = cgroup_.ReadThrottling();
  const auto quota = cgroup_.ReadCpuQuota();
  budget.turns += 1 + budget.cores / kCpusOfAWake;
  if (!quota || quota->cpus() > budget.cores + kNothing) return budget;
  budget.quota = quota->cpus();
  budget.period_ns = quota->period_us * 1000;
  if (quota->cpus() > budget.cores - kNothing) return budget;
  budget.cores = budget.turns = std::max(1, static_cast<int>(quota->cpus() + kNothing));
  const double share = quota->cpus() - budget.cores;
  if (share > kNothing && budget.apart > budget.cores) budget.share = share;
  budget.apart = std::min(budget.apart, budget.cores);
  return budget;
}

void Allowance::Set(double share, int64_t period_ns) {
  const double rate = std::max(0.0, share - kHeld);
  rate_.store(rate, std::memory_order_relaxed);
  if (rate == 0) return;
  const double full_ns = kHeld * static_cast<double>(period_ns) / rate;
  full_ns_.store(static_cast<int64_t>(full_ns), std::memory_order_relaxed);
}

bool Allowance::MayBegin(int64_t now_ns) const {
  const int64_t half = full_ns_.load(std::memory_order_relaxed) / 2;
  return any() && paid_until_ns_.load(std::memory_order_relaxed) + half <= now_ns;
}

bool Allowance::MayGoOn(int64_t now_ns) const {
  return any() && paid_until_ns_.load(std::memory_order_relaxed) <= now_ns;
}

void Allowance::Charge(int64_t now_ns, int64_t used_ns) {
  const double rate = rate_.load(std::memory_order_relaxed);
  if (rate <= 0) return;
  const auto fills_in = static_cast<int64_t>(static_cast<double>(used_ns) / rate);
  const int64_t full = now_ns - full_ns_.load(std::memory_order_relaxed);
  int64_t until = paid_until_ns_.load(std::memory_order_relaxed);
  while (!paid_until_ns_.compare_exchange_weak(until, std::max(until, full) + fills_in,
                                               std::memory_order_relaxed)) {
  }
}

}  // namespace heddle::core
