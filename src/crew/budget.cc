// SPDX-License-Identifier: Apache-2.0
#include "crew/budget.h"

#include <algorithm>

#include "base/topology.h"

namespace heddle::core {

int BudgetReader::Read() const {
  int budget = static_cast<int>(ProcessCpus().size());
  if (const auto quota = cgroup_.ReadCpuQuota()) {
    const double cpus = std::min(quota->cpus(), static_cast<double>(budget));
    budget = static_cast<int>(cpus + 1e-6);
  }
  return std::max(1, budget);
}

}  // namespace heddle::core
