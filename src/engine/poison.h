// SPDX-License-Identifier: Apache-2.0
// A hook for tests: a run's own memory is filled before it is used, with other bytes than the last
// time, so that a kernel that reads what nothing has written changes its answer.
#ifndef HEDDLE_ENGINE_POISON_H_
#define HEDDLE_ENGINE_POISON_H_

#include <atomic>
#include <cstddef>
#include <cstring>

namespace heddle::core {

inline std::atomic<bool> runs_are_poisoned{false};

// From now on, for every run of this process.
inline void PoisonRuns() { runs_are_poisoned.store(true, std::memory_order_relaxed); }

// The bytes that one Context is filled with. As floats they are NaN in one run and huge in the
// next, as integers -1 and large: a maximum, a minimum or a sum of them shows in one of the two.
class Poison {
 public:
  void NextRun() {
    if (runs_are_poisoned.load(std::memory_order_relaxed)) byte_ = byte_ == 0xFF ? 0x7F : 0xFF;
  }
  void Fill(void* memory, size_t bytes) const {
    if (byte_ != kNone && bytes > 0) std::memset(memory, byte_, bytes);
  }

 private:
  static constexpr int kNone = -1;
  int byte_ = kNone;
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_POISON_H_
