// SPDX-License-Identifier: Apache-2.0
// Pace: how a process stays within a quota of whole cores, instead of being stopped for it.
//
// As many threads as the quota has cores use all of it, and what any other thread does is taken
// out of the end of the period: the system stops everybody, most periods. So whoever computes
// leaves a small part of the quota to others: it pauses for a millisecond when all threads of the
// process together have used more than the rest. Below one core that would stretch a lone call
// that the period has room for, so there the system's own stops are left.
#ifndef HEDDLE_CREW_PACE_H_
#define HEDDLE_CREW_PACE_H_

#include <atomic>
#include <cstdint>

namespace heddle::core {

// CPU time is the process's, in ns. Thread-safe, without a lock.
class Pace {
 public:
  static constexpr double kSpared = 0.04;             // of the quota, for others
  static constexpr double kHeld = 0.02;               // of it, that may be used at once
  static constexpr int64_t kMostPauseNs = 5'000'000;  // at a time: a call may have been cancelled

  // A quota of less than one core: none. The same again changes nothing.
  void Set(double quota_cores, int64_t period_ns, int64_t now_ns, int64_t cpu_ns);
  bool any() const { return rate_.load(std::memory_order_relaxed) > 0; }
  // How long whoever asks is to pause now; 0: it may go on.
  int64_t PauseNs(int64_t now_ns, int64_t cpu_ns);

 private:
  int64_t Allowed(int64_t now_ns, int64_t cpu_ns, double rate) const {
    return static_cast<int64_t>(rate * static_cast<double>(now_ns)) - cpu_ns;
  }

  std::atomic<double> rate_{0};  // cores that may be used
  std::atomic<int64_t> held_ns_{0};
  std::atomic<int64_t> spent_ns_{0};  // of what was allowed up to now
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_PACE_H_
