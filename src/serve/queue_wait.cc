// SPDX-License-Identifier: Apache-2.0
// Queue: waiting for requests, and giving up on them.
#include <algorithm>
#include <limits>

#include "base/errors.h"
#include "crew/futex.h"
#include "serve/queue.h"

namespace heddle::core {

bool Queue::Wait(Request& request, int64_t timeout_ns) {
  if (request.done()) return true;
  constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  const int64_t start = clock_.NowNs();
  const int64_t until = timeout_ns < 0 || timeout_ns > kNever - start ? kNever : start + timeout_ns;
  // A run that this thread has begun it cannot leave when the time is over.
  if (timeout_ns < 0 || (request.foreseen && request.estimate_ns <= timeout_ns / 2))
    hands_.Lend(request, until);
  for (;;) {
    if (request.done()) return true;
    const int64_t now = clock_.NowNs();
    if (request.deadline_ns != 0 && request.deadline_ns <= now) {
      Lock lock(mutex_);
      Afterwards after;
      Expire(now, &after);
      Release(lock, after);
      if (request.done()) return true;
    }
    if (now >= until) return false;
    // Of a request that runs, the call itself keeps the deadline.
    const bool waits_for_deadline = request.deadline_ns > now;
    const int64_t wake = waits_for_deadline ? std::min(until, request.deadline_ns) : until;
    uint32_t nobody = 0;
    request.word.compare_exchange_strong(nobody, 1, std::memory_order_acq_rel);
    if (wake == kNever)
      FutexWait(request.word, 1);
    else
      FutexWaitFor(request.word, 1, wake - now);
  }
}

void Queue::Cancel(Request& request) {
  if (request.done()) return;
  Lock lock(mutex_);
  Afterwards after;
  CancelOne(request, &after);
  Release(lock, after);
}

void Queue::CancelOne(Request& request, Afterwards* after) {
  if (request.state == RequestState::kRunning) {
    request.stop.store(true, std::memory_order_release);
  } else if (request.state == RequestState::kWaiting) {
    Leave(request, &QueueCounts::cancelled_waiting, cancelled_, after);
  }
}

void Queue::CancelAll(const Target* target, Afterwards* after) {
  for (Request *r = first_live_, *next = nullptr; r != nullptr; r = next) {
    next = r->next_live;
    if (target == nullptr || r->target == target) CancelOne(*r, after);
  }
}

void Queue::Then(Request& request, void (*then)(void* arg, Request& request), void* arg) {
  {
    const Lock lock(mutex_);
    if (request.state != RequestState::kDone) {
      request.then = then;
      request.then_arg = arg;
      return;
    }
  }
  Call(request, then, arg);
}

void Queue::WaitUntilZero(Lock& lock, const std::atomic<uint64_t>& count) {
  joiners_.fetch_add(1, std::memory_order_seq_cst);
  idle_.wait(lock, [&] { return count.load(std::memory_order_seq_cst) == 0; });
  joiners_.fetch_sub(1, std::memory_order_relaxed);
}

// What comes while this waits counts in the other generation, which is empty: the join before this
// one has waited for it.
Status Queue::Join() {
  if (InCallback()) return FailedPrecondition("a callback cannot wait for the queue that calls it");
  const std::lock_guard one(join_mutex_);
  Lock lock(mutex_);
  const std::atomic<uint64_t>& before = unfinished_[generation_];
  generation_ ^= 1;
  WaitUntilZero(lock, before);
  return Status();
}

Status Queue::Drain(bool cancel) {
  if (InCallback()) return FailedPrecondition("a callback cannot wait for the queue that calls it");
  {
    Lock lock(mutex_);
    closed_ = true;
    Afterwards after;
    if (cancel) CancelAll(nullptr, &after);
    Release(lock, after);
  }
  HEDDLE_TRY(Join());
  // Turns that were posted for in vain come, and go.
  Lock lock(mutex_);
  joiners_.fetch_add(1, std::memory_order_seq_cst);
  idle_.wait(lock, [&] { return runners_ == 0; });
  joiners_.fetch_sub(1, std::memory_order_relaxed);
  return Status();
}

Status Queue::Unload(Target& target, bool cancel) {
  if (InCallback()) return FailedPrecondition("a callback cannot wait for the queue that calls it");
  Lock lock(mutex_);
  target.closed = true;
  Afterwards after;
  if (cancel) CancelAll(&target, &after);
  Release(lock, after);
  lock.lock();
  WaitUntilZero(lock, target.unfinished);
  order_.Forget(target);
  return Status();
}

}  // namespace heddle::core
