// SPDX-License-Identifier: Apache-2.0
#include "serve/queue.h"

#include <algorithm>

#include "crew/crew.h"
#include "serve/blocked.h"

namespace heddle::core {

Queue::Queue(const Clock& clock, Hands& hands, const QueueLimits& limits)
    : clock_(clock),
      hands_(hands),
      policy_(limits.policy),
      trace_(limits.trace),
      trace_arg_(limits.trace_arg),
      expired_(Code::kDeadlineExceeded, "the request's deadline passed while it waited"),
      cancelled_(Code::kCancelled, "the request was cancelled before it began"),
      displaced_(Code::kCancelled, "a newer request of the stream took its place") {
  bound_.most_requests = limits.most_requests;
  bound_.most_bytes = limits.most_bytes;
}

Request* Queue::Begin(const Request* only) {
  Lock lock(mutex_);
  Afterwards after;
  Request* request = BeginNext(only, &after);
  if (request != nullptr) ++runners_;
  Release(lock, after);
  if (request != nullptr) TraceBegun(*request);
  return request;
}

void Queue::End(Request& first) {
  Lock lock(mutex_);
  Afterwards after;
  Finish(first, &after);
  EndRunner();
  Release(lock, after);
}

void Queue::Forked() {
  const Lock lock(mutex_);
  runners_ = 0;
  posted_ = {};
}

bool Queue::IsNext(const Request& request) {
  const Lock lock(mutex_);
  return order_.Peek() == &request;
}

void Queue::Work(Turn& turn, Priority posted, const Request* only) {
  Lock lock(mutex_);
  --posted_[static_cast<size_t>(posted)];
  Afterwards after;
  Request* request = BeginNext(only, &after);
  while (request != nullptr) {
    Release(lock, after);
    TraceBegun(*request);
    Run(*request, turn);
    lock.lock();
    Finish(*request, &after);
    const bool stays = only == nullptr && turn.held() && !turn.wanted();
    request = stays ? BeginNext(nullptr, &after) : nullptr;
  }
  Release(lock, after);
  // Who drains may let the queue go as soon as no runner is left: the last that this one touches.
  lock.lock();
  EndRunner();
  const bool post = WantRunner(&posted);
  lock.unlock();
  if (post) hands_.Post(posted);
}

bool Queue::WorkOnce(Turn& turn, const Request* only) {
  Request* request = Begin(only);
  if (request == nullptr) return false;
  Run(*request, turn);
  End(*request);
  return true;
}

void Queue::WorkUntil(Turn& turn, const Request& request, int64_t until_ns) {
  while (!request.done() && clock_.NowNs() < until_ns && WorkOnce(turn, nullptr)) {
  }
}

Request* Queue::BeginNext(const Request* only, Afterwards* after) {
  const int64_t now = clock_.NowNs();
  Expire(now, after);
  Request* next = order_.Peek();
  if (next == nullptr || (only != nullptr && next != only)) return nullptr;
  BeginOne(*next, now);
  ++runs_;
  ++busy_[next->charged];
  TakeCompanions(*next, now);
  return next;
}

void Queue::BeginOne(Request& request, int64_t now) {
  if (request.expiry_place != kNotInHeap) expiries_.Remove(&request);
  order_.Begin(request);
  request.state = RequestState::kRunning;
  request.begun_ns = now;
  request.ran_ns = 0;
  request.next_in_batch = nullptr;
  request.batch_size = 1;
  request.begun_alone = request.begun_busy = request.again = request.forbidden = false;
  if (request.in_order) {
    Lane& lane = *request.lane;
    request.next_held = nullptr;
    (lane.held_last != nullptr ? lane.held_last->next_held : lane.held_first) = &request;
    lane.held_last = &request;
  }
  Uncount(*request.target, &QueueCounts::waiting);
  Count(*request.target, &QueueCounts::running);
  Count(*request.target, &QueueCounts::queue_ns, static_cast<uint64_t>(now - request.accepted_ns));
  running_ns_ += request.estimate_ns;
}

// Each of a batch is charged its part of the run.
void Queue::Finish(Request& first, Afterwards* after) {
  const int64_t now = clock_.NowNs(), took = now - first.begun_ns;
  const int64_t each = took / first.batch_size;
  Learn(first, took);
  --runs_;
  --busy_[first.charged];
  for (Request *r = &first, *next = nullptr; r != nullptr; r = next) {
    next = r->next_in_batch;
    r->ended_ns = now;
    FinishOne(*r, each, after);
  }
}

void Queue::FinishOne(Request& request, int64_t took, Afterwards* after) {
  Target& target = *request.target;
  running_ns_ -= request.estimate_ns;
  order_.End(request, took);
  Uncount(target, &QueueCounts::running);
  Count(target, &QueueCounts::run_ns, static_cast<uint64_t>(took));
  const bool stopped = request.stop.load(std::memory_order_relaxed);
  Counter QueueCounts::* how = &QueueCounts::failed;
  if (request.status.ok()) how = &QueueCounts::succeeded;
  if (request.status.code() == Code::kDeadlineExceeded) how = &QueueCounts::expired_running;
  if (request.status.code() == Code::kCancelled && stopped) how = &QueueCounts::cancelled_running;
  Count(target, how);
  request.state = RequestState::kHeld;
  if (!request.in_order) return Complete(request, after);
  if (!request.lane->telling) CompleteNextHeld(*request.lane, after);
}

// One at a time: the next is told of once the one before it has been.
void Queue::CompleteNextHeld(Lane& lane, Afterwards* after) {
  Request* next = lane.held_first;
  lane.telling = next != nullptr && next->state == RequestState::kHeld;
  if (!lane.telling) return order_.Unused(lane);
  lane.held_first = next->next_held;
  if (lane.held_first == nullptr) lane.held_last = nullptr;
  next->told_in_order = &lane;
  Complete(*next, after);
}

// A request that waits ends without having begun.
void Queue::Leave(Request& request, Counter QueueCounts::* how, const Status& status,
                  Afterwards* after) {
  if (request.expiry_place != kNotInHeap) expiries_.Remove(&request);
  order_.Remove(request);
  Uncount(*request.target, &QueueCounts::waiting);
  Count(*request.target, how);
  request.status = status;
  Complete(request, after);
}

void Queue::Complete(Request& request, Afterwards* after) {
  Lane& lane = *request.lane;
  for (Bound* bound : {&bound_, &request.target->bound, &lane.bound}) bound->Give(request.bytes);
  Uncount(*request.target, &QueueCounts::bytes, request.bytes);
  order_.Unused(lane);
  request.lane = nullptr;
  (request.previous_live != nullptr ? request.previous_live->next_live : first_live_) =
      request.next_live;
  (request.next_live != nullptr ? request.next_live->previous_live : last_live_) =
      request.previous_live;
  request.state = RequestState::kDone;
  request.announced = false;
  after->Add(request);
  // Whoever sees that it is done may fork: what is left to do is a call's, or OwnWork.
  request.in_flight.reset();
  request.has_waiters = request.word.exchange(Request::kDoneWord, std::memory_order_acq_rel) != 0;
}

void Queue::Expire(int64_t now, Afterwards* after) {
  while (!expiries_.empty() && expiries_.top()->deadline_ns <= now)
    Leave(*expiries_.top(), &QueueCounts::expired_waiting, expired_, after);
}

// One turn more is posted for only when the one before it has begun: whoever begins and leaves
// work behind asks for the next. A more urgent request need not wait for those that run: they may
// yield to it.
bool Queue::WantRunner(Priority* priority) {
  const Request* next = order_.Peek();
  if (next == nullptr) return false;
  const auto urgency = static_cast<size_t>(next->lane->home);
  int less_urgent = 0;
  for (size_t p = 0; p < kPriorities; ++p) {
    if (p <= urgency && posted_[p] > 0) return false;
    if (p > urgency) less_urgent += busy_[p] + posted_[p];
  }
  const int budget = hands_.budget();
  if (runners_ >= budget && (less_urgent == 0 || runners_ >= 2 * budget)) return false;
  ++runners_;
  ++posted_[urgency];
  *priority = static_cast<Priority>(urgency);
  return true;
}

void Queue::EndRunner() {
  --runners_;
  if (joiners_.load(std::memory_order_relaxed) > 0) idle_.notify_all();
}

// Leaves `after` empty.
void Queue::Release(Lock& lock, Afterwards& after) {
  Settle(lock, after);
  Tell(after);
}

void Queue::Settle(Lock& lock, Afterwards& after) {
  if (first_blocked_ != nullptr) AdmitBlocked(&after);
  counts_.ahead_ns.Set(static_cast<uint64_t>(order_.waiting_ns()));
  Priority priority = Priority::kNormal;
  const bool post = WantRunner(&priority);
  lock.unlock();
  if (post) hands_.Post(priority);
  while (after.unblocked != nullptr) {
    Blocked& blocked = *after.unblocked;
    after.unblocked = blocked.next;
    blocked.GoOn();
  }
}

}  // namespace heddle::core
