// SPDX-License-Identifier: Apache-2.0
// MemoryBudget: the bytes that all calls of one Engine may hold together.
#ifndef HEDDLE_ENGINE_MEMORY_BUDGET_H_
#define HEDDLE_ENGINE_MEMORY_BUDGET_H_

#include <atomic>
#include <cstdint>

namespace heddle::core {

// Thread-safe. What is taken is given back by the same number of bytes.
class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t limit) : limit_(limit) {}

  bool Take(uint64_t bytes) {
    uint64_t used = used_.load(std::memory_order_relaxed);
    do {
      if (bytes > limit_ || used > limit_ - bytes) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void Give(uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t limit() const { return limit_; }

 private:
  const uint64_t limit_;
  std::atomic<uint64_t> used_{0};
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_MEMORY_BUDGET_H_
