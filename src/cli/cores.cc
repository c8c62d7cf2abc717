// SPDX-License-Identifier: Apache-2.0
#include "cli/cores.h"

#include <algorithm>
#include <cmath>

#include "base/cgroup.h"
#include "base/topology.h"

namespace heddle::cli {

int AvailableCores() {
  const int cpus = static_cast<int>(core::ProcessCpus().size());
  const auto quota = core::Cgroup::OfThisProcess().ReadCpuQuota();
  if (!quota) return std::max(1, cpus);
  return std::clamp(static_cast<int>(std::ceil(std::min(quota->cpus(), 1e6))), 1,
                    std::max(1, cpus));
}

}  // namespace heddle::cli
