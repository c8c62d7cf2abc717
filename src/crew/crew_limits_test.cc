// SPDX-License-Identifier: Apache-2.0
// The Crew under limits: the Governor's, a quota's, a cap's.
#include <gtest/gtest.h>

#include "base/testing/temp_tree.h"
#include "crew/crew.h"
#include "crew/crew_for_test.h"

namespace heddle::core {
namespace {

// A region whose tiles take a millisecond each, in time that stands still otherwise.
struct Ticking {
  FakeClock& clock;
  int64_t tile_ns;
  static uint32_t Run(void* arg, int64_t begin, int64_t end, std::byte*) {
    Ticking& t = *static_cast<Ticking*>(arg);
    t.clock.Advance(t.tile_ns * (end - begin));
    std::this_thread::yield();
    return 0;
  }
  Region AsRegion(int64_t tiles, float said_ns) { return {&Run, nullptr, this, tiles, said_ns, 0}; }
};

TEST(Crew, TheGovernorKeepsHelpersAway) {
  FakeClock clock(1'000'000'000), no_cpu;  // time goes by, but no helper gets to use any
  Crew::Options options = Budget(2).Options(2);
  options.clock = &clock;
  options.thread_cpu = &no_cpu;
  Crew crew(std::move(options));
  Turn turn(crew, Priority::kNormal, nullptr);
  Ticking ticking{clock, 1'000'000};
  EXPECT_TRUE(Comes([&] {
    EXPECT_EQ(turn.Run(ticking.AsRegion(20, 1e6f)), 0u);
    return crew.counters().governor_cap == 0;
  }));
  EXPECT_FALSE(crew.governor().Trace().empty());
  EXPECT_TRUE(Comes([&] { return crew.counters().asleep == 1; }));
  if (crew.counters().governor_cap > 0) return;  // a probe that was due at once
  const uint64_t shared = crew.counters().shared_regions;
  ticking.tile_ns = 0;
  EXPECT_EQ(turn.Run(ticking.AsRegion(20, 1e3f)), 0u);
  EXPECT_EQ(crew.counters().shared_regions, shared);
  clock.Advance(Governor::kMostPauseNs);
  EXPECT_EQ(turn.Run(ticking.AsRegion(20, 1e6f)), 0u) << "that looks at the clock";
  EXPECT_EQ(turn.Run(ticking.AsRegion(20, 1e6f)), 0u);
  EXPECT_GT(crew.counters().shared_regions, shared) << "it tries again";
}

// One core and a half.
TEST(Crew, HelpersPauseBeforeTheQuotaIsSpent) {
  FakeClock clock(1'000'000'000);
  Crew::Options options = Budget(1).Options(2);
  options.read_budget = [] {
    CoreBudget budget(1);
    budget.share = 0.5;
    budget.period_ns = 100'000'000;
    return budget;
  };
  options.clock = options.thread_cpu = &clock;
  Crew crew(std::move(options));
  Turn turn(crew, Priority::kNormal, nullptr);
  Ticking ticking{clock, 100'000};
  const int64_t begin = clock.NowNs();
  EXPECT_TRUE(Comes([&] {
    EXPECT_EQ(turn.Run(ticking.AsRegion(20, 1e5f)), 0u);
    return clock.NowNs() - begin > 2'000'000'000 && crew.counters().helped_claims > 20;
  }));
  // What it holds when full, and the claim that was under way. Both threads move the clock, so
  // that a claim may seem longer than it was.
  const double elapsed = static_cast<double>(clock.NowNs() - begin);
  EXPECT_LE(static_cast<double>(crew.counters().helped_ns), 0.45 * elapsed + 10e6);
}

// In long calls and in short ones; the clocks are moved by the calls and by their pauses.
TEST(Crew, WhoComputesKeepsThePaceOfAQuota) {
  for (const int64_t tiles : {int64_t{200}, int64_t{1}}) {
    FakeClock clock(1'000'000'000), cpu;
    Crew::Options options = Budget(1).Options(1);
    options.read_budget = [] {
      CoreBudget budget(1);
      budget.quota = 1;
      budget.period_ns = 100'000'000;
      return budget;
    };
    options.clock = options.thread_cpu = &clock;
    options.process_cpu = &cpu;
    options.pause = [&](int64_t ns) { clock.Advance(ns); };
    Crew crew(std::move(options));
    const auto compute = [&](int64_t ns) {
      clock.Advance(ns);
      cpu.Advance(ns);
    };
    struct Tiles {
      const decltype(compute)& ns;
      static uint32_t Run(void* arg, int64_t begin, int64_t end, std::byte*) {
        static_cast<Tiles*>(arg)->ns(100'000 * (end - begin));
        return 0;
      }
    } work{compute};
    const int64_t begin = clock.NowNs();
    while (clock.NowNs() - begin < 1'000'000'000) {
      Turn turn(crew, Priority::kNormal, nullptr);
      EXPECT_EQ(turn.Run({&Tiles::Run, nullptr, &work, tiles, 1e5f, 0}), 0u);
    }
    const auto elapsed = static_cast<double>(clock.NowNs() - begin);
    EXPECT_LE(static_cast<double>(cpu.NowNs()), 0.965 * elapsed) << tiles;
    EXPECT_GE(static_cast<double>(cpu.NowNs()), 0.95 * elapsed) << tiles;
    EXPECT_GT(crew.counters().paused_ns, 0u);
  }
}

TEST(Crew, AChangedLimitIsFollowedWithinASecond) {
  TempTree tree;
  tree.Write("proc/self/cgroup", "0::/a\n");
  tree.Write("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
  const auto limit = [&](const char* text) { tree.Write("cg/a/cpu.max", text); };
  limit("max 100000\n");
  auto reader =
      std::make_shared<BudgetReader>(tree.root(), +[] { return std::vector<int>{0, 1, 2, 3}; });
  FakeClock clock(1'000'000'000);
  Crew::Options options;
  options.most_threads = 4;
  options.read_budget = [reader] { return reader->Read(); };
  options.clock = options.thread_cpu = &clock;
  Crew crew(std::move(options));
  EXPECT_EQ(crew.budget(), 4);
  Turn turn(crew, Priority::kNormal, nullptr);  // one call, all the time
  const auto follows = [&](int cores) {
    Work work(10);
    for (int step = 0; step < 10; ++step) {
      clock.Advance(99'000'000);
      EXPECT_EQ(turn.Run(work.AsRegion(1e6f)), 0u);
    }
    // The second is over; the thread that reads may be late in ours.
    return Comes([&] {
      EXPECT_EQ(turn.Run(work.AsRegion(1e6f)), 0u);
      return crew.budget() == cores;
    });
  };
  const struct {
    const char* text;
    int cores;
  } kLimits[] = {{"200000 100000\n", 2},
                 {"50000 100000\n", 1},
                 {"350000 100000\n", 3},
                 {"100000 100000\n", 1},
                 {"max 100000\n", 4}};
  for (const auto& [text, cores] : kLimits) {
    limit(text);
    EXPECT_TRUE(follows(cores)) << text;
  }
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

// Two cores for an Engine: the helper of its first call makes room for the second at once.
TEST(Crew, ACapsHelperMakesRoomForACall) {
  struct Tiles {
    Crew crew;
    CoreCap cap{2};
    std::thread second = {};
    std::atomic<bool> helper_came{false}, second_runs{false}, may_leave{false}, ended{false};
    std::atomic<int> own{0}, helped_later{0};
    static uint32_t Run(void* arg, int64_t, int64_t, std::byte* scratch) {
      Tiles& t = *static_cast<Tiles*>(arg);
      if (scratch != nullptr) {
        t.helper_came = true;
        t.helped_later += t.may_leave;
        while (!t.may_leave) std::this_thread::yield();
        return 0;
      }
      ++t.own;
      if (t.own == 1) t.Begin();
      if (t.own == 2) t.may_leave = true;  // the first look at who else runs is over
      if (t.own == 3) EXPECT_TRUE(Comes([&] { return t.crew.counters().helped_claims > 0; }));
      std::this_thread::yield();
      return 0;
    }
    void Begin() {
      while (!helper_came) std::this_thread::yield();
      second = std::thread([this] {
        const Turn turn(crew, Priority::kNormal, &cap);
        second_runs = true;
        while (!ended) std::this_thread::yield();
      });
      while (!second_runs) std::this_thread::yield();
    }
  } tiles{Crew(Budget(4).Options(4))};
  EXPECT_EQ(Turn(tiles.crew, Priority::kNormal, &tiles.cap)
                .Run({&Tiles::Run, nullptr, &tiles, 1'000, kLongestClaimNs, 0}),
            0u);
  EXPECT_EQ(tiles.helped_later, 0);
  tiles.ended = true;
  tiles.second.join();
}

// However many call and help: under a cap of 2 never more than two at a time.
TEST(Crew, ACapHoldsOverAllCallsOfAnEngine) {
  for (const int cores : {1, 2}) {
    Crew crew(Budget(6).Options(6));
    CoreCap cap(cores);
    Work work(400);
    const auto call = [&] {
      for (int i = 0; i < 50; ++i) {
        Turn turn(crew, Priority::kNormal, &cap);
        // A region that is too small to share counts as well.
        EXPECT_EQ(turn.Run(work.AsRegion(i % 2 == 0 ? 50'000.0f : 1.0f)), 0u);
      }
    };
    std::vector<std::thread> callers;
    for (int c = 0; c < 4; ++c) callers.emplace_back(call);
    for (std::thread& caller : callers) caller.join();
    // One claim more may be under way while the gate closes.
    EXPECT_LE(work.most_inside, cores == 1 ? 1 : 2 * cores);
  }
}

}  // namespace
}  // namespace heddle::core
