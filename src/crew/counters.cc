// SPDX-License-Identifier: Apache-2.0
#include "crew/counters.h"

namespace heddle::core {

CrewCounters CrewCounters::Since(const CrewCounters& before) const {
  CrewCounters since = *this;
  for (uint64_t CrewCounters::* n :
       {&CrewCounters::governor_moves, &CrewCounters::shared_regions, &CrewCounters::helped_regions,
        &CrewCounters::helped_claims, &CrewCounters::far_claims, &CrewCounters::helped_ns,
        &CrewCounters::straggler_ns, &CrewCounters::spin_ns, &CrewCounters::sleep_ns,
        &CrewCounters::paused_ns, &CrewCounters::wakes, &CrewCounters::waits_for_turn,
        &CrewCounters::yields, &CrewCounters::posted, &CrewCounters::refused_starts,
        &CrewCounters::periods, &CrewCounters::throttled_periods, &CrewCounters::throttled_ns})
    since.*n -= before.*n;
  return since;
}

}  // namespace heddle::core
