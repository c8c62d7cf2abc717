// SPDX-License-Identifier: Apache-2.0
// Who helps whom. Real threads. Nothing here waits for a time: tiles wait for each other, or for
// nothing.
#include "crew/crew.h"

#include <gtest/gtest.h>

#include <cmath>

#include "crew/crew_for_test.h"

namespace heddle::core {
namespace {

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

TEST(Crew, FewHelpForLittleWork) {
  EXPECT_EQ(MostThreads(0), 1);
  EXPECT_GE(MostThreads(4'000), 2);  // two cores share whatever is shared at all
  EXPECT_EQ(MostThreads(20'000), 7);
  EXPECT_EQ(MostThreads(1e6f), 50);
  EXPECT_GT(MostThreads(1e30f), 1'000);
}

TEST(Crew, ClaimsAreWorthItAndNotTooLong) {
  for (const float ns : {1.0f, 3.5f, 700.0f, 1'499.0f, 1'501.0f, 60'001.0f, 1e5f, 1.5e5f,
                         199'999.0f, 200'001.0f, 1e30f}) {
    const ClaimSizes sizes = SizesOfClaims(ns);
    EXPECT_GE(sizes.least, 1) << ns;
    EXPECT_GE(sizes.most, sizes.least) << ns;
    EXPECT_GE(ns * static_cast<float>(sizes.least), 1'500) << ns;
    EXPECT_LE(ns * static_cast<float>(sizes.most), std::max(ns, kLongestClaimNs)) << ns;
    if (ns > 4) EXPECT_GT(ns * static_cast<float>(sizes.most + 1), kLongestClaimNs) << ns;
  }
  for (const float unknown : {0.0f, -1.0f, 1e-30f, std::nanf("")})
    EXPECT_EQ(SizesOfClaims(unknown).least, 1'500) << unknown;
}

// Tiles of more than half of what a claim may take: one in each.
TEST(Crew, ALongTileIsAClaimOfItsOwn) {
  Crew crew(Budget(2).Options(2));
  Turn turn(crew, Priority::kNormal, nullptr);
  std::atomic<int64_t> most{0};
  const auto run = [](void* arg, int64_t begin, int64_t end, std::byte*) {
    auto& longest = *static_cast<std::atomic<int64_t>*>(arg);
    for (int64_t seen = longest; seen < end - begin;)
      longest.compare_exchange_weak(seen, end - begin);
    return 0u;
  };
  EXPECT_EQ(turn.Run({run, nullptr, &most, 64, 0.75f * kLongestClaimNs, 0}), 0u);
  EXPECT_EQ(most, 1);
}

TEST(Crew, AHelperComes) {
  Crew crew(Budget(2).Options(2));
  Turn turn(crew, Priority::kNormal, nullptr);
  EXPECT_EQ(turn.Run(Meeting(2).AsRegion()), 0u);
  EXPECT_TRUE(Comes([&] { return crew.counters().helped_claims == 1; }));
  EXPECT_EQ(crew.counters().helped_regions, 1u);
  EXPECT_EQ(crew.counters().shared_regions, 1u);
}

TEST(Crew, NeverMoreThanTheBudget) {
  for (const int budget : {1, 2, 3}) {
    Crew crew(Budget(budget).Options(6));
    Work work(300);
    std::vector<std::thread> callers;
    for (int c = 0; c < 4; ++c) {
      callers.emplace_back([&] {
        for (int i = 0; i < 50; ++i)
          EXPECT_EQ(Turn(crew, Priority::kNormal, nullptr).Run(work.AsRegion(20'000)), 0u);
      });
    }
    for (std::thread& caller : callers) caller.join();
    // As many calls as that, and the last claims of the helpers that the first call had.
    EXPECT_LE(work.most_inside, 2 * budget - 1);
  }
}

TEST(Crew, SmallRegionsStayAlone) {
  Crew crew(Budget(2).Options(2));
  Turn turn(crew, Priority::kNormal, nullptr);
  Work small(100), one(1);
  EXPECT_EQ(turn.Run(small.AsRegion(30)), 0u);
  EXPECT_EQ(turn.Run(one.AsRegion(1e6f)), 0u);
  EXPECT_EQ(crew.counters().shared_regions, 0u);
  EXPECT_EQ(crew.counters().threads, 0) << "nothing was ever worth a thread";
  EXPECT_EQ(turn.Run(small.AsRegion(100)), 0u);
  EXPECT_EQ(crew.counters().shared_regions, 1u);
}

TEST(Crew, AnIdleCrewSleeps) {
  Crew crew(Budget(4).Options(4));
  {
    Turn turn(crew, Priority::kNormal, nullptr);
    EXPECT_EQ(turn.Run(Meeting(4).AsRegion()), 0u);
  }
  EXPECT_TRUE(Comes([&] { return crew.counters().asleep == 3; }));
  const CrewCounters before = crew.counters();
  EXPECT_EQ(before.threads, 3) << "the caller is the fourth";
  EXPECT_TRUE(Comes([&] { return crew.counters().sleep_ns > before.sleep_ns; }));
  EXPECT_EQ(crew.counters().spin_ns, before.spin_ns);
}

// Two tiles that two threads compute at the same time; the clock goes on by so much for each.
struct Together {
  FakeClock& clock;
  int64_t tile_ns;
  Meeting meeting{2};
  static uint32_t Run(void* arg, int64_t begin, int64_t end, std::byte* scratch) {
    auto& both = *static_cast<Together*>(arg);
    both.clock.Advance(both.tile_ns);
    const Region region = both.meeting.AsRegion();
    return region.run(region.arg, begin, end, scratch);
  }
};

// A helper that has worked waits a little for the next call.
TEST(Crew, WhoCallsAgainAtOnceFindsItAwake) {
  FakeClock clock(1'000'000'000);
  Crew::Options options = Budget(2).Options(2);
  options.clock = &clock;
  Crew crew(std::move(options));
  Together work{clock, 1'000'000};
  EXPECT_EQ(
      Turn(crew, Priority::kNormal, nullptr).Run({&Together::Run, nullptr, &work, 2, 1e6f, 0}), 0u);
  EXPECT_TRUE(Comes([&] { return crew.counters().helped_claims == 1; }));
  clock.Advance(49'000);
  for (int i = 0; i < 1'000; ++i) std::this_thread::yield();
  EXPECT_EQ(crew.counters().asleep, 0);
  EXPECT_EQ(Turn(crew, Priority::kNormal, nullptr).Run(Meeting(2).AsRegion()), 0u);
  EXPECT_EQ(crew.counters().wakes, 0u);
  EXPECT_TRUE(Comes([&] { return crew.counters().helped_claims == 2; }));
  clock.Advance(51'000);
  EXPECT_TRUE(Comes([&] { return crew.counters().asleep == 1; }));
}

// A tenth of what it worked, which is less than it would wait otherwise.
TEST(Crew, WhoWorkedLittleWaitsLittle) {
  FakeClock clock(1'000'000'000);
  Crew::Options options = Budget(2).Options(2);
  options.clock = &clock;
  Crew crew(std::move(options));
  Together work{clock, 100'000};
  EXPECT_EQ(
      Turn(crew, Priority::kNormal, nullptr).Run({&Together::Run, nullptr, &work, 2, 1e6f, 0}), 0u);
  EXPECT_TRUE(Comes([&] { return crew.counters().helped_claims == 1; }));
  clock.Advance(21'000);
  EXPECT_TRUE(Comes([&] { return crew.counters().asleep == 1; }));
}

// One helper is all that two tiles have use for, however many sleep.
TEST(Crew, NoMoreAreWokenThanMissing) {
  FakeClock still(1'000'000'000);  // whoever is awake looks for work as long as the call lasts
  Crew::Options options = Budget(8).Options(8);
  options.clock = &still;
  Crew crew(std::move(options));
  {
    Turn turn(crew, Priority::kNormal, nullptr);
    EXPECT_EQ(turn.Run(Meeting(8).AsRegion()), 0u);
  }
  EXPECT_TRUE(Comes([&] { return crew.counters().asleep == 7; }));
  Turn turn(crew, Priority::kNormal, nullptr);
  EXPECT_EQ(turn.Run(Meeting(2).AsRegion()), 0u);
  const uint64_t wakes = crew.counters().wakes;
  EXPECT_LE(wakes, 1u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(turn.Run(Meeting(2).AsRegion()), 0u);
  EXPECT_EQ(crew.counters().wakes, wakes);
}

// A clock that is a millisecond ahead for all but the caller: so long seems each wake to take.
class AheadForOthers final : public Clock {
 public:
  int64_t NowNs() const override {
    return now_ns_ + (std::this_thread::get_id() == caller_ ? 0 : 1'000'000);
  }
  void Advance(int64_t ns) { now_ns_ += ns; }

 private:
  const std::thread::id caller_ = std::this_thread::get_id();
  std::atomic<int64_t> now_ns_{1'000'000'000};
};

// What would be worth a wake of 25 us, as one is said to take at first, is not worth a longer one.
TEST(Crew, WhereWakesTakeLongFewerAreWorthIt) {
  AheadForOthers clock;
  Crew::Options options = Budget(2).Options(2);
  options.clock = options.thread_cpu = &clock;
  Crew crew(std::move(options));
  const auto nothing = [](void*, int64_t, int64_t, std::byte*) { return 0u; };
  const auto call = [&](float tile_ns) {
    EXPECT_TRUE(Comes([&] {
      clock.Advance(50'000);
      return crew.counters().asleep == 1;
    }));
    clock.Advance(2'000'000);
    Turn turn(crew, Priority::kNormal, Turn::IfFree());  // which wakes nobody for the budget
    EXPECT_EQ(turn.Run({nothing, nullptr, nullptr, 2, tile_ns, 0}), 0u);
    return crew.counters().wakes;
  };
  EXPECT_EQ(Turn(crew, Priority::kNormal, nullptr).Run(Meeting(2).AsRegion()), 0u);
  EXPECT_TRUE(Comes([&] { return call(1e6f) >= 2; })) << "that is worth it";
  const uint64_t wakes = crew.counters().wakes;
  for (int i = 0; i < 20; ++i) EXPECT_EQ(call(60'000), wakes);
}

// Two calls that have use for two helpers each: there are four.
TEST(Crew, EveryCallIsHelped) {
  FakeClock still(1'000'000'000);  // whoever is awake looks for work as long as the calls last
  Crew::Options options = Budget(8).Options(8);
  options.clock = &still;
  Crew crew(std::move(options));
  const auto nothing = [](void*, int64_t, int64_t, std::byte*) { return 0u; };
  const Region region{nothing, nullptr, nullptr, 3, 1'700, 0};
  ASSERT_EQ(MostThreads(3 * 1'700), 3);
  std::atomic<bool> held{false}, ended{false};
  std::thread other([&] {
    const Turn turn(crew, Priority::kNormal, nullptr);
    held = true;
    while (!ended) std::this_thread::yield();
  });
  while (!held) std::this_thread::yield();
  Turn turn(crew, Priority::kNormal, nullptr);
  EXPECT_TRUE(Comes([&] {
    EXPECT_EQ(turn.Run(region), 0u);
    const CrewCounters counters = crew.counters();
    return counters.threads == 4 && counters.asleep == 0;
  }));
  ended = true;
  other.join();
}

// Two threads of one core: two calls at a time, but neither is helped.
TEST(Crew, SiblingsDoNotHelp) {
  Crew::Options options = Budget(2).Options(2);
  options.read_budget = [] {
    CoreBudget budget(2);
    budget.apart = 1;
    return budget;
  };
  Crew crew(std::move(options));
  Meeting meeting(2);
  const Region both = meeting.AsRegion();
  const auto call = [&] {
    Turn turn(crew, Priority::kNormal, nullptr);
    Region half = both;
    half.tiles = 1;
    EXPECT_EQ(turn.Run(half), 0u);
    Work work(100);
    EXPECT_EQ(turn.Run(work.AsRegion(1e6f)), 0u);
    EXPECT_EQ(work.helped, 0);
  };
  std::thread other(call);
  call();
  other.join();
  EXPECT_EQ(crew.counters().shared_regions, 0u);
}

// Holds helpers where they leave, until it is told to let them.
class LeavingClock final : public Clock {
 public:
  int64_t NowNs() const override {
    static thread_local bool came = false;
    if (came) {
      while (held_) std::this_thread::yield();
    }
    came = std::this_thread::get_id() != caller_;
    return 0;
  }
  void LetGo() { held_ = false; }

 private:
  const std::thread::id caller_ = std::this_thread::get_id();
  std::atomic<bool> held_{true};
};

// Four compute a tile each when another call begins: one helper is too many, and three go on.
TEST(Crew, NoMoreLeaveThanMust) {
  struct Tiles {
    std::atomic<int> arrived{0}, later{0};
    std::atomic<bool> another{false}, enough{true};
    static uint32_t Run(void* arg, int64_t begin, int64_t, std::byte*) {
      Tiles& t = *static_cast<Tiles*>(arg);
      if (begin < 4) {
        ++t.arrived;
        while (!t.another) std::this_thread::yield();
      } else {
        ++t.later;
        if (!Comes([&] { return t.later == 3; })) t.enough = false;
      }
      return 0;
    }
  } tiles;
  FakeClock still(1'000'000'000);
  LeavingClock cpu;
  Crew::Options options = Budget(4).Options(4);
  options.clock = &still;
  options.thread_cpu = &cpu;
  Crew crew(std::move(options));
  std::atomic<bool> ended{false};
  std::thread other([&] {
    while (tiles.arrived < 4) std::this_thread::yield();
    const Turn turn(crew, Priority::kNormal, nullptr);
    still.Advance(900'000);  // earns the helpers time to spin, but nobody a look at the Governor
    tiles.another = true;
    while (!ended) std::this_thread::yield();
  });
  {
    Turn turn(crew, Priority::kNormal, nullptr);
    EXPECT_EQ(turn.Run({&Tiles::Run, nullptr, &tiles, 7, 1e6f, 0}), 0u);
  }
  EXPECT_TRUE(tiles.enough);
  ended = true;
  other.join();
  cpu.LetGo();
}

// Two nodes; the caller is on the second.
TEST(Crew, HelpComesFromNearby) {
  Topology t;
  for (int id = 0; id < 6; ++id) t.cpus.push_back({.id = id, .core = id, .node = id / 3});
  Crew::Options options = Budget(3).Options(6);
  options.placement = Placement(t);
  options.current_cpu = [] { return 4; };
  Crew crew(std::move(options));
  Turn turn(crew, Priority::kNormal, nullptr);
  EXPECT_EQ(turn.Run(Meeting(3).AsRegion()), 0u);
  EXPECT_TRUE(Comes([&] { return crew.counters().helped_claims == 2; }));
  EXPECT_EQ(crew.counters().far_claims, 0u);
}

TEST(Crew, HelpComesFromAfarWhereNearbyIsTooLittle) {
  Topology t;
  for (int id = 0; id < 4; ++id) t.cpus.push_back({.id = id, .core = id, .node = id == 0 ? 0 : 1});
  Crew::Options options = Budget(4).Options(4);
  options.placement = Placement(t);
  options.current_cpu = [] { return 0; };
  Crew crew(std::move(options));
  Turn turn(crew, Priority::kNormal, nullptr);
  EXPECT_EQ(turn.Run(Meeting(4).AsRegion()), 0u);
  EXPECT_TRUE(Comes([&] { return crew.counters().far_claims == 2; }));
}

// All helpers on cores of a slower kind, two threads at a time.
TEST(Crew, SlowCoresLeaveTheTail) {
  Topology t;
  t.cpus.push_back({.id = 0, .speed = 1});
  Crew::Options options = Budget(2).Options(2);
  options.placement = Placement(t);
  Crew crew(std::move(options));
  Turn turn(crew, Priority::kNormal, nullptr);
  for (int i = 0; i < 200; ++i) {
    Work work(2);
    EXPECT_EQ(turn.Run(work.AsRegion(100'000)), 0u);
    EXPECT_EQ(work.helped, 0) << "these two are the tail";
  }
  EXPECT_EQ(crew.counters().shared_regions, 200u);
  EXPECT_EQ(crew.counters().helped_regions, 0u);
  EXPECT_TRUE(Comes([&] {
    Work longer(1000);
    EXPECT_EQ(turn.Run(longer.AsRegion(20'000)), 0u);
    return longer.helped > 0;
  }));
}

}  // namespace
}  // namespace heddle::core
