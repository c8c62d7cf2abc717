// SPDX-License-Identifier: Apache-2.0
// One measurement of a bench: so many callers on one Model for so many seconds.
#ifndef HEDDLE_CLI_BENCH_CELL_H_
#define HEDDLE_CLI_BENCH_CELL_H_

#include <optional>
#include <vector>

#include "cli/latency.h"
#include "crew/counters.h"
#include "heddle/engine.h"

namespace heddle::cli {

struct Load {
  int callers = 1;
  double seconds = 1;
};

// What an open loop has besides.
struct Flow {
  uint64_t arrived = 0, refused = 0;
  uint64_t waiting = 0;  // arrived, and not begun when time was up
  uint64_t most_waiting = 0;
  double queue_ms = 0, run_ms = 0;  // on average
};

struct Cell {
  int callers = 0;
  Latencies latencies;      // of an open loop from when a request was to come, not from its start
  double seconds = 0;       // from the first call's start to the last one's end
  double cpu_seconds = 0;   // of the process
  double pss_mb = 0;        // while the callers run
  core::CrewCounters crew;  // meanwhile
  std::optional<Flow> flow;

  double per_second() const { return static_cast<double>(latencies.count()) / seconds; }
  double cpu_ms_per_call() const;
};

// A closed loop: each caller calls again as soon as it has its answer. Warms up, then measures.
// Each caller has a Session of its own.
Result<Cell> MeasureCell(const Model& model, const char* signature,
                         const std::vector<TensorView>& inputs, const Load& load);

// A model that remembers needs one, one that does not may have none.
Result<std::optional<Session>> SessionIfNeeded(const Model& model);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_BENCH_CELL_H_
