// SPDX-License-Identifier: Apache-2.0
// Scenarios: what is simulated, and what is told of it.
#ifndef HEDDLE_BENCH_SIMULATION_SCENARIOS_H_
#define HEDDLE_BENCH_SIMULATION_SCENARIOS_H_

#include <span>

#include "crew_model.h"

namespace heddle::bench {

// 64 cores in one package and 192 in two.
std::span<const Machine> Machines();
std::span<const Load> Loads();
std::span<const int> CallerCounts();

// The crew's rules without the bound of MostThreads and with wakes under the lock of Turns, with
// that bound, as they are, and with what else could be changed.
struct Variant {
  const char* name;
  Rules rules;
};
std::span<const Variant> Variants();

// So many calls that each caller makes several, and no more than a simulation of a second.
Traffic TrafficOf(int callers);

// In relation to callers that nobody helps and whose waiting costs nothing.
struct Score {
  double limit = 0;  // of throughput, if helpers and claims cost nothing, either
  double throughput = 0;
  double p99 = 0;
  double cpu = 0;  // of a call
};
Score ScoreOf(const Machine& machine, const Load& load, const Traffic& traffic,
              const Outcome& outcome);

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_SIMULATION_SCENARIOS_H_
