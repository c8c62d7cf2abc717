// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>

#include "benches.h"
#include "cli/latency.h"
#include "subject.h"

namespace heddle::bench {
namespace {

double MegabytesHere() {
  std::ifstream file("/proc/self/statm");
  uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE))) / 1e6;
}

// Requests at times that follow from the rate, whatever happens to them. What it is too slow to
// send in time is not sent.
struct OpenLoop {
  const Subject& subject;
  core::ModelQueue& queue;
  double per_second;
  int64_t deadline_ns;  // after the intended start; 0: none
  uint32_t seed;

  cli::Latencies late = {};  // the sender itself, on a machine that others use
  std::mutex mutex = {};
  cli::Latencies latencies = {};  // from the intended start, of those that succeeded
  std::atomic<uint64_t> sent{0}, accepted{0}, in_time{0};
  std::deque<core::ModelRequest*> open = {};  // in the order of submission

  struct Sent {
    OpenLoop* loop;
    int64_t intended_ns;
  };
  static void Ended(void* arg, core::Request& request) {
    const std::unique_ptr<Sent> sent(static_cast<Sent*>(arg));
    OpenLoop& loop = *sent->loop;
    if (!request.status.ok()) return;
    const int64_t took = NowNs() - sent->intended_ns;
    const std::lock_guard lock(loop.mutex);
    loop.latencies.Record(took);
    if (loop.deadline_ns == 0 || took <= loop.deadline_ns) ++loop.in_time;
  }
  void Send(int64_t intended_ns) {
    ++sent;
    late.Record(std::max<int64_t>(0, NowNs() - intended_ns));
    core::ModelQueue::Terms terms;
    if (deadline_ns != 0) terms.deadline_ns = intended_ns + deadline_ns;
    core::ModelRequest* request = subject.Submit(queue, std::move(terms));
    if (request == nullptr) return;
    ++accepted;
    queue.queue().Then(*request, Ended, new Sent{this, intended_ns});
    open.push_back(request);
    while (!open.empty() && open.front()->done()) LetGo();
  }
  void LetGo() {
    open.front()->Disown();
    open.pop_front();
  }
  void Run(double seconds) {
    std::mt19937_64 random(seed);
    std::exponential_distribution<double> gap(per_second);
    const int64_t begin = NowNs(), end = begin + static_cast<int64_t>(seconds * 1e9);
    for (double at = gap(random); at < seconds && NowNs() < end; at += gap(random)) {
      const int64_t intended = begin + static_cast<int64_t>(at * 1e9);
      const int64_t early = intended - NowNs();
      if (early > 50'000) std::this_thread::sleep_for(std::chrono::nanoseconds(early));
      Send(intended);
    }
  }
  // What it has sent is done; what has not begun by now never will, if so asked.
  void End(bool cancel) {
    for (core::ModelRequest* request : open)
      if (cancel) queue.queue().Cancel(*request);
    static_cast<void>(queue.queue().Join());
    while (!open.empty()) LetGo();
  }
};

std::shared_ptr<core::ModelQueue> NewQueue(const Settings& settings) {
  auto queue = std::make_shared<core::ModelQueue>(core::QueueLimits());
  queue->queue().SetBatching(settings.batching);
  return queue;
}

// What callers get through a queue; and what one run takes, one after another.
struct Capacity {
  double per_second = 0, run_ms = 0;
};
Capacity CapacityOf(const Subject& subject, const Settings& settings) {
  const auto queue = NewQueue(settings);
  cli::Latencies alone;
  for (const int64_t end = NowNs() + 500'000'000; NowNs() < end;) {
    const int64_t begin = NowNs();
    subject.Run();
    alone.Record(NowNs() - begin);
  }
  Capacity capacity;
  std::vector<double> rates;
  for (int round = 0; round < 4; ++round) {
    const uint64_t before = queue->queue().counts().succeeded.value();
    const int64_t begin = NowNs(), end = begin + static_cast<int64_t>(settings.seconds * 1e9);
    std::vector<std::thread> threads;
    for (int t = 0; t < settings.callers; ++t)
      threads.emplace_back([&] {
        while (NowNs() < end) subject.RunThrough(*queue);
      });
    for (std::thread& t : threads) t.join();
    const uint64_t done = queue->queue().counts().succeeded.value() - before;
    rates.push_back(static_cast<double>(done) * 1e9 / static_cast<double>(NowNs() - begin));
  }
  capacity.per_second = Median({rates.begin() + 1, rates.end()});
  capacity.run_ms = alone.QuantileMs(0.5);
  static_cast<void>(queue->queue().Drain(false));
  return capacity;
}

}  // namespace

