// SPDX-License-Identifier: Apache-2.0
// Posted tasks and the threads that there are for them.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include "base/log.h"
#include "crew/crew.h"
#include "crew/crew_for_test.h"

namespace heddle::core {
namespace {

TEST(Crew, PostedTasksAllRun) {
  for (const int budget : {1, 3}) {
    Crew crew(Budget(budget).Options(budget));
    std::atomic<int> left{200};
    std::vector<std::unique_ptr<FunctionTask>> tasks;
    for (int i = 0; i < 200; ++i) {
      tasks.push_back(std::make_unique<FunctionTask>([&](Turn&) { --left; }));
      crew.Post(*tasks.back(), static_cast<Priority>(i % kPriorities));
    }
    while (left > 0) std::this_thread::yield();
    EXPECT_EQ(crew.counters().posted, 200u);
  }
}

// A turn more than there are cores, in one group of CPUs and in two.
TEST(Crew, EachTurnHasAThreadForATask) {
  for (const int nodes : {1, 2}) {
    Topology t;
    for (int id = 0; id < 2; ++id) t.cpus.push_back({.id = id, .core = id, .node = id % nodes});
    Crew::Options options = Budget(2).Options(2);
    options.placement = Placement(t);
    options.read_budget = [] {
      CoreBudget budget(2);
      budget.turns = 3;
      return budget;
    };
    Crew crew(std::move(options));
    std::atomic<int> long_run{0}, ended{0};
    std::atomic<bool> high_ran{false}, beside{false};
    const auto until_high_ran = [&](Turn&) {
      ++long_run;
      Comes([&] { return high_ran.load(); });
      ++ended;
    };
    FunctionTask first(until_high_ran), second(until_high_ran);
    FunctionTask high([&](Turn&) {
      beside = ended == 0;
      high_ran = true;
    });
    crew.Post(first, Priority::kNormal);
    crew.Post(second, Priority::kNormal);
    EXPECT_TRUE(Comes([&] { return long_run == 2; }));
    crew.Post(high, Priority::kHigh);
    EXPECT_TRUE(Comes([&] { return ended == 2 && high_ran; }));
    EXPECT_TRUE(beside) << nodes << " nodes";
  }
}

// What the system says when there may be no more threads.
struct Starter {
  std::atomic<bool> refuses{true};
  std::atomic<int> asked{0};
  Crew::Options Options(int cores, const Clock& clock) {
    Crew::Options options = Budget(cores).Options(cores);
    options.clock = &clock;
    options.start_thread = [this](std::function<void()> run) {
      ++asked;
      if (refuses) throw std::system_error(EAGAIN, std::generic_category());
      return std::thread(std::move(run));
    };
    return options;
  }
};

TEST(Crew, ARefusedThreadIsTriedForAgain) {
  FakeClock clock(1'000'000'000);
  Starter starter;
  std::string said;
  SetLogSink([&](LogLevel, std::string_view text) { said += text; });
  Crew crew(starter.Options(2, clock));
  Turn turn(crew, Priority::kNormal, nullptr);
  for (int i = 0; i < 5; ++i) {
    Work work(10);
    EXPECT_EQ(turn.Run(work.AsRegion(1e6f)), 0u);
    EXPECT_TRUE(work.EachOnce());
  }
  EXPECT_EQ(starter.asked, 1) << "not by each region";
  EXPECT_EQ(crew.counters().refused_starts, 1u);
  EXPECT_EQ(crew.counters().threads, 0);
  clock.Advance(1'000'000'000);
  EXPECT_EQ(turn.Run(Work(10).AsRegion(1e6f)), 0u);
  EXPECT_EQ(crew.counters().refused_starts, 2u);
  EXPECT_NE(said.find("cannot start a thread"), std::string::npos) << said;
  EXPECT_EQ(said.find("cannot", said.find("cannot") + 1), std::string::npos) << "twice: " << said;
  SetLogSink(nullptr);
  starter.refuses = false;
  clock.Advance(1'000'000'000);
  EXPECT_EQ(turn.Run(Meeting(2).AsRegion()), 0u) << "the helper is there";
  EXPECT_EQ(crew.counters().threads, 1);
}

TEST(Crew, ATaskWithoutAThreadGetsOneWithTheNext) {
  FakeClock clock(1'000'000'000);
  Starter starter;
  Crew crew(starter.Options(1, clock));
  std::atomic<int> ran{0};
  FunctionTask first([&](Turn&) { ++ran; }), second([&](Turn&) { ++ran; });
  crew.Post(first, Priority::kNormal);
  starter.refuses = false;
  crew.Post(second, Priority::kNormal);
  EXPECT_TRUE(Comes([&] { return ran == 2; }));
}

// One core: the task of high priority would wait for a thread, and the one that yielded for it.
TEST(Crew, ATaskDoesNotYieldWithoutAStandIn) {
  const auto nothing = [](void*, int64_t, int64_t, std::byte*) { return 0u; };
  const Region region{nothing, nullptr, nullptr, 100, 1e5f, 0};
  FakeClock clock(1'000'000'000);
  Starter starter;
  starter.refuses = false;
  Crew crew(starter.Options(1, clock));
  std::atomic<bool> high_waits{false}, high_ran{false}, low_runs{false}, low_ended{false};
  FunctionTask low([&](Turn& turn) {
    low_runs = true;
    Comes([&] { return high_waits.load(); });
    for (int i = 0; i < 3; ++i) EXPECT_EQ(turn.Run(region), 0u);
    EXPECT_EQ(crew.counters().yields, 0u);
    EXPECT_EQ(crew.counters().refused_starts, 1u);
    starter.refuses = false;
    clock.Advance(1'000'000'000);
    EXPECT_EQ(turn.Run(region), 0u);
    EXPECT_TRUE(high_ran);
    low_ended = true;
  });
  FunctionTask high([&](Turn&) { high_ran = true; });
  crew.Post(low, Priority::kLow);
  EXPECT_TRUE(Comes([&] { return low_runs.load(); }));
  starter.refuses = true;
  crew.Post(high, Priority::kHigh);
  high_waits = true;
  EXPECT_TRUE(Comes([&] { return low_ended.load(); }));
}

}  // namespace
}  // namespace heddle::core
