// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_cell.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <optional>
#include <thread>

#include "cli/usage.h"
#include "crew/crew.h"

namespace heddle::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Nanos = std::chrono::nanoseconds;

class Bench {
 public:
  Bench(const Model& model, const char* signature, const std::vector<TensorView>& inputs,
        const Load& load)
      : model_(model), inputs_(inputs), load_(load), begin_(load.callers + 1) {
    options_.signature = signature;
  }

  Result<Cell> Measure() {
    HEDDLE_TRY(OpenSessions());
    std::vector<std::thread> threads;
    for (Caller& caller : callers_) threads.emplace_back([this, &caller] { Work(caller); });
    begin_.arrive_and_wait();  // every caller has run once
    const double cpu = CpuSeconds();
    const core::CrewCounters crew = core::Crew::OfProcess().counters();
    const Clock::time_point start = Clock::now();
    end_ = start + std::chrono::duration_cast<Nanos>(std::chrono::duration<double>(load_.seconds));
    begin_.arrive_and_wait();
    std::this_thread::sleep_until(end_);
    Cell cell;
    cell.pss_mb = PssMb();
    for (std::thread& thread : threads) thread.join();
    Clock::time_point last = start;
    for (const Caller& caller : callers_) {
      if (!caller.status.ok()) return caller.status;
      cell.latencies.Merge(caller.latencies);
      last = std::max(last, caller.last);
    }
    cell.callers = load_.callers;
    cell.cpu_seconds = CpuSeconds() - cpu;
    cell.crew = core::Crew::OfProcess().counters().Since(crew);
    cell.seconds = std::chrono::duration<double>(last - start).count();
    return cell;
  }

 private:
  struct Caller {
    std::optional<Session> session;
    Latencies latencies;
    Clock::time_point last;
    Status status;
  };

  Status OpenSessions() {
    for (int i = 0; i < load_.callers; ++i) {
      Caller& caller = callers_.emplace_back();
      HEDDLE_ASSIGN(caller.session, SessionIfNeeded(model_));
    }
    return model_.Warm(inputs_, load_.callers);
  }

  Status Call(Caller& caller) {
    const std::span<const TensorView> inputs(inputs_);
    const Result<Outputs> outputs =
        caller.session ? caller.session->Run(inputs, options_) : model_.Run(inputs, options_);
    return outputs.status();
  }

  // The first call of a thread is not measured.
  void Work(Caller& caller) {
    caller.status = Call(caller);
    begin_.arrive_and_wait();
    begin_.arrive_and_wait();
    for (Clock::time_point start = Clock::now(); caller.status.ok() && start < end_;) {
      caller.status = Call(caller);
      caller.last = Clock::now();
      caller.latencies.Record(Nanos(caller.last - start).count());
      start = caller.last;
    }
  }

  const Model& model_;
  const std::vector<TensorView>& inputs_;
  const Load load_;
  RunOptions options_;
  std::vector<Caller> callers_;
  std::barrier<> begin_;
  Clock::time_point end_;
};

}  // namespace

double Cell::cpu_ms_per_call() const {
  const auto calls = static_cast<double>(std::max<uint64_t>(latencies.count(), 1));
  return 1e3 * cpu_seconds / calls;
}

Result<std::optional<Session>> SessionIfNeeded(const Model& model) {
  Result<Session> session = model.NewSession();
  if (session.ok()) return std::optional<Session>(std::move(*session));
  if (session.status().code() != Code::kUnsupported) return session.status();
  return std::optional<Session>();
}

Result<Cell> MeasureCell(const Model& model, const char* signature,
                         const std::vector<TensorView>& inputs, const Load& load) {
  return Bench(model, signature, inputs, load).Measure();
}

}  // namespace heddle::cli
