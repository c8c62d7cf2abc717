// SPDX-License-Identifier: Apache-2.0
// What the Crew did, counted where it happens and read by anyone.
#ifndef HEDDLE_CREW_COUNTERS_H_
#define HEDDLE_CREW_COUNTERS_H_

#include <atomic>
#include <cstdint>

namespace heddle::core {

// Only grows. Thread-safe.
class Count {
 public:
  void Add(int64_t n = 1) { value_.fetch_add(static_cast<uint64_t>(n), std::memory_order_relaxed); }
  // The same, where no other thread adds to this one.
  void AddAlone(int64_t n = 1) {
    value_.store(value() + static_cast<uint64_t>(n), std::memory_order_relaxed);
  }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Since the Crew was made. Read without a lock; each number is its own reading.
struct CrewCounters {
  int budget = 0, threads = 0;
  int asleep = 0;               // of the threads
  int governor_cap = 0;         // the most helpers that the Governor lets work
  uint64_t governor_moves = 0;  // of that cap
  uint64_t shared_regions = 0;  // phases of steps that were open to helpers
  uint64_t helped_regions = 0;  // of these, those that a helper computed a part of
  uint64_t helped_claims = 0;
  uint64_t far_claims = 0;  // of these, by a helper of another group of CPUs than the caller's
  uint64_t helped_ns = 0;
  uint64_t straggler_ns = 0;  // that callers waited for helpers' last tiles, after a first moment
  uint64_t spin_ns = 0;       // that helpers looked for work in vain
  uint64_t sleep_ns = 0;      // that they slept, all together
  uint64_t paused_ns = 0;     // that calls paused, not to use up a quota
  uint64_t wakes = 0, waits_for_turn = 0, yields = 0, posted = 0;
  uint64_t refused_starts = 0;  // of threads, by the system
  // Of the process's control groups, since it started.
  uint64_t periods = 0, throttled_periods = 0, throttled_ns = 0;

  // What came since: numbers that only grow less what they were, the others as they are.
  CrewCounters Since(const CrewCounters& before) const;
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_COUNTERS_H_
