// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "base/clock.h"
#include "callers.h"
#include "crew/crew.h"
#include "verbs.h"

namespace heddle::bench {

int WatchLimits(double seconds, int callers) {
  const auto now_ms = [] { return static_cast<double>(core::SystemClock().NowNs()) * 1e-6; };
  const core::Crew& crew = core::Crew::OfProcess();
  Callers calling(callers);
  const core::CrewCounters before = crew.counters();
  const double begin_ms = now_ms();
  fmt::print("ready {:.1f}\n", begin_ms);
  int budget = 0;
  while (now_ms() - begin_ms < seconds * 1000) {
    if (crew.budget() != budget) {
      budget = crew.budget();
      fmt::print("budget {:.1f} {}\n", now_ms(), budget);
      fflush(stdout);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const double elapsed_s = (now_ms() - begin_ms) / 1000;
  const core::CrewCounters counters = crew.counters().Since(before);
  const auto calls = static_cast<double>(calling.calls());
  const cli::Latencies latencies = calling.Stop();
  fmt::print("calls_per_second {:.1f}\np50_ms {:.3f}\np99_ms {:.3f}\n", calls / elapsed_s,
             latencies.QuantileMs(0.5), latencies.QuantileMs(0.99));
  fmt::print("helped_ms {:.1f}\nperiods {}\nthrottled_periods {}\n",
             1e-6 * static_cast<double>(counters.helped_ns), counters.periods,
             counters.throttled_periods);
  return 0;
}

}  // namespace heddle::bench
