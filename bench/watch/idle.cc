// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <time.h>

#include <chrono>
#include <functional>
#include <thread>

#include "base/clock.h"
#include "base/topology.h"
#include "callers.h"
#include "crew/crew.h"
#include "verbs.h"

namespace heddle::bench {
namespace {

using Call = std::function<void(const Request&)>;

int64_t ProcessCpuNs() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

void Sleep(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

int64_t TimeOf(const Call& call, const Request& request) {
  const int64_t begin = core::SystemClock().NowNs();
  call(request);
  return core::SystemClock().NowNs() - begin;
}

void PrintFirstAndWarm(const char* name, const Call& call, int calls, double pause_ms) {
  const Request request = CallOfTheBench();
  cli::Latencies first, warm;
  for (int i = 0; i < calls; ++i) warm.Record(TimeOf(call, request));
  for (int i = 0; i < calls; ++i) {
    Sleep(pause_ms / 1000);
    first.Record(TimeOf(call, request));
  }
  fmt::print("{:>6} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f}\n", name,
             warm.QuantileMs(0.5), warm.QuantileMs(0.99), first.QuantileMs(0.5),
             first.QuantileMs(0.99), first.QuantileMs(0.5) - warm.QuantileMs(0.5),
             first.QuantileMs(0.99) - warm.QuantileMs(0.99));
}

}  // namespace

int WatchIdle(double seconds, int calls, double pause_ms) {
  {
    Callers burst(static_cast<int>(core::ProcessCpus().size()));
    Sleep(2);
    burst.Stop();
  }
  const core::CrewCounters before = core::Crew::OfProcess().counters();
  const int64_t cpu_ns = ProcessCpuNs();
  Sleep(seconds);
  const double used_s = static_cast<double>(ProcessCpuNs() - cpu_ns) * 1e-9;
  const core::CrewCounters after = core::Crew::OfProcess().counters().Since(before);
  fmt::print("idle for {} s after a burst of 2 s: {:.4f} % of a core ({} of {} threads asleep)\n\n",
             seconds, 100 * used_s / seconds, after.asleep, after.threads);
  fmt::print(
      "{} calls each, ms; first: after {} ms without a call\n{:6} {:>9} {:>9} {:>9} {:>9}"
      " {:>9} {:>9}\n",
      calls, pause_ms, "", "warm p50", "p99", "first p50", "p99", "added p50", "p99");
  PrintFirstAndWarm("alone", CallAlone, calls, pause_ms);
  PrintFirstAndWarm("crew", CallWithCrew, calls, pause_ms);
  return 0;
}

}  // namespace heddle::bench
