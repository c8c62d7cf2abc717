// SPDX-License-Identifier: Apache-2.0
// Counter: a number that is written under a lock and read without it.
#ifndef HEDDLE_SERVE_COUNTS_H_
#define HEDDLE_SERVE_COUNTS_H_

#include <atomic>
#include <cstdint>

namespace heddle::core {

class Counter {
 public:
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }
  void Set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  void Add(uint64_t more) { Set(value() + more); }
  void Take(uint64_t less) { Set(value() - less); }
  void Raise(uint64_t least) {
    if (least > value()) Set(least);
  }

 private:
  std::atomic<uint64_t> value_{0};
};

// What a Queue, or one Target of it, did.
struct QueueCounts {
  Counter submitted, accepted;
  Counter refused_full, refused_deadline, refused_closed, refused_wrong;
  Counter succeeded, failed, expired_waiting, expired_running;
  Counter cancelled_waiting, cancelled_running, displaced;
  Counter waiting, running, bytes, most_waiting, most_bytes;
  Counter queue_ns, run_ns, batches, batched, ahead_ns, asked_ns;
  Counter largest_batch, batches_again;
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_COUNTS_H_
