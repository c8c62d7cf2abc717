// SPDX-License-Identifier: Apache-2.0
// Target: what the requests of a Queue are for: a model, or what stands for one in a test.
#ifndef HEDDLE_SERVE_TARGET_H_
#define HEDDLE_SERVE_TARGET_H_

#include <atomic>
#include <cstdint>

#include "serve/costs.h"
#include "serve/counts.h"
#include "serve/order.h"
#include "serve/request.h"

namespace heddle::core {

class Turn;

class Target {
 public:
  Target() = default;
  virtual ~Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  // Runs the request on a turn that is held, and stops early once request.stop is set or its
  // deadline has passed. Called on any thread, for any number of requests at a time.
  virtual Status Run(Request& request, Turn& turn) = 0;
  // Whether the two are for the same work on tensors of the same shapes. Under the Queue's lock.
  virtual bool Alike(const Request&, const Request&) const { return false; }
  // Runs `count` requests that are alike, from `first` on by next_in_batch, as one, and sets the
  // status of each, or else says why not: kUnsupported, where so many never can; they are then run
  // one by one. Stops early only where each of them would.
  virtual Status RunBatch(Request& first, int count, Turn& turn);

  uint64_t id = 0;  // for those who trace
  QueueCounts counts;

  // Of the Queue, under its lock.
  Scheduled scheduled;
  Bound bound;
  heddle_policy policy = HEDDLE_POLICY_INHERITED;
  bool closed = false;
  Costs costs;
  std::atomic<uint64_t> unfinished{0};  // accepted and not told of
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_TARGET_H_
