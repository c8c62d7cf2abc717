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

}  // namespace
}  // namespace heddle::core
