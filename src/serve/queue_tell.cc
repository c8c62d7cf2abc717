// SPDX-License-Identifier: Apache-2.0
// Queue: who is told of the end of a request, by the thread that ended it.
#include "crew/crew.h"
#include "crew/futex.h"
#include "serve/completions.h"
#include "serve/queue.h"

namespace heddle::core {
namespace {

constinit thread_local int calling = 0;  // callbacks, on this thread

}  // namespace

// A callback may submit, cancel and wait, and so end other requests, whose callbacks are called
// inside of it and may do the same. That must not go as deep as the line is long: a stack ends.
struct Queue::Telling {
  static constexpr int kDeepest = 8;
  static constinit thread_local const Telling* innermost;  // of this thread

  Queue* queue;
  Afterwards* after;
  const Telling* around = innermost;
  int depth = around != nullptr ? around->depth + 1 : 1;
};

constinit thread_local const Queue::Telling* Queue::Telling::innermost = nullptr;

void Queue::Afterwards::Add(Request& ended) {
  ended.next_ended = nullptr;
  (last != nullptr ? last->next_ended : first) = &ended;
  last = &ended;
}

Request& Queue::Afterwards::Take() {
  Request& taken = *first;
  first = taken.next_ended;
  if (first == nullptr) last = nullptr;
  return taken;
}

// Where callbacks wait until the one that this thread is inside of returns; nullptr: they need not.
Queue::Afterwards* Queue::OutsideOfCallback() {
  const Telling* at = Telling::innermost;
  if (at == nullptr || at->depth < Telling::kDeepest) return nullptr;
  while (at != nullptr && at->queue != this) at = at->around;
  return at != nullptr ? at->after : nullptr;
}

void Queue::Tell(Afterwards& after) {
  Afterwards* const outside = OutsideOfCallback();
  while (after.first != nullptr) {
    Request& request = after.Take();
    if (!request.announced) Announce(request);
    // Those that end in order keep others from their end, which the callback may wait for; but of
    // these there is one for each stream.
    if (outside != nullptr && request.then != nullptr && request.told_in_order == nullptr)
      outside->Add(request);
    else
      CallBack(request, after);
  }
}

// Whoever waits, or watches, learns it at once.
void Queue::Announce(Request& request) {
  request.announced = true;
  Trace(HEDDLE_ENDED, request);
  if (request.has_waiters) FutexWake(request.word, 1 << 30);
  if (request.completions != nullptr) request.completions->Add(request.tag);
}

void Queue::CallBack(Request& request, Afterwards& after) {
  Target& target = *request.target;
  std::atomic<uint64_t>& unfinished = unfinished_[request.generation];
  Lane* lane = request.told_in_order;
  if (request.then != nullptr) {
    const Telling telling{this, &after};
    Telling::innermost = &telling;
    Call(request, request.then, request.then_arg);
    Telling::innermost = telling.around;
  }
  request.Disown();
  if (lane != nullptr) {
    Lock lock(mutex_);
    CompleteNextHeld(*lane, &after);
    Settle(lock, after);
  }
  // A joiner counts itself before it looks at these.
  target.unfinished.fetch_sub(1, std::memory_order_seq_cst);
  unfinished.fetch_sub(1, std::memory_order_seq_cst);
  if (joiners_.load(std::memory_order_seq_cst) > 0) {
    const std::lock_guard lock(mutex_);
    idle_.notify_all();
  }
}

void Queue::Call(Request& request, void (*then)(void* arg, Request& request), void* arg) {
  ++calling;
  then(arg, request);
  --calling;
}

// Most are called on a turn, as calls are made; those of whoever cancels are not.
bool Queue::InCallback() { return calling > 0 || InTurn(); }

}  // namespace heddle::core
