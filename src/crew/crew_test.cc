// SPDX-License-Identifier: Apache-2.0
// The Crew with real threads. Nothing here waits for a time: tiles wait for each other, or for
// nothing.
#include "crew/crew.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

namespace heddle::core {
namespace {

struct Budget {
  std::shared_ptr<std::atomic<int>> value = std::make_shared<std::atomic<int>>(1);
  explicit Budget(int cores) { *value = cores; }
  Crew::Options Options(int threads) const {
    return {threads, [value = value] { return value->load(); }, &SystemClock()};
  }
};

// Counts how often each tile is computed.
struct Work {
  explicit Work(int64_t tiles) : times(static_cast<size_t>(tiles)) {}
  std::vector<std::atomic<int>> times;
  std::atomic<int> helped{0}, inside{0}, most_inside{0};
  int64_t fails_at = -1;
  std::atomic<bool> stop{false}, caller_saw_stop{false};
  int64_t stops_at = -1;

  static uint32_t Run(void* arg, int64_t begin, int64_t end, std::byte* scratch) {
    Work& w = *static_cast<Work*>(arg);
    const int inside = w.inside.fetch_add(1) + 1;
    int most = w.most_inside.load();
    while (most < inside && !w.most_inside.compare_exchange_weak(most, inside)) {
    }
    if (scratch != nullptr) ++w.helped, scratch[0] = std::byte{1};
    // However slow the caller is, helpers do not finish what it is to stop.
    while (scratch != nullptr && w.stop && !w.caller_saw_stop) std::this_thread::yield();
    uint32_t code = 0;
    for (int64_t t = begin; t < end && code == 0; ++t) {
      ++w.times[static_cast<size_t>(t)];
      if (w.fails_at >= 0 && t >= w.fails_at) code = static_cast<uint32_t>(t) + 1;
      if (t == w.stops_at) w.stop = true;
    }
    --w.inside;
    return code;
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

uint32_t Seed() {
  const char* given = std::getenv("HEDDLE_SEED");
  return given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : 1;
}

TEST(Crew, EveryTileOnceWhateverTheBudget) {
  for (const int budget : {1, 2, 5, 17}) {
    Crew crew(Budget(budget).Options(budget));
    Turn turn(crew, Priority::kNormal, nullptr);
    for (const int64_t tiles : {1, 2, 3, 16, 1000, 70'000, 200'001}) {
      Work work(tiles);
      EXPECT_EQ(turn.Run(work.AsRegion(10'000)), 0u);
      EXPECT_TRUE(work.EachOnce()) << budget << " cores, " << tiles << " tiles";
    }
  }
}

// Two tiles that wait for each other: only a second thread lets them end.
TEST(Crew, AHelperComes) {
  Crew crew(Budget(2).Options(2));
  Turn turn(crew, Priority::kNormal, nullptr);
  std::atomic<int> arrived{0};
  const Region region{[](void* arg, int64_t begin, int64_t end, std::byte*) -> uint32_t {
                        auto& count = *static_cast<std::atomic<int>*>(arg);
                        count += static_cast<int>(end - begin);
                        while (count < 2) std::this_thread::yield();
                        return 0;
                      },
                      nullptr,
                      &arrived,
                      2,
                      1e6f,
                      0};
  EXPECT_EQ(turn.Run(region), 0u);
  EXPECT_EQ(crew.counters().helped_claims, 1u);
}

TEST(Crew, ACapOfOneCoreKeepsACallAlone) {
  Crew crew(Budget(4).Options(4));
  CoreCap cap(1);
  Turn turn(crew, Priority::kNormal, &cap);
  Work work(1000);
  EXPECT_EQ(turn.Run(work.AsRegion(1e6f)), 0u);
  EXPECT_EQ(work.most_inside, 1);
  EXPECT_EQ(crew.counters().shared_regions, 0u);
}

// However many call and help: under a cap of 2 never more than two at a time.
TEST(Crew, ACapHoldsOverAllCallsOfAnEngine) {
  for (const int cores : {1, 2}) {
    Crew crew(Budget(6).Options(6));
    CoreCap cap(cores);
    Work work(400);
    std::atomic<int> at{0};
    const auto call = [&] {
      for (int i = 0; i < 50; ++i) {
        Turn turn(crew, Priority::kNormal, &cap);
        EXPECT_LE(++at, cores);
        // A call holds its turn when it computes alone, too.
        EXPECT_EQ(turn.Run(work.AsRegion(i % 2 == 0 ? 50'000.0f : 1.0f)), 0u);
        --at;
      }
    };
    std::vector<std::thread> callers;
    for (int c = 0; c < 4; ++c) callers.emplace_back(call);
    for (std::thread& caller : callers) caller.join();
    // One claim more may be under way while the gate closes.
    EXPECT_LE(work.most_inside, cores == 1 ? 1 : 2 * cores);
  }
}

TEST(Crew, TheLowestFailingTileDecides) {
  for (const int budget : {1, 4}) {
    Crew crew(Budget(budget).Options(budget));
    Turn turn(crew, Priority::kNormal, nullptr);
    for (int i = 0; i < 50; ++i) {
      Work work(500);
      work.fails_at = 7 * i;
      EXPECT_EQ(turn.Run(work.AsRegion(20'000)), static_cast<uint32_t>(work.fails_at) + 1);
    }
    Work fine(500);
    EXPECT_EQ(turn.Run(fine.AsRegion(20'000)), 0u) << "a failure is forgotten";
    EXPECT_TRUE(fine.EachOnce());
  }
}

TEST(Crew, AStoppedRegionEndsAndTheTurnGoesOn) {
  for (const int budget : {1, 3}) {
    Crew crew(Budget(budget).Options(budget));
    Turn turn(crew, Priority::kNormal, nullptr);
    Work work(100'000);
    work.stops_at = 5;
    EXPECT_EQ(turn.Run(work.AsRegion(100'000)), kRegionStopped);
    EXPECT_FALSE(work.EachOnce());
    Work next(100);
    EXPECT_EQ(turn.Run(next.AsRegion(100'000)), 0u);
    EXPECT_TRUE(next.EachOnce());
  }
}

TEST(Crew, ATurnInsideATurnIsTheSame) {
  Crew crew(Budget(1).Options(1));
  Turn outer(crew, Priority::kNormal, nullptr);
  Work work(10);
  {
    Turn inner(crew, Priority::kLow, nullptr);  // one core: it would wait for itself
    EXPECT_EQ(inner.Run(work.AsRegion(1e6f)), 0u);
  }
  EXPECT_TRUE(work.EachOnce());
  EXPECT_EQ(crew.counters().waits_for_turn, 0u);
}

TEST(Crew, WhoMayNotGoOnStopsWaiting) {
  Crew crew(Budget(1).Options(1));
  const Turn first(crew, Priority::kNormal, nullptr);
  std::atomic<bool> go_on{true};
  std::thread second([&] {
    const Turn turn(
        crew, Priority::kNormal, nullptr,
        {[](const void* arg) { return static_cast<const std::atomic<bool>*>(arg)->load(); },
         &go_on});
    EXPECT_FALSE(turn.held());
  });
  while (crew.counters().waits_for_turn == 0) std::this_thread::yield();
  go_on = false;
  second.join();
}

class CountTask final : public CrewTask {
 public:
  explicit CountTask(std::atomic<int>& left) : left_(left) {}
  void Run() override { --left_; }

 private:
  std::atomic<int>& left_;
};

TEST(Crew, PostedTasksAllRun) {
  for (const int budget : {1, 3}) {
    Crew crew(Budget(budget).Options(budget));
    std::atomic<int> left{200};
    std::vector<std::unique_ptr<CountTask>> tasks;
    for (int i = 0; i < 200; ++i) {
      tasks.push_back(std::make_unique<CountTask>(left));
      crew.Post(*tasks.back(), static_cast<Priority>(i % kPriorities));
    }
    while (left > 0) std::this_thread::yield();
    EXPECT_EQ(crew.counters().posted, 200u);
  }
}

// Random callers, tiles, costs, priorities, failures, stops, nested turns, posted tasks and
// budgets.
TEST(Crew, SeededStress) {
  const uint32_t seed = Seed();
  SCOPED_TRACE(seed);
  const Budget budget(3);
  Crew crew(budget.Options(6));
  std::atomic<int> tasks_left{0};
  CoreCap caps[] = {CoreCap(1), CoreCap(2), CoreCap(3)};
  std::vector<std::thread> callers;
  for (uint32_t c = 0; c < 6; ++c) {
    callers.emplace_back([&, c] {
      std::mt19937 rng(seed * 100 + c);
      std::vector<std::unique_ptr<CountTask>> tasks;
      for (int call = 0; call < 60; ++call) {
        if (rng() % 8 == 0) *budget.value = 1 + static_cast<int>(rng() % 6);
        if (rng() % 4 == 0) {
          ++tasks_left;
          tasks.push_back(std::make_unique<CountTask>(tasks_left));
          crew.Post(*tasks.back(), static_cast<Priority>(rng() % kPriorities),
                    rng() % 4 == 0 ? &caps[rng() % 3] : nullptr);
        }
        CoreCap* const cap = rng() % 2 == 0 ? &caps[rng() % 3] : nullptr;
        Turn turn(crew, static_cast<Priority>(rng() % kPriorities), cap);
        for (int r = 0; r < 20; ++r) {
          Work work(1 + rng() % 300);
          if (rng() % 8 == 0) work.fails_at = rng() % work.times.size();
          const bool nested = rng() % 8 == 0;
          const Region region = work.AsRegion(static_cast<float>(1 << rng() % 20));
          const uint32_t code =
              nested ? Turn(crew, Priority::kLow, nullptr).Run(region) : turn.Run(region);
          EXPECT_EQ(code, work.fails_at < 0 ? 0 : work.fails_at + 1);
          EXPECT_TRUE(work.fails_at >= 0 || work.EachOnce());
        }
      }
      while (tasks_left > 0) std::this_thread::yield();
    });
  }
  for (std::thread& caller : callers) caller.join();
}

}  // namespace
}  // namespace heddle::core
