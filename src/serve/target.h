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
