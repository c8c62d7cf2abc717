// SPDX-License-Identifier: Apache-2.0
// Posted tasks and the threads that there are for them.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace heddle::core