void Overload(const std::string& model, const Settings& settings) {
  const Subject subject(model);
  const Capacity capacity = CapacityOf(subject, settings);
  const int64_t deadline =
      std::max<int64_t>(50'000'000, static_cast<int64_t>(capacity.run_ms * 4e7));
  fmt::print("{:.1f} requests/s from {} callers; a run alone {:.3f} ms; deadline {:.0f} ms\n",
             capacity.per_second, settings.callers, capacity.run_ms,
             static_cast<double>(deadline) / 1e6);
  const auto queue = NewQueue(settings);
  for (int round = 0; round < settings.rounds; ++round) {
    OpenLoop loop{subject, *queue, 3 * capacity.per_second, deadline, static_cast<uint32_t>(round)};
    const int64_t begin = NowNs();
    loop.Run(4 * settings.seconds);
    loop.End(false);
    const double seconds = static_cast<double>(NowNs() - begin) * 1e-9;
    const double goodput = static_cast<double>(loop.in_time.load()) / seconds;
    fmt::print(
        "3 times that: goodput {:.1f}/s ({:.3f}), {:.2f} % of the accepted in time, p50 "
        "{:.2f} ms, p99 {:.2f} ms, {:.1f} MB\n",
        goodput, goodput / capacity.per_second,
        100.0 * static_cast<double>(loop.in_time.load()) /
            static_cast<double>(std::max<uint64_t>(1, loop.accepted.load())),
        loop.latencies.QuantileMs(0.5), loop.latencies.QuantileMs(0.99), MegabytesHere());
  }
  static_cast<void>(queue->queue().Drain(false));
}

void Flood(const std::string& quiet, const std::string& flooding, const Settings& settings) {
  const Subject quiet_subject(quiet), flood_subject(flooding);
  const Capacity mine = CapacityOf(quiet_subject, settings);
  const Capacity others = CapacityOf(flood_subject, settings);
  const auto queue = NewQueue(settings);
  fmt::print("{}: a tenth of {:.1f}/s; {}: 5 times {:.1f}/s, a run of it {:.3f} ms\n", quiet,
             mine.per_second, flooding, others.per_second, others.run_ms);
  cli::Latencies alone, flooded, late;
  for (int round = 1; round <= settings.rounds; ++round) {
    for (const bool floods : {false, true}) {
      OpenLoop calm{quiet_subject, *queue, 0.1 * mine.per_second, 0, static_cast<uint32_t>(round)};
      OpenLoop flood{flood_subject, *queue, 5 * others.per_second, 0, 99};
      std::thread beside([&] {
        if (floods) flood.Run(2 * settings.seconds);
      });
      calm.Run(2 * settings.seconds);
      beside.join();
      flood.End(true);
      calm.End(false);
      (floods ? flooded : alone).Merge(calm.latencies);
      late.Merge(calm.late);
      fmt::print("round {} of {}, {}: {} of {} accepted, p99 {:.3f} ms; of the flood {} of {}\n",
                 round, settings.rounds, floods ? "flooded" : "alone", calm.accepted.load(),
                 calm.sent.load(), calm.latencies.QuantileMs(0.99), flood.accepted.load(),
                 flood.sent.load());
    }
  }
  const double p99 = flooded.QuantileMs(0.99), bound = 1.5 * alone.QuantileMs(0.99) + others.run_ms;
  fmt::print("p99 of all rounds: alone {:.3f} ms, flooded {:.3f} ms; bound {:.3f} ms: {}\n",
             alone.QuantileMs(0.99), p99, bound, p99 <= bound ? "holds" : "exceeded");
  fmt::print("p99 of how late the sender was: {:.3f} ms\n", late.QuantileMs(0.99));
  const auto target = queue->Find(flood_subject.model().get()->loaded.get());
  fmt::print("largest batch of the flood: {}\n", (*target)->counts.largest_batch.value());
  static_cast<void>(queue->queue().Drain(false));
}

}  // namespace heddle::bench
