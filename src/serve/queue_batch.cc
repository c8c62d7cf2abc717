// SPDX-License-Identifier: Apache-2.0
// Queue: requests that run as one. Nobody waits for companions: a batch is made of what waits
// already when a request begins, and of no more than its part of what waits while cores are idle.
#include <algorithm>
#include <bit>

#include "base/errors.h"
#include "serve/queue.h"

namespace heddle::core {

Status Target::RunBatch(Request&, int, Turn&) {
  return Unsupported("these requests have no batch");
}

void Queue::SetBatching(Batching batching) {
  const Lock lock(mutex_);
  batching_ = batching;
}

// While it waited its kind may have been forgotten, and the place be another's.
Cost& Queue::CostOf(Request& request) {
  if (request.cost->kind != request.kind) request.cost = &request.target->costs.Of(request.kind);
  return *request.cost;
}

int Queue::SizeOfBatch(Request& first, int ready) const {
  const BatchCurve& curve = CostOf(first).batches;
  if (batching_ == Batching::kMeasured) return curve.Choose(ready);
  return batching_ == Batching::kAlways ? curve.Largest(ready) : 1;
}

// What `first` finds waiting has begun with it when this returns.
void Queue::TakeCompanions(Request& first, int64_t now) {
  const int idle = std::max(0, hands_.budget() - runs_);
  const auto waiting = static_cast<int>(counts_.waiting.value());
  first.begun_alone = runs_ == 1;
  first.begun_busy = idle == 0 && waiting > 0;
  if (!first.batchable || waiting == 0) return;
  // Of idle cores each is to find its part.
  int size = SizeOfBatch(first, (waiting + 1 + idle) / (idle + 1));
  const auto run_ns = [&] { return CostOf(first).batches.RunNs(size, first.estimate_ns); };
  while (size > 1 && !Joining{first, now, run_ns()}.InTime(first, 0)) size /= 2;
  if (size == 1) return;
  std::array<Request*, BatchCurve::kMost> found;
  const std::span<Request*> wanted(found.data(), static_cast<size_t>(size) - 1);
  size = SizeOfBatch(first, 1 + order_.FindCompanions({first, now, run_ns()}, wanted));
  Request* last = &first;
  for (Request* next : wanted.first(static_cast<size_t>(size) - 1)) {
    // That of a lane whose most urgent request has begun now may be due.
    if (order_.NextLevel() != first.charged) break;
    BeginOne(*next, now);
    last->next_in_batch = next;
    last = next;
    ++first.batch_size;
  }
  for (Request* r = first.next_in_batch; r != nullptr; r = r->next_in_batch)
    r->batch_size = first.batch_size;
}

// As a batch: false, where each is to run by itself instead.
bool Queue::RunTogether(Request& first, Request& from, int size, Turn& turn) {
  if (size == 1) return false;
  const Status status = from.target->RunBatch(from, size, turn);
  if (status.ok()) return true;
  first.again = true;
  first.forbidden = first.forbidden || status.code() == Code::kUnsupported;
  return false;
}

// In batches whose sizes are powers of two, for there is a Plan for each size.
void Queue::Run(Request& first, Turn& turn) const {
  const int64_t begin = clock_.NowNs();
  Request* next = &first;
  for (auto left = static_cast<unsigned>(first.batch_size); left > 0;) {
    const auto size = static_cast<int>(std::bit_floor(left));
    left -= static_cast<unsigned>(size);
    const bool together = RunTogether(first, *next, size, turn);
    for (int i = 0; i < size; ++i, next = next->next_in_batch)
      if (!together) next->status = next->target->Run(*next, turn);
  }
  first.ran_ns = clock_.NowNs() - begin;
}

void Queue::Learn(Request& first, int64_t took) {
  Target& target = *first.target;
  Cost& cost = CostOf(first);
  const int size = first.batch_size;
  // One core has no others to help: what runs alone there takes as long as on a busy machine, and
  // may be all that a cost learned from a few slow runs still lets in.
  const bool alone = size == 1 && first.begun_alone && runs_ == 1 && hands_.budget() > 1;
  if (first.status.ok()) (alone ? cost.alone : cost.beside).Add(static_cast<double>(took / size));
  if (first.status.ok() && !alone) cost.run.Add(static_cast<double>(took));
  // Without what the one before it left to do, which is to wake as many as that was a batch of.
  // What failed as a batch, and ran again, is what such a batch costs.
  const int64_t ran = first.ran_ns > 0 ? first.ran_ns : took;
  const bool sized = std::has_single_bit(static_cast<unsigned>(size));
  if (first.begun_busy && runs_ >= hands_.budget() && sized && (size > 1 || first.status.ok()))
    cost.batches.Add(size, ran);
  if (size == 1) return;
  if (first.forbidden)
    cost.batches.Forbid(static_cast<int>(std::bit_floor(static_cast<unsigned>(size))));
  Count(target, &QueueCounts::batches);
  Count(target, &QueueCounts::batched, static_cast<uint64_t>(size));
  if (first.again) Count(target, &QueueCounts::batches_again);
  for (QueueCounts* counts : {&counts_, &target.counts})
    counts->largest_batch.Raise(static_cast<uint64_t>(size));
}

}  // namespace heddle::core
