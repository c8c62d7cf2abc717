// SPDX-License-Identifier: Apache-2.0
// Queue: the bounded waiting room in front of models. include/heddle/queue.h says what it promises.
//
// One lock, held for a bounded look-up and never while a request runs, a callback is called, a
// thread is woken or a tensor is copied. A test may go through Submit, Begin, End and Cancel in any
// order, on a clock of its own: threads are the affair of Hands.
#ifndef HEDDLE_SERVE_QUEUE_H_
#define HEDDLE_SERVE_QUEUE_H_

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "base/clock.h"
#include "serve/hands.h"
#include "serve/order.h"
#include "serve/target.h"

namespace heddle::core {

// Which batches are made; all but kMeasured are to compare with.
enum class Batching { kMeasured, kAlways, kNever };

struct QueueLimits {
  uint64_t most_requests = 1024, most_bytes = uint64_t{1} << 30;
  heddle_policy policy = HEDDLE_REFUSE;
  void (*trace)(void* arg, const heddle_event* event) = nullptr;
  void* trace_arg = nullptr;
};

// Thread-safe.
class Queue {
 public:
  Queue(const Clock& clock, Hands& hands, const QueueLimits& limits);
  ~Queue() = default;  // REQUIRES: drained
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  // Accepts the request, and owns it from then on, too; or says why not. Blocks only where the
  // policy says so, and not inside a callback. All memory that an accepted request needs is there:
  // without, it is refused (kResourceExhausted), and what follows allocates nothing.
  Status Submit(Request& request);
  void Cancel(Request& request);
  // Calls `then` once, when the request is done; now, if it is.
  void Then(Request& request, void (*then)(void* arg, Request& request), void* arg);
  // False: it is not done within this time; negative: waits for as long as it takes. The waiting
  // thread may run the request.
  bool Wait(Request& request, int64_t timeout_ns);

  // What was accepted before is done, and told. Fails inside a callback, which it would wait for.
  Status Join();
  // Accepts nothing any more, cancels what is there if asked, and joins.
  Status Drain(bool cancel);
  // The same for one Target, which may go afterwards.
  Status Unload(Target& target, bool cancel);
  void SetTarget(Target& target, const ShareOf& share);
  void SetStream(uint64_t stream, const ShareOf& share);
  void SetBatching(Batching batching);

  // Read without a lock.
  const QueueCounts& counts() const { return counts_; }

  // The next request that may begin, or nullptr; `only`: that one, if it is the next. Others may
  // begin with it, as a batch: see next_in_batch. Whoever begins a run sets the status of each, and
  // ends it.
  Request* Begin(const Request* only = nullptr);
  void End(Request& first);
  bool IsNext(const Request& request);
  // In a child that was forked while no request was accepted and not done: the threads of the
  // parent will not come.
  void Forked();
  // For Hands. Works on a turn that was posted for: until there is nothing or others want it; or
  // runs `only` that request, if it is the next.
  void Work(Turn& turn, Priority posted, const Request* only);
  // Runs `only`, or the next, and its batch. False: there is none.
  bool WorkOnce(Turn& turn, const Request* only);
  // Runs what is next until the request is done, or this is the time, or there is nothing.
  void WorkUntil(Turn& turn, const Request& request, int64_t until_ns);

 private:
  struct Blocked;
  using Lock = std::unique_lock<std::mutex>;
  // What to do once the lock is released: tell of requests that ended, let submitters go on.
  struct Afterwards {
    Request *first = nullptr, *last = nullptr;
    Blocked* unblocked = nullptr;

    void Add(Request& ended);
    Request& Take();  // REQUIRES: there is one
  };
  struct Telling;
  // What waits in the lane of a request, and makes room for it.
  struct Displaced {
    uint64_t requests = 0, bytes = 0;
    int64_t ns = 0;  // as they are estimated
  };

