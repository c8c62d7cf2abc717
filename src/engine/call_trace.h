// SPDX-License-Identifier: Apache-2.0
// CallTrace: what calls ran when, on which threads.
#ifndef HEDDLE_ENGINE_CALL_TRACE_H_
#define HEDDLE_ENGINE_CALL_TRACE_H_

#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "plan/plan.h"

namespace heddle::core {

struct TraceSpan {
  // Of a whole call both are nullptr. Only the span of a whole step has the plan, which keeps
  // `step`; those of its tiles come before it.
  std::shared_ptr<const Plan> plan;
  const PlanStep* step = nullptr;
  int phase = -1;  // of tiles; -1: of a whole step
  TileRange tiles{0, 0};
  int thread = 0;                    // the system's number
  int64_t begin_ns = 0, end_ns = 0;  // of SystemClock
};

// Any number of calls may write into one at the same time. Takes no lock and no memory while they
// do; what finds no room is counted.
class CallTrace {
 public:
  explicit CallTrace(size_t most) : spans_(most) {}

  void Add(TraceSpan span);

  // In the order of their ends on each thread. REQUIRES: every call that was given this is over.
  std::span<const TraceSpan> spans() const {
    return {spans_.data(), std::min(next_.load(std::memory_order_acquire), spans_.size())};
  }
  size_t lost() const { return next_.load(std::memory_order_acquire) - spans().size(); }

 private:
  std::vector<TraceSpan> spans_;
  std::atomic<size_t> next_{0};
};

int ThreadNumber();  // of the calling thread, as the system counts

// From construction to destruction; without a trace nothing.
class StepSpan {
 public:
  StepSpan(CallTrace* trace, const std::shared_ptr<const Plan>& plan, const PlanStep& step)
      : trace_(trace), plan_(plan), step_(step) {
    if (trace_ != nullptr) begin_ns_ = SystemClock().NowNs();
  }
  ~StepSpan() {
    if (trace_ != nullptr)
      trace_->Add({plan_, &step_, -1, {0, 0}, ThreadNumber(), begin_ns_, SystemClock().NowNs()});
  }
  StepSpan(const StepSpan&) = delete;
  StepSpan& operator=(const StepSpan&) = delete;

 private:
  CallTrace* const trace_;
  const std::shared_ptr<const Plan>& plan_;
  const PlanStep& step_;
  int64_t begin_ns_ = 0;
};

class TileSpan {
 public:
  TileSpan(CallTrace* trace, const PlanStep& step, const Phase& phase, TileRange tiles)
      : trace_(trace), step_(step), phase_(phase), tiles_(tiles) {
    if (trace_ != nullptr) begin_ns_ = SystemClock().NowNs();
  }
  ~TileSpan() {
    if (trace_ == nullptr) return;
    const auto phase = static_cast<int>(&phase_ - step_.step.phases.data());
    trace_->Add({nullptr, &step_, phase, tiles_, ThreadNumber(), begin_ns_, SystemClock().NowNs()});
  }
  TileSpan(const TileSpan&) = delete;
  TileSpan& operator=(const TileSpan&) = delete;

 private:
  CallTrace* const trace_;
  const PlanStep& step_;
  const Phase& phase_;
  const TileRange tiles_;
  int64_t begin_ns_ = 0;
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_CALL_TRACE_H_
