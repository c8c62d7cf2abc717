// SPDX-License-Identifier: Apache-2.0
// Work: what a bench computes instead of a model.
#ifndef HEDDLE_BENCH_CREW_WORK_H_
#define HEDDLE_BENCH_CREW_WORK_H_

#include <cstdint>

namespace heddle::bench {

// A chain of dependent multiplications, so that a sibling thread of the core slows it little and
// a thread that is put aside gets no work done meanwhile.
void Burn(int64_t iterations);

// What one iteration costs this core when nobody disturbs it.
double NsPerIteration();

// A call: regions one after another, of independent tiles.
struct Request {
  int64_t regions = 0;
  int64_t tiles = 0;            // of a region
  int64_t tile_iterations = 0;  // of a tile
  double tile_ns = 0;
};

// On the calling thread alone, and with whoever of the process's crew helps.
void CallAlone(const Request& request);
void CallWithCrew(const Request& request);

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_CREW_WORK_H_