  Status CheckOpen(Target& target);
  Status FindLane(const Request& request, Lane** lane);
  Status Reserve(const Request& request, Lane& lane);
  Status Enter(Lock& lock, Request& request, Afterwards* after);
  Status Admit(Request& request, Lane& lane, Afterwards* after, Bound** full);
  Status CheckDeadline(Request& request, const Lane& lane, int64_t now,
                       const Displaced& displaced) const;
  Bound* FindRoom(const Request& request, Lane& lane, Displaced* displaced);
  Bound* FullBound(const Request& request, Lane& lane, const Displaced& gone);
  bool LeavesRoom(const Lane& lane, Room more) const;
  heddle_policy PolicyOf(const Request& request, const Lane& lane) const;
  Status Full(const Request& request, const Lane& lane, const Bound& bound) const;
  void Accept(Request& request, Lane& lane, int64_t now);
  Status Block(Lock& lock, Request& request, Lane& lane, Bound& full, Afterwards* after);
  void AdmitBlocked(Afterwards* after);
  void Unblock(Blocked& blocked, Status result, Afterwards* after);

  Request* BeginNext(const Request* only, Afterwards* after);
  void BeginOne(Request& request, int64_t now);
  void TakeCompanions(Request& first, int64_t now);
  static Cost& CostOf(Request& request);
  int SizeOfBatch(Request& first, int ready) const;
  void Run(Request& first, Turn& turn) const;
  static bool RunTogether(Request& first, Request& from, int size, Turn& turn);
  void Finish(Request& first, Afterwards* after);
  void Learn(Request& first, int64_t took);
  void FinishOne(Request& request, int64_t took, Afterwards* after);
  void Leave(Request& request, Counter QueueCounts::* how, const Status& status, Afterwards* after);
  void CompleteNextHeld(Lane& lane, Afterwards* after);
  void Complete(Request& request, Afterwards* after);
  void Expire(int64_t now, Afterwards* after);
  void CancelAll(const Target* target, Afterwards* after);
  void CancelOne(Request& request, Afterwards* after);
  // Whether one more turn is to be posted for, and with which priority; counts it.
  bool WantRunner(Priority* priority);
  void Release(Lock& lock, Afterwards& after);
  void Settle(Lock& lock, Afterwards& after);
  void Tell(Afterwards& after);
  void Announce(Request& request);
  void CallBack(Request& request, Afterwards& after);
  Afterwards* OutsideOfCallback();
  static void Call(Request& request, void (*then)(void* arg, Request& request), void* arg);
  static bool InCallback();
  // Costs a look at a pointer where nobody asked for it.
  void Trace(heddle_event_kind kind, const Request& request) const {
    if (trace_ != nullptr) TellTracer(kind, request);
  }
  void TraceBegun(const Request& first) const {
    for (const Request* r = &first; r != nullptr; r = r->next_in_batch) Trace(HEDDLE_BEGUN, *r);
  }
  void TellTracer(heddle_event_kind kind, const Request& request) const;
  void EndRunner();
  void WaitUntilZero(Lock& lock, const std::atomic<uint64_t>& count);
  void Count(Target& target, Counter QueueCounts::* what, uint64_t more = 1) {
    (counts_.*what).Add(more);
    (target.counts.*what).Add(more);
  }
  void Uncount(Target& target, Counter QueueCounts::* what, uint64_t less = 1) {
    (counts_.*what).Take(less);
    (target.counts.*what).Take(less);
  }

  struct ExpiresFirst {
    bool operator()(const Request& a, const Request& b) const {
      return a.deadline_ns < b.deadline_ns;
    }
  };

  const Clock& clock_;
  Hands& hands_;
  const heddle_policy policy_;
  void (*const trace_)(void* arg, const heddle_event* event);
  void* const trace_arg_;
  const Status expired_, cancelled_, displaced_;  // of what waited
  QueueCounts counts_;

  std::mutex mutex_;  // of all that follows
  Order order_;
  Bound bound_;
  Heap<Request, &Request::expiry_place, ExpiresFirst> expiries_;
  Request *first_live_ = nullptr, *last_live_ = nullptr;
  Blocked *first_blocked_ = nullptr, *last_blocked_ = nullptr;
  bool closed_ = false;
  int runners_ = 0;                                 // posted for, or at work
  int runs_ = 0;                                    // of a request, or of a batch
  std::array<int, kPriorities> posted_{}, busy_{};  // turns to come; runs
  int64_t running_ns_ = 0;                          // what those are estimated at
  Batching batching_ = Batching::kMeasured;
  std::condition_variable idle_;
  uint8_t generation_ = 0;

  std::atomic<int> joiners_{0};
  std::mutex join_mutex_;                         // one at a time waits for a generation
  std::atomic<uint64_t> unfinished_[2] = {0, 0};  // accepted and not told of, by generation
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_QUEUE_H_
