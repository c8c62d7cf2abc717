// SPDX-License-Identifier: Apache-2.0
#include "cli/bench_cell.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "crew/crew.h"

namespace heddle::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Nanos = std::chrono::nanoseconds;

constexpr uint32_t kArrivalSeed = 1;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The memory of this process, what it shares counted in part; 0 where the system does not tell.
double PssMb() {
  std::FILE* file = std::fopen("/proc/self/smaps_rollup", "r");
  if (file == nullptr) return 0;
  char line[256];
  unsigned long kb = 0;
  while (std::fgets(line, sizeof(line), file) != nullptr &&
         std::sscanf(line, "Pss: %lu", &kb) != 1) {
  }
  std::fclose(file);
  return static_cast<double>(kb) * 1024 / 1e6;
}

// When calls arrive: a Poisson process, the same in every bench. Thread-safe.
class Arrivals {
 public:
  Arrivals(double rate, Clock::time_point start, Clock::time_point end)
      : gap_(rate), next_(start), end_(end) {}

  // Nothing: no call arrives any more.
  std::optional<Clock::time_point> Next() {
    std::lock_guard<std::mutex> lock(mutex_);
    if (next_ >= end_) return {};
    const Clock::time_point arrival = next_;
    next_ += std::chrono::duration_cast<Nanos>(std::chrono::duration<double>(gap_(random_)));
    return arrival;
  }
  uint64_t CountRest() {
    uint64_t count = 0;
    while (Next()) ++count;
    return count;
  }

 private:
  std::mutex mutex_;
  std::mt19937 random_{kArrivalSeed};
  std::exponential_distribution<double> gap_;
  Clock::time_point next_;
  const Clock::time_point end_;
};

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
    if (load_.rate > 0) arrivals_.emplace(load_.rate, start, end_);
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
    if (arrivals_) cell.waiting = arrivals_->CountRest();
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
      Result<Session> session = model_.NewSession();
      if (session.ok()) {
        caller.session.emplace(std::move(*session));
      } else if (session.status().code() != Code::kUnsupported) {
        return session.status();  // a model without state does without
      }
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
    while (caller.status.ok()) {
      Clock::time_point arrival = Clock::now();
      if (arrival >= end_) break;
      if (arrivals_) {
        const auto next = arrivals_->Next();
        if (!next) break;
        arrival = *next;
        std::this_thread::sleep_until(arrival);
      }
      caller.status = Call(caller);
      caller.last = Clock::now();
      caller.latencies.Record(Nanos(caller.last - arrival).count());
    }
  }

  const Model& model_;
  const std::vector<TensorView>& inputs_;
  const Load load_;
  RunOptions options_;
  std::vector<Caller> callers_;
  std::barrier<> begin_;
  Clock::time_point end_;
  std::optional<Arrivals> arrivals_;
};

}  // namespace

double Cell::cpu_ms_per_call() const {
  const auto calls = static_cast<double>(std::max<uint64_t>(latencies.count(), 1));
  return 1e3 * cpu_seconds / calls;
}

Result<Cell> MeasureCell(const Model& model, const char* signature,
                         const std::vector<TensorView>& inputs, const Load& load) {
  return Bench(model, signature, inputs, load).Measure();
}

}  // namespace heddle::cli
