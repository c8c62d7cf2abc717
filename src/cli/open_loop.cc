// SPDX-License-Identifier: Apache-2.0
#include "cli/open_loop.h"

#include <sys/prctl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <thread>

#include "cli/usage.h"
#include "crew/crew.h"
#include "heddle/queue.h"

namespace heddle::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Nanos = std::chrono::nanoseconds;
using Seconds = std::chrono::duration<double>;

// Of what waits.
constexpr double kLeastRequests = 16, kMostRequests = 1024;

class OpenLoop {
 public:
  OpenLoop(const Model& model, const std::vector<TensorView>& inputs, const Load& load,
           const Rate& rate)
      : model_(model), inputs_(inputs), load_(load), rate_(rate) {}

  Result<Cell> Measure() {
    HEDDLE_ASSIGN(const Seconds call, WarmUp());
    core::Crew& crew = core::Crew::OfProcess();
    const double fits = load_.seconds / call.count() * crew.budget();
    const double most = std::clamp(fits, kLeastRequests, kMostRequests);
    Queue queue({.most_requests = static_cast<uint64_t>(most)});
    Cell cell;
    cell.callers = load_.callers;
    cell.flow.emplace();
    const double cpu = CpuSeconds();
    const core::CrewCounters before = crew.counters();
    const Clock::time_point start = Clock::now();
    last_ = start;
    SubmitAll(queue, start, &*cell.flow);
    cell.pss_mb = PssMb();
    HEDDLE_TRY(queue.Drain());
    HEDDLE_TRY(status_);
    cell.cpu_seconds = CpuSeconds() - cpu;
    cell.crew = crew.counters().Since(before);
    cell.seconds = Seconds(last_ - start).count();
    cell.latencies = latencies_;
    HEDDLE_ASSIGN(const heddle_queue_counters counters, queue.ReadCounters());
    cell.flow->most_waiting = counters.most_waiting;
    const double done_ns = 1e6 * static_cast<double>(std::max<uint64_t>(counters.succeeded, 1));
    cell.flow->queue_ms = static_cast<double>(counters.queue_ns) / done_ns;
    cell.flow->run_ms = static_cast<double>(counters.run_ns) / done_ns;
    return cell;
  }

 private:
  // Returns how long a call takes.
  Result<Seconds> WarmUp() {
    HEDDLE_TRY(model_.Warm(inputs_, load_.callers));
    Clock::time_point start;
    for (int i = 0; i < load_.callers; ++i) {
      HEDDLE_ASSIGN(std::optional<Session> session, SessionIfNeeded(model_));
      start = Clock::now();
      const std::span<const TensorView> inputs(inputs_);
      HEDDLE_TRY((session ? session->Run(inputs) : model_.Run(inputs)).status());
      if (session) sessions_.push_back(std::move(*session));
    }
    return Seconds(Clock::now() - start);
  }

  // Until time is up; what has not come by then waits, too.
  void SubmitAll(Queue& queue, Clock::time_point start, Flow* flow) {
    const Nanos span(static_cast<int64_t>(load_.seconds * 1e9));
    const Clock::time_point end = start + span;
    prctl(PR_SET_TIMERSLACK, 1);  // a request that sleeps for longer comes too late
    Arrivals arrivals(rate_.spacing, rate_.per_second);
    Clock::time_point at = start + Nanos(arrivals.Next());
    for (; at < end && Clock::now() < end; at = start + Nanos(arrivals.Next())) {
      std::this_thread::sleep_until(at);
      if (!Submit(queue, at, flow->arrived++)) ++flow->refused;
    }
    std::this_thread::sleep_until(end);
    prctl(PR_SET_TIMERSLACK, 0);
    const auto late = static_cast<uint64_t>(
        std::llround(std::max(0.0, Seconds(end - at).count()) * rate_.per_second));
    const auto counters = queue.ReadCounters();
    flow->arrived += late;
    flow->waiting = late + (counters.ok() ? counters->waiting : 0);
  }

  // False: the queue is full.
  bool Submit(Queue& queue, Clock::time_point at, uint64_t number) {
    SubmitOptions options;
    const uint64_t caller = number % static_cast<uint64_t>(load_.callers);
    if (sessions_.empty())
      options.stream = 1 + caller;
    else
      options.session = &sessions_[caller];
    Result<Ticket> ticket = queue.Submit(model_, std::span<const TensorView>(inputs_), options);
    if (ticket.ok()) {
      std::move(*ticket).Then([this, at](const Result<Outputs>& out) { Ended(at, out.status()); });
      return true;
    }
    if (ticket.status().retry_ns() > 0) return false;
    Ended(at, ticket.status());
    return true;
  }

  void Ended(Clock::time_point at, const Status& status) {
    const Clock::time_point now = Clock::now();
    const std::lock_guard lock(mutex_);
    if (status_.ok()) status_ = status;
    latencies_.Record(Nanos(now - at).count());
    last_ = std::max(last_, now);
  }

  const Model& model_;
  const std::vector<TensorView>& inputs_;
  const Load load_;
  const Rate rate_;
  std::vector<Session> sessions_;
  std::mutex mutex_;  // of what follows
  Latencies latencies_;
  Clock::time_point last_;
  Status status_;
};

}  // namespace

Result<Cell> MeasureOpenLoop(const Model& model, const std::vector<TensorView>& inputs,
                             const Load& load, const Rate& rate) {
  return OpenLoop(model, inputs, load, rate).Measure();
}

}  // namespace heddle::cli
