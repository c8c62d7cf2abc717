// SPDX-License-Identifier: Apache-2.0
// Queue: what comes in.
#include <algorithm>
#include <cmath>

#include "base/caught.h"
#include "base/errors.h"
#include "serve/blocked.h"
#include "serve/queue.h"

namespace heddle::core {
namespace {

// What costs nothing would never use up its share.
constexpr int64_t kLeastCostNs = 1'000;
constexpr int64_t kLeastRetryNs = 1'000'000;

}  // namespace

Status Queue::Submit(Request& request) {
  Lock lock(mutex_);
  Target& target = *request.target;
  request.cost = &target.costs.Of(request.kind);
  request.foreseen = request.cost->busy().known();
  request.estimate_ns = std::max(kLeastCostNs, request.cost->busy_ns());
  Count(target, &QueueCounts::submitted);
  Count(target, &QueueCounts::asked_ns, static_cast<uint64_t>(request.estimate_ns));
  Afterwards after;
  Expire(clock_.NowNs(), &after);
  Status status = CheckOpen(target);
  if (status.ok()) status = Enter(lock, request, &after);
  Release(lock, after);
  if (status.ok()) Trace(HEDDLE_ACCEPTED, request);
  return status;
}

// Counts it where it is not.
Status Queue::CheckOpen(Target& target) {
  if (!closed_ && !target.closed) return Status();
  Count(target, &QueueCounts::refused_closed);
  return Caught([&] {
    return FailedPrecondition("the queue {}: it accepts nothing any more",
                              closed_ ? "is drained" : "unloads the model");
  });
}

// REQUIRES: it is open. A target that is unloaded may go, and leaves no lane behind.
Status Queue::Enter(Lock& lock, Request& request, Afterwards* after) {
  Lane* lane = nullptr;
  Status status = FindLane(request, &lane);
  Bound* full = nullptr;
  if (status.ok()) status = Admit(request, *lane, after, &full);
  if (full == nullptr) return status;
  if (PolicyOf(request, *lane) == HEDDLE_BLOCK && !InCallback())
    return Block(lock, request, *lane, *full, after);
  Count(*request.target, &QueueCounts::refused_full);
  return Caught([&] { return Full(request, *lane, *full); });
}

// Of all that comes in, these need memory; what is counted here is told of as any refusal is.
Status Queue::FindLane(const Request& request, Lane** lane) {
  Status status = Caught([&] {
    *lane = &order_.LaneOf(*request.target, request);
    return Status();
  });
  if (status.ok())
    order_.Know(**lane);
  else
    Count(*request.target, &QueueCounts::refused_full);
  return status;
}

Status Queue::Reserve(const Request& request, Lane& lane) {
  return Caught([&] {
    if (request.deadline_ns != 0) expiries_.Reserve(expiries_.size() + 1);
    order_.Reserve(lane, request.priority);
    return Status();
  });
}

heddle_policy Queue::PolicyOf(const Request& request, const Lane& lane) const {
  if (lane.policy != HEDDLE_POLICY_INHERITED) return lane.policy;
  if (request.target->policy != HEDDLE_POLICY_INHERITED) return request.target->policy;
  return policy_ != HEDDLE_POLICY_INHERITED ? policy_ : HEDDLE_REFUSE;
}

// Accepts the request, or says why not; with *full set neither: this bound has no room now.
Status Queue::Admit(Request& request, Lane& lane, Afterwards* after, Bound** full) {
  Target& target = *request.target;
  const auto refuse = [&](Counter QueueCounts::* why, Status status) {
    Count(target, why);
    return status;
  };
  for (const Bound* bound : {&bound_, &target.bound, &lane.bound})
    if (!bound->EverFits(request.bytes))
      return refuse(&QueueCounts::refused_wrong, Caught([&] {
        return ResourceExhausted("the request's inputs have {} bytes, the limit is {}",
                                 request.bytes, bound->most_bytes);
      }));
  const int64_t now = clock_.NowNs();
  Displaced displaced;
  Bound* const bound = FindRoom(request, lane, &displaced);
  Status in_time = Caught([&] { return CheckDeadline(request, lane, now, displaced); });
  if (!in_time.ok()) return refuse(&QueueCounts::refused_deadline, std::move(in_time));
  *full = bound;
  if (bound != nullptr) return Status();
  Status reserved = Reserve(request, lane);
  if (!reserved.ok()) return refuse(&QueueCounts::refused_full, std::move(reserved));
  for (; displaced.requests > 0; --displaced.requests)
    Leave(*lane.first, &QueueCounts::displaced, displaced_, after);
  Accept(request, lane, now);
  return Status();
}

// What is ahead is run by as many cores as there are; it, and the request, may take longer than
// they do on average: few take more than six standard deviations longer. On an idle machine every
// request is tried: what was learned may be wrong by now.
Status Queue::CheckDeadline(Request& request, const Lane& lane, int64_t now,
                            const Displaced& displaced) const {
  if (request.deadline_ns == 0) return Status();
  const int64_t left = request.deadline_ns - now;
  if (left <= 0)
    return Status(Code::kDeadlineExceeded, "the request's deadline had passed when it came");
  const double cores = hands_.budget();
  if (counts_.waiting.value() == displaced.requests && runs_ < hands_.budget()) return Status();
  const auto own = static_cast<double>(request.estimate_ns);
  // As if what makes room for the request, and it, cost only what it costs more.
  const int64_t more_ns = request.estimate_ns - displaced.ns;
  const auto ahead = static_cast<double>(order_.AheadNs(lane, request.priority, more_ns) -
                                         displaced.ns + running_ns_ / 2);
  const Mean& runs = CostOf(request).runs();
  const double run = std::max(own, runs.ns());
  const double spread = 6 * std::sqrt(runs.variance() * (1 + ahead / run / (cores * cores)));
  const double needs = ahead / cores + run + spread;
  if (needs <= static_cast<double>(left)) return Status();
  return Status(
      Code::kDeadlineExceeded,
      fmt::format("the deadline is in {} us; what is ahead, and the request, may take {:.0f} us",
                  left / 1000, needs / 1000),
      std::max(kLeastRetryNs, static_cast<int64_t>(ahead / cores / 2)));
}

// nullptr: there is room, once what is displaced is gone; else a bound that has none. Nothing is
// displaced in vain.
Bound* Queue::FindRoom(const Request& request, Lane& lane, Displaced* displaced) {
  const heddle_policy policy = PolicyOf(request, lane);
  const bool latest = policy == HEDDLE_LATEST, displaces = latest || policy == HEDDLE_DROP_OLDEST;
  Displaced gone;
  Bound* full = FullBound(request, lane, gone);
  for (const Request* r = lane.first; displaces && r != nullptr && (latest || full != nullptr);
       r = r->next) {
    ++gone.requests;
    gone.bytes += r->bytes;
    gone.ns += r->estimate_ns;
    full = FullBound(request, lane, gone);
  }
  if (full == nullptr) *displaced = gone;
  return full;
}

// Were these of the lane gone.
Bound* Queue::FullBound(const Request& request, Lane& lane, const Displaced& gone) {
  for (Bound* bound : {&bound_, &request.target->bound, &lane.bound})
    if (!bound->FitsWithout(gone.requests, gone.bytes, request.bytes)) return bound;
  const Room room{static_cast<double>(gone.requests), static_cast<double>(gone.bytes)};
  // Whoever has too much keeps nobody else out while it waits.
  if (!LeavesRoom(lane, Room{1, static_cast<double>(request.bytes)} - room)) return &lane.bound;
  return nullptr;
}

// To others, once the lane had so much more: see room.h.
bool Queue::LeavesRoom(const Lane& lane, Room more) const {
  const Target& target = *lane.target;
  const auto left = [&](const Bound& b) { return Room::Of(b) - (Room::HeldIn(b) + more); };
  const Room of_model = order_.PartOf(target) * Room::Of(bound_);
  const Room of_lane = order_.PartOf(lane) * of_model.AtMost(Room::Of(target.bound));
  const Room model = Room::HeldIn(target.bound) + more, stream = order_.HeldBy(lane) + more;
  if (stream.Within(0.5 * of_lane)) return true;
  return (model.requests <= 1 || model.Within(of_model + left(bound_))) &&
         (stream.requests <= 1 || stream.Within(of_lane + left(bound_).AtMost(left(target.bound))));
}

Status Queue::Full(const Request& request, const Lane& lane, const Bound& bound) const {
  const char* whose = &bound == &bound_       ? "queue"
                      : &bound == &lane.bound ? "stream's part of the queue"
                                              : "model's part of the queue";
  const int64_t retry = order_.waiting_ns() / hands_.budget() / 2;
  const Bound& of_model = request.target->bound;
  if (&bound == &lane.bound && bound.HasRoomWithout(0, 0, request.bytes))
    return Status(
        Code::kResourceExhausted,
        fmt::format("the stream has {} requests with {} bytes, its model {} with {}, of the "
                    "queue's {} and {}: what is left is kept for others",
                    bound.requests, bound.bytes, of_model.requests, of_model.bytes,
                    bound_.most_requests, bound_.most_bytes),
        std::max(kLeastRetryNs, retry));
  return Status(
      Code::kResourceExhausted,
      fmt::format("the {} is full: {} of {} requests, {} + {} of {} bytes", whose, bound.requests,
                  bound.most_requests, bound.bytes, request.bytes, bound.most_bytes),
      std::max(kLeastRetryNs, retry));
}

void Queue::Accept(Request& request, Lane& lane, int64_t now) {
  Target& target = *request.target;
  request.Own();
  request.in_flight.emplace();
  request.told_in_order = nullptr;
  request.state = RequestState::kWaiting;
  request.accepted_ns = now;
  request.begun_ns = request.ended_ns = 0;
  request.generation = generation_;
  unfinished_[generation_].fetch_add(1, std::memory_order_relaxed);
  target.unfinished.fetch_add(1, std::memory_order_relaxed);
  for (Bound* bound : {&bound_, &target.bound, &lane.bound}) bound->Take(request.bytes);
  request.next_live = nullptr;
  request.previous_live = last_live_;
  (last_live_ != nullptr ? last_live_->next_live : first_live_) = &request;
  last_live_ = &request;
  order_.Push(lane, request);
  if (request.deadline_ns != 0) expiries_.Push(&request);
  Count(target, &QueueCounts::accepted);
  Count(target, &QueueCounts::waiting);
  Count(target, &QueueCounts::bytes, request.bytes);
  for (QueueCounts* counts : {&counts_, &target.counts}) {
    counts->most_waiting.Raise(counts->waiting.value());
    counts->most_bytes.Raise(counts->bytes.value());
  }
}

// Waits until whoever gives room back has admitted the request, or it can be no more.
Status Queue::Block(Lock& lock, Request& request, Lane& lane, Bound& full, Afterwards* after) {
  Blocked blocked;
  blocked.request = &request;
  blocked.lane = &lane;
  blocked.previous = last_blocked_;
  (last_blocked_ != nullptr ? last_blocked_->next : first_blocked_) = &blocked;
  last_blocked_ = &blocked;
  ++full.blocked;
  order_.Pin(lane);
  request.state = RequestState::kBlocked;
  Release(lock, *after);
  for (;;) {
    const int64_t left = request.deadline_ns - clock_.NowNs();
    if (blocked.may_go_on()) break;
    if (request.deadline_ns == 0) {
      FutexWait(blocked.word, 0);
    } else if (left > 0) {
      FutexWaitFor(blocked.word, 0, left);
    } else {
      lock.lock();
      if (blocked.listed) {
        Count(*request.target, &QueueCounts::refused_full);
        Unblock(blocked, Caught([&] { return Full(request, lane, full); }), nullptr);
        return std::move(blocked.result);
      }
      lock.unlock();
      FutexWait(blocked.word, 0);  // somebody has decided, and is about to say so
    }
  }
  lock.lock();
  return std::move(blocked.result);
}

// after nullptr: the submitter itself.
void Queue::Unblock(Blocked& blocked, Status result, Afterwards* after) {
  (blocked.previous != nullptr ? blocked.previous->next : first_blocked_) = blocked.next;
  (blocked.next != nullptr ? blocked.next->previous : last_blocked_) = blocked.previous;
  blocked.listed = false;
  blocked.result = std::move(result);
  order_.Unpin(*blocked.lane);
  if (after == nullptr) {
    // It keeps no room from anybody any more; those who still wait are counted anew.
    for (Bound* bound : {&bound_, &blocked.request->target->bound, &blocked.lane->bound})
      bound->blocked = 0;
    return;
  }
  blocked.next = after->unblocked;
  after->unblocked = &blocked;
}

// First come, first served: who finds a bound without room keeps it from those behind.
void Queue::AdmitBlocked(Afterwards* after) {
  Expire(clock_.NowNs(), after);
  for (Blocked* b = first_blocked_; b != nullptr; b = b->next)
    bound_.blocked = b->request->target->bound.blocked = b->lane->bound.blocked = 0;
  for (Blocked *b = first_blocked_, *next = nullptr; b != nullptr; b = next) {
    next = b->next;
    Bound* full = nullptr;
    Status status = CheckOpen(*b->request->target);
    if (status.ok()) status = Admit(*b->request, *b->lane, after, &full);
    if (full != nullptr)
      ++full->blocked;
    else
      Unblock(*b, std::move(status), after);
  }
}

void Queue::SetTarget(Target& target, const ShareOf& share) {
  Lock lock(mutex_);
  order_.SetWeight(target, share.weight);
  target.bound.most_requests = share.most_requests;
  target.bound.most_bytes = share.most_bytes;
  target.policy = share.policy;
  Afterwards after;
  Release(lock, after);
}

void Queue::SetStream(uint64_t stream, const ShareOf& share) {
  Lock lock(mutex_);
  order_.SetStream(stream, share);
  Afterwards after;
  Release(lock, after);
}

}  // namespace heddle::core
