// SPDX-License-Identifier: Apache-2.0
// A submitter that waits for room; on its stack.
#ifndef HEDDLE_SERVE_BLOCKED_H_
#define HEDDLE_SERVE_BLOCKED_H_

#include <atomic>
#include <cstdint>

#include "crew/futex.h"
#include "serve/queue.h"

namespace heddle::core {

struct Queue::Blocked {
  Request* request = nullptr;
  Lane* lane = nullptr;
  Blocked *next = nullptr, *previous = nullptr;
  bool listed = true;  // under the lock: nobody has decided yet
  Status result;
  std::atomic<uint32_t> word{0};

  // The submitter may be gone, and this with it, before the wake: it then wakes nobody.
  void GoOn() {
    std::atomic<uint32_t>& its_word = word;
    its_word.store(1, std::memory_order_release);
    FutexWake(its_word, 1);
  }
  bool may_go_on() const { return word.load(std::memory_order_acquire) != 0; }
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_BLOCKED_H_
