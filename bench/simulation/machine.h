// SPDX-License-Identifier: Apache-2.0
// Machine: what a big machine's parts cost, for a simulation.
#ifndef HEDDLE_BENCH_SIMULATION_MACHINE_H_
#define HEDDLE_BENCH_SIMULATION_MACHINE_H_

#include <algorithm>
#include <cstdint>
#include <vector>

namespace heddle::bench {

// Nanoseconds. A virtual machine of two cores, busy with other work, measured (crew_simulation
// --measure): local 2, transfer 180 for two of them, pause 24, wake_latency 28,000. Rounded to what
// servers have. The two calls, which a busy machine does not show, and the last two, which two
// cores do not, are estimates.
struct Costs {
  int64_t local = 6;              // an atomic step on a line that is in this core's cache
  int64_t transfer = 80;          // the same on a line that another core of the package wrote last
  int64_t wake_call = 1'500;      // what a futex wake costs the waker
  int64_t wake_latency = 30'000;  // from there until the woken thread runs
  int64_t sleep_call = 1'500;     // what going to sleep costs
  int64_t pause = 40;             // of a spinning thread
  int64_t far_transfer = 250;     // of a line from the other package
  int64_t serve = 20;             // between two readers of the same line
};

struct Machine {
  int cores = 64;
  int packages = 1;
  Costs costs;
  int PackageOf(int core) const { return core / std::max(1, cores / packages); }
};

// A cache line that several cores write: one of them at a time has it. `now`: when a core begins;
// the answers: when it has done.
class Line {
 public:
  int64_t Write(const Machine& machine, int core, int64_t now) {
    const int64_t cost = owner_ == core && !shared_ ? machine.costs.local : Away(machine, core);
    owner_ = core;
    shared_ = false;
    ++version_;
    free_at_ = std::max(now, free_at_) + cost;
    return free_at_;
  }
  // Caches keep what they read until somebody writes; they serve each other's misses in turn.
  int64_t Read(const Machine& machine, int core, int64_t now) {
    if (seen_.empty()) seen_.resize(static_cast<size_t>(machine.cores));
    uint64_t& seen = seen_[static_cast<size_t>(core)];
    if (owner_ == core || seen == version_) return now;
    seen = version_;
    shared_ = true;
    const int64_t start = std::max(now, free_at_);
    free_at_ = start + machine.costs.serve;
    return start + Away(machine, core);
  }

 private:
  int64_t Away(const Machine& machine, int core) const {
    const bool far = owner_ >= 0 && machine.PackageOf(owner_) != machine.PackageOf(core);
    return far ? machine.costs.far_transfer : machine.costs.transfer;
  }

  int owner_ = -1;
  bool shared_ = false;
  int64_t free_at_ = 0;
  uint64_t version_ = 1;
  std::vector<uint64_t> seen_;  // version in each core's cache
};

// A mutex as glibc has it: who finds it taken sleeps, and others may pass until it is awake.
class Lock {
 public:
  // When who asks at `now`, to keep it for `hold`, goes on with the lock in hand.
  int64_t Acquire(const Machine& machine, int64_t now, int64_t hold) {
    const Costs& c = machine.costs;
    const bool taken = free_at_ > now;
    const int64_t start = taken ? std::max(free_at_, now + c.sleep_call) : now;
    free_at_ = start + hold;
    return start + (taken ? c.wake_latency : c.transfer);
  }

 private:
  int64_t free_at_ = 0;
};

}  // namespace heddle::bench

#endif  // HEDDLE_BENCH_SIMULATION_MACHINE_H_
