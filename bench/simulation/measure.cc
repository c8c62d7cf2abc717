// SPDX-License-Identifier: Apache-2.0
#include "measure.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/topology.h"
#include "crew/futex.h"

namespace heddle::bench {
namespace {

const core::Clock& clock_ = core::SystemClock();

void StayOn(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(cpu), &one);
  sched_setaffinity(0, sizeof(one), &one);
}

int64_t Median(std::vector<int64_t> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

// The median of many timings of `count` steps, each.
template <class Step>
double NsPerStep(int count, Step step) {
  std::vector<int64_t> took;
  for (int i = 0; i < 101; ++i) {
    const int64_t begin = clock_.NowNs();
    for (int k = 0; k < count; ++k) step();
    took.push_back(clock_.NowNs() - begin);
  }
  return static_cast<double>(Median(took)) / count;
}

double LocalStepNs() {
  std::atomic<uint64_t> word{0};
  return NsPerStep(1000, [&] { word.fetch_add(1, std::memory_order_acq_rel); });
}

double PauseNs() { return NsPerStep(1000, core::SpinPause); }

// Two cores take turns to move one word: each move is one transfer and the look that saw it.
double TransferNs(int other_cpu) {
  std::atomic<uint32_t> word{0};
  std::atomic<bool> stop{false};
  std::jthread other([&] {
    StayOn(other_cpu);
    while (!stop.load(std::memory_order_relaxed)) {
      uint32_t odd = word.load(std::memory_order_relaxed);
      if (odd % 2 == 1) word.compare_exchange_strong(odd, odd + 1, std::memory_order_acq_rel);
    }
  });
  const double round_trip = NsPerStep(20, [&] {
    const uint32_t even = word.fetch_add(1, std::memory_order_acq_rel) + 1;
    while (word.load(std::memory_order_acquire) == even) {
    }
  });
  stop = true;
  return round_trip / 2;
}

struct Wakes {
  int64_t call_ns, latency_ns, sleep_ns;
};

// One thread sleeps on a word, is woken, says when it ran, and sleeps again.
Wakes MeasureWakes(int other_cpu) {
  std::atomic<uint32_t> bell{0};
  std::atomic<int64_t> ran_at{0}, asleep_at{0};
  std::atomic<bool> stop{false};
  std::jthread sleeper([&] {
    StayOn(other_cpu);
    while (!stop) {
      const uint32_t seen = bell.load();
      asleep_at = clock_.NowNs();
      core::FutexWait(bell, seen);
      ran_at = clock_.NowNs();
    }
  });
  std::vector<int64_t> calls, latencies;
  for (int i = 0; i < 101; ++i) {
    const int64_t rest = clock_.NowNs() + 1'000'000;  // it sleeps for certain, and deeply
    while (clock_.NowNs() < rest) std::this_thread::yield();
    const int64_t begin = clock_.NowNs();
    bell.fetch_add(1);
    core::FutexWake(bell, 1);
    calls.push_back(clock_.NowNs() - begin);
    while (ran_at.load() < begin) std::this_thread::yield();
    latencies.push_back(ran_at.load() - begin);
  }
  stop = true;
  bell.fetch_add(1);
  core::FutexWake(bell, 1);
  // A sleep that does not come to pass costs what the call does.
  const std::atomic<uint32_t> other{1};
  const double refused = NsPerStep(100, [&] { core::FutexWait(other, 0); });
  return {Median(calls), Median(latencies), static_cast<int64_t>(refused)};
}

}  // namespace

void PrintCosts() {
  const std::vector<int> cpus = core::ProcessCpus();
  if (cpus.size() < 2) {
    fmt::print("these take two cores\n");
    return;
  }
  StayOn(cpus[0]);
  fmt::print("local        {:8.0f} ns\n", LocalStepNs());
  fmt::print("pause        {:8.0f} ns\n", PauseNs());
  fmt::print("transfer     {:8.0f} ns (two: a move, and the look that saw it)\n",
             TransferNs(cpus[1]));
  const Wakes wakes = MeasureWakes(cpus[1]);
  fmt::print("wake_call    {:8} ns\n", wakes.call_ns);
  fmt::print("wake_latency {:8} ns\n", wakes.latency_ns);
  fmt::print("sleep_call   {:8} ns (a refused one)\n", wakes.sleep_ns);
}

}  // namespace heddle::bench
