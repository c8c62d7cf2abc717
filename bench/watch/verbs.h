// SPDX-License-Identifier: Apache-2.0
// The verbs of crew_watch.
#ifndef HEDDLE_BENCH_WATCH_VERBS_H_
#define HEDDLE_BENCH_WATCH_VERBS_H_

namespace heddle::bench {

// The Governor beside a process that computes on `others` threads for every second `every_s`.
int WatchNeighbour(double seconds, double every_s, int others, int callers);

// What the process may use and how often the system stopped it, as lines of "name value": "ready"
// with the time, then "budget" with the time of each change and what it is, at the end the rest.
// Times are those of CLOCK_MONOTONIC in ms.
int WatchLimits(double seconds, int callers);

// The CPU time of a process whose calls have ended, and what the first call after a pause takes.
int WatchIdle(double seconds, int calls, double pause_ms);

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_WATCH_VERBS_H_
