// SPDX-License-Identifier: Apache-2.0
// The Crew with real threads. Nothing here waits for a time: tiles wait for each other, or for
// nothing.
#include "crew/crew.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>

#include "base/testing/temp_tree.h"

namespace heddle::core {
namespace {

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
    // However slow the caller is, helpers do not finish what it is to stop.
    while (w.holds_helpers && scratch != nullptr && w.stop && !w.caller_saw_stop)
      std::this_thread::yield();
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

TEST(Crew, FewHelpForLittleWork) {
  EXPECT_EQ(MostThreads(0), 1);
  EXPECT_GE(MostThreads(4'000), 2);  // two cores share whatever is shared at all
  EXPECT_EQ(MostThreads(20'000), 7);
  EXPECT_EQ(MostThreads(1e6f), 50);
  EXPECT_GT(MostThreads(1e30f), 1'000);
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
bool Comes(const std::function<bool()>& condition) {
  const int64_t end = SystemClock().NowNs() + 60'000'000'000;
  while (SystemClock().NowNs() < end) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
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
  EXPECT_TRUE(Comes([&] {
    Work longer(1000);
    EXPECT_EQ(turn.Run(longer.AsRegion(20'000)), 0u);
    return longer.helped > 0;
  }));
}

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

// A clock that holds a helper where it has claimed a tile and not begun it, until the caller has
// seen a later one fail.
class HoldingClock final : public Clock {
 public:
  int64_t NowNs() const override {
    if (std::this_thread::get_id() != caller_) {
      constexpr int kAfterItsFirstClaim = 3;
      if (++helper_looks_ == kAfterItsFirstClaim) {
        claimed_ = true;
        while (!seen_) std::this_thread::yield();
      }
    } else if (failed_) {
      seen_ = true;  // it looks at the clock again when it waits for the helper
    }
    return SystemClock().NowNs();
  }
  // Of three tiles the caller gets the first, and the last, which fails; so does the helper's
  // between them. Or else the helper gets the first.
  static uint32_t Run(void* arg, int64_t begin, int64_t, std::byte* scratch) {
    const HoldingClock& c = *static_cast<HoldingClock*>(arg);
    while (begin == 0 && !c.claimed_) std::this_thread::yield();
    if (begin > 0 && scratch == nullptr) c.failed_ = true;
    return static_cast<uint32_t>(begin);
  }
  void Release() { seen_ = true; }

 private:
  const std::thread::id caller_ = std::this_thread::get_id();
  mutable std::atomic<int> helper_looks_{0};
  mutable std::atomic<bool> claimed_{false}, failed_{false}, seen_{false};
};

TEST(Crew, AClaimBeforeTheFailingOneIsComputed) {
  HoldingClock clock;
  Crew::Options options = Budget(2).Options(2);
  options.clock = &clock;
  Crew crew(std::move(options));
  Turn turn(crew, Priority::kNormal, nullptr);
  EXPECT_EQ(turn.Run({&HoldingClock::Run, nullptr, &clock, 3, 1e6f, 0}), 1u);
  clock.Release();
}

TEST(Crew, AStoppedRegionEndsAndTheTurnGoesOn) {
  for (const int budget : {1, 3}) {
    Crew crew(Budget(budget).Options(budget));
    Turn turn(crew, Priority::kNormal, nullptr);
    Work work(100'000);
    work.stops_at = 5;
    work.holds_helpers = true;
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
  void Run(Turn&) override { --left_; }

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

TEST(CrewCounters, SinceTakesEveryNumberThatGrows) {
  CrewCounters counters;
  std::memset(static_cast<void*>(&counters), 1, sizeof(counters));
  const CrewCounters since = counters.Since(counters);
  EXPECT_EQ(since.budget, counters.budget);
  std::array<uint64_t, (sizeof(CrewCounters) - offsetof(CrewCounters, governor_moves)) / 8> grown;
  std::memcpy(grown.data(), &since.governor_moves, sizeof(grown));
  for (const uint64_t n : grown) EXPECT_EQ(n, 0u);
}

// A budget of the moment: cores, siblings among them, and a share of one more.
CoreBudget RandomBudget(uint32_t random) {
  CoreBudget budget(1 + static_cast<int>(random % 6));
  budget.apart = std::max(1, budget.cores - static_cast<int>(random / 8 % 3));
  budget.share = random / 32 % 3 == 0 ? 0.5 : 0;
  budget.period_ns = 10'000'000;
  return budget;
}

// One region with what may befall it.
void RunOne(Crew& crew, Turn& turn, std::mt19937& rng) {
  Work work(1 + rng() % 300);
  const uint32_t fate = rng() % 8;
  if (fate == 0) work.fails_at = rng() % work.times.size();
  if (fate == 1) work.stops_at = rng() % work.times.size();
  const bool nested = rng() % 8 == 0;
  const Region region = work.AsRegion(static_cast<float>(1 << rng() % 20));
  const uint32_t code = nested ? Turn(crew, Priority::kLow, nullptr).Run(region) : turn.Run(region);
  if (fate == 1) {
    EXPECT_TRUE(code == kRegionStopped || (code == 0 && work.EachOnce())) << code;
    return;
  }
  EXPECT_EQ(code, fate == 0 ? static_cast<uint32_t>(work.fails_at) + 1 : 0);
  EXPECT_TRUE(fate == 0 || work.EachOnce());
}

// Random callers, tiles, costs, priorities, caps, failures, cancellations of waits and of regions,
// nested turns, posted tasks and budgets.
TEST(Crew, SeededStress) {
  const uint32_t seed = Seed();
  SCOPED_TRACE(seed);
  std::atomic<uint32_t> budget{3};
  Crew::Options options = Budget(1).Options(6);
  options.read_budget = [&] { return RandomBudget(budget); };
  options.thread_cpu = &ThreadCpuClock();  // the Governor may join in
  Crew crew(std::move(options));
  std::atomic<int> tasks_left{0};
  CoreCap caps[] = {CoreCap(1), CoreCap(2), CoreCap(3)};
  const auto call_often = [&](uint32_t caller) {
    std::mt19937 rng(seed * 100 + caller);
    std::vector<std::unique_ptr<CountTask>> tasks;
    for (int call = 0; call < 60; ++call) {
      if (rng() % 8 == 0) budget = rng();
      CoreCap* const cap = rng() % 2 == 0 ? &caps[rng() % 3] : nullptr;
      const auto priority = static_cast<Priority>(rng() % kPriorities);
      if (rng() % 4 == 0) {
        ++tasks_left;
        tasks.push_back(std::make_unique<CountTask>(tasks_left));
        crew.Post(*tasks.back(), priority, cap);
      }
      std::atomic<int> looks = static_cast<int>(rng() % 4);
      const Turn::GoOn gives_up{
          [](const void* arg) {
            return (*static_cast<std::atomic<int>*>(const_cast<void*>(arg)))-- > 0;
          },
          rng() % 4 == 0 ? &looks : nullptr};
      Turn turn(crew, priority, cap, gives_up);
      for (int r = 0; turn.held() && gives_up.arg == nullptr && r < 20; ++r)
        RunOne(crew, turn, rng);
    }
    while (tasks_left > 0) std::this_thread::yield();
  };
  std::vector<std::thread> callers;
  for (uint32_t c = 0; c < 6; ++c) callers.emplace_back(call_often, c);
  for (std::thread& caller : callers) caller.join();
}

}  // namespace
}  // namespace heddle::core
