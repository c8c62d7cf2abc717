// SPDX-License-Identifier: Apache-2.0
// Time for deadlines and budgets, behind an interface so that tests need not wait.
#ifndef HEDDLE_BASE_CLOCK_H_
#define HEDDLE_BASE_CLOCK_H_

#include <atomic>
#include <cstdint>

namespace heddle::core {

// Thread-safe. Never goes back.
class Clock {
 public:
  virtual int64_t NowNs() const = 0;

 protected:
  ~Clock() = default;
};

// CLOCK_MONOTONIC, the clock that c.h counts deadlines in. Lives as long as the process.
const Clock& SystemClock();

// The CPU time that the calling thread used: what differs between threads cannot be compared.
const Clock& ThreadCpuClock();
// The same of all threads of the process.
const Clock& ProcessCpuClock();

// Stands still until it is told otherwise.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(int64_t now_ns = 0) : now_ns_(now_ns) {}
  int64_t NowNs() const override { return now_ns_.load(std::memory_order_acquire); }
  void Advance(int64_t ns) {
    now_ns_.fetch_add(ns, std::memory_order_acq_rel);
  }  // REQUIRES: ns >= 0

 private:
  std::atomic<int64_t> now_ns_;
};

}  // namespace heddle::core

#endif  // HEDDLE_BASE_CLOCK_H_
