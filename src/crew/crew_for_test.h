// SPDX-License-Identifier: Apache-2.0
// What tests of the Crew share: budgets that are only said, work that counts itself, and waits for
// what other threads do.
#ifndef HEDDLE_CREW_CREW_FOR_TEST_H_
#define HEDDLE_CREW_CREW_FOR_TEST_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "crew/crew.h"

namespace heddle::core {

struct Budget {
  std::shared_ptr<std::atomic<int>> value = std::make_shared<std::atomic<int>>(1);
  explicit Budget(int cores) { *value = cores; }
  // Other work on this machine is no part of these tests: helpers seem never to lose their core.
  Crew::Options Options(int threads) const {
    Crew::Options options;
    options.most_threads = threads;
    options.read_budget = [value = value] { return value->load(); };
    options.thread_cpu = &SystemClock();
    return options;
  }
};

// Counts how often each tile is computed.
struct Work {
  explicit Work(int64_t tiles) : times(static_cast<size_t>(tiles)) {}
  std::vector<std::atomic<int>> times;
  std::atomic<int> helped{0}, inside{0}, most_inside{0};
  int64_t fails_at = -1;
  std::atomic<bool> stop{false}, caller_saw_stop{false};
  bool holds_helpers = false;
  int64_t stops_at = -1;

  static uint32_t Run(void* arg, int64_t begin, int64_t end, std::byte* scratch) {
    Work& w = *static_cast<Work*>(arg);
    const int inside = w.inside.fetch_add(1) + 1;
    int most = w.most_inside.load();
    while (most < inside && !w.most_inside.compare_exchange_weak(most, inside)) {
    }
    if (scratch != nullptr) ++w.helped, scratch[0] = std::byte{1};
    if (w.holds_helpers && scratch != nullptr && w.stop) w.HoldUp();
    uint32_t code = 0;
    for (int64_t t = begin; t < end && code == 0; ++t) {
      ++w.times[static_cast<size_t>(t)];
      if (w.fails_at >= 0 && t >= w.fails_at) code = static_cast<uint32_t>(t) + 1;
      if (t == w.stops_at) w.stop = true;
    }
    --w.inside;
    return code;
  }
  // However slow the caller is, helpers do not finish what it is to stop: not before it looks, and
  // no faster than this once it has.
  void HoldUp() const {
    while (!caller_saw_stop) std::this_thread::yield();
    for (int i = 0; i < 1'000; ++i) std::this_thread::yield();
  }
  static bool GoOn(void* arg) {
    Work& w = *static_cast<Work*>(arg);
    if (w.stop) w.caller_saw_stop = true;
    return !w.stop;
  }
  Region AsRegion(float tile_ns) {
    return {&Run, &GoOn, this, static_cast<int64_t>(times.size()), tile_ns, 64};
  }
  bool EachOnce() const {
    return std::all_of(times.begin(), times.end(), [](const auto& n) { return n == 1; });
  }
};

inline uint32_t Seed() {
  const char* given = std::getenv("HEDDLE_SEED");
  return given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : 1;
}

// Tiles that wait for each other: only as many threads let them end. For a Crew whose threads are
// all still to be started, since one that begins to sleep may miss the ring.
class Meeting {
 public:
  explicit Meeting(int threads) : threads_(threads) {}
  Region AsRegion() { return {&Run, nullptr, this, threads_, 1e6f, 0}; }

 private:
  static uint32_t Run(void* arg, int64_t begin, int64_t end, std::byte*) {
    Meeting& m = *static_cast<Meeting*>(arg);
    m.arrived_ += static_cast<int>(end - begin);
    while (m.arrived_ < m.threads_) std::this_thread::yield();
    return 0;
  }
  const int threads_;
  std::atomic<int> arrived_{0};
};

// What another thread does sooner or later; in vain after a minute.
inline bool Comes(const std::function<bool()>& condition) {
  const int64_t end = SystemClock().NowNs() + 60'000'000'000;
  while (SystemClock().NowNs() < end) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

class FunctionTask final : public CrewTask {
 public:
  explicit FunctionTask(std::function<void(Turn&)> run) : run_(std::move(run)) {}
  void Run(Turn& turn) override { run_(turn); }

 private:
  const std::function<void(Turn&)> run_;
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_CREW_FOR_TEST_H_
