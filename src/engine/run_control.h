// SPDX-License-Identifier: Apache-2.0
// RunControl: what may stop a running call from outside.
#ifndef HEDDLE_ENGINE_RUN_CONTROL_H_
#define HEDDLE_ENGINE_RUN_CONTROL_H_

#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "crew/executor.h"
#include "heddle/status.h"

namespace heddle::core {

class CallTrace;  // engine/call_trace.h

class RunControl {
 public:
  RunControl() = default;
  // deadline_ns 0: none; cancel nullptr: none.
  RunControl(const Clock& clock, int64_t deadline_ns, const std::atomic<bool>* cancel)
      : clock_(&clock), deadline_ns_(deadline_ns), cancel_(cancel) {}

  // What somebody else says; looked at on several threads at once.
  using Asks = Status (*)(const void* arg);
  RunControl(Asks asks, const void* arg) : asks_(asks), arg_(arg) {}

  // What runs the tiles: the calling thread alone, unless a turn of the Crew is given.
  Executor& executor() const { return *executor_; }
  RunControl On(Executor& executor) const {
    RunControl control = *this;
    control.executor_ = &executor;
    return control;
  }

  // Where it is written down what ran when; nullptr: nowhere.
  CallTrace* trace() const { return trace_; }
  RunControl Traced(CallTrace& trace) const {
    RunControl control = *this;
    control.trace_ = &trace;
    return control;
  }

  bool active() const { return deadline_ns_ != 0 || cancel_ != nullptr || asks_ != nullptr; }
  // Looked at between steps, between blocks of tiles and in every turn of a loop.
  Status Check() const {
    if (asks_ != nullptr) return asks_(arg_);
    if (cancel_ != nullptr && cancel_->load(std::memory_order_acquire))
      return Status(Code::kCancelled, "the caller cancelled the call");
    if (deadline_ns_ != 0 && clock_->NowNs() >= deadline_ns_)
      return Status(Code::kDeadlineExceeded, "the call's deadline passed before it was done");
    return Status();
  }

 private:
  const Clock* clock_ = nullptr;
  int64_t deadline_ns_ = 0;
  const std::atomic<bool>* cancel_ = nullptr;
  Asks asks_ = nullptr;
  const void* arg_ = nullptr;
  Executor* executor_ = &AloneExecutor();
  CallTrace* trace_ = nullptr;
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_RUN_CONTROL_H_
