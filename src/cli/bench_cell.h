// SPDX-License-Identifier: Apache-2.0
// One measurement of a bench: so many callers on one Model for so many seconds.
#ifndef HEDDLE_CLI_BENCH_CELL_H_
#define HEDDLE_CLI_BENCH_CELL_H_

#include <string>
#include <vector>

#include "cli/latency.h"
#include "crew/counters.h"
#include "heddle/engine.h"

namespace heddle::cli {

struct Load {
  int callers = 1;
  double seconds = 1;
  double rate =
      0;  // calls a second that arrive whatever the callers do; 0: each calls again at once
};

struct Cell {
  int callers = 0;
  Latencies latencies;      // with --open-loop from a call's arrival, not from its start
  double seconds = 0;       // from the first call's start to the last one's end
  double cpu_seconds = 0;   // of the process
  double pss_mb = 0;        // while the callers run
  uint64_t waiting = 0;     // arrived and not begun when time was up
  core::CrewCounters crew;  // meanwhile

  double per_second() const { return static_cast<double>(latencies.count()) / seconds; }
  double cpu_ms_per_call() const;
};

// Warms up, then measures. Each caller has a Session of its own.
Result<Cell> MeasureCell(const Model& model, const char* signature,
                         const std::vector<TensorView>& inputs, const Load& load);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_BENCH_CELL_H_
