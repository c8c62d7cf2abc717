// SPDX-License-Identifier: Apache-2.0
// MemoryBudget: the bytes that the models, sessions and calls of one Engine may hold together.
#ifndef HEDDLE_BASE_MEMORY_BUDGET_H_
#define HEDDLE_BASE_MEMORY_BUDGET_H_

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace heddle::core {

// Holds memory that it can do without.
class Reclaimable {
 public:
  virtual void DropIdle() = 0;  // thread-safe

 protected:
  ~Reclaimable() = default;
};

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
  // Asks every holder for what it can spare: a call that needs memory now comes before idle ones of
  // any model.
  void Reclaim() {
    std::lock_guard<std::mutex> lock(mutex_);
    for (Reclaimable* holder : holders_) holder->DropIdle();
  }
  void Register(Reclaimable* holder) {
    std::lock_guard<std::mutex> lock(mutex_);
    holders_.push_back(holder);
  }
  void Unregister(Reclaimable* holder) {
    std::lock_guard<std::mutex> lock(mutex_);
    std::erase(holders_, holder);
  }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t limit() const { return limit_; }

 private:
  const uint64_t limit_;
  std::atomic<uint64_t> used_{0};
  std::mutex mutex_;
  std::vector<Reclaimable*> holders_;
};

}  // namespace heddle::core

#endif  // HEDDLE_BASE_MEMORY_BUDGET_H_
