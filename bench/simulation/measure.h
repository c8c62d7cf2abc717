// SPDX-License-Identifier: Apache-2.0
// Measures on this machine what a simulation takes for granted.
#ifndef HEDDLE_BENCH_SIMULATION_MEASURE_H_
#define HEDDLE_BENCH_SIMULATION_MEASURE_H_

namespace heddle::bench {

// Those of Costs that two cores show, in ns, on stdout. Needs two cores.
void PrintCosts();

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_SIMULATION_MEASURE_H_
