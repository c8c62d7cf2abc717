// SPDX-License-Identifier: Apache-2.0
// Contestants: the ways to run the same calls that a bench compares.
#ifndef HEDDLE_BENCH_CREW_CONTESTANTS_H_
#define HEDDLE_BENCH_CREW_CONTESTANTS_H_

#include <memory>
#include <string_view>

#include "work.h"

namespace heddle::bench {

class Contestant {
 public:
  virtual ~Contestant() = default;
  // Any number of threads at the same time.
  virtual void Call(const Request& request) = 0;
};

// alone: each caller computes its own tiles. crew: Heddle's. tbb: oneTBB's parallel_for.
// gomp: libgomp, a team per caller, as `omp parallel for` makes it. pthreadpool: one shared pool,
// since a pool per caller stands still for seconds. Each but alone may use `threads` threads, the
// crew what it finds by itself. nullptr: no such name.
std::unique_ptr<Contestant> MakeContestant(std::string_view name, int threads);

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_CREW_CONTESTANTS_H_
