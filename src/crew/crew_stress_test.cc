// SPDX-License-Identifier: Apache-2.0
// All that may happen to a Crew, by chance and at once.
#include <gtest/gtest.h>

#include <random>

#include "crew/crew.h"
#include "crew/crew_for_test.h"

namespace heddle::core {
namespace {

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

// Random callers, tiles, costs, priorities, caps, failures, cancellations of waits and of
// regions, nested turns, posted tasks and budgets.
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
    std::vector<std::unique_ptr<FunctionTask>> tasks;
    for (int call = 0; call < 60; ++call) {
      if (rng() % 8 == 0) budget = rng();
      CoreCap* const cap = rng() % 2 == 0 ? &caps[rng() % 3] : nullptr;
      const auto priority = static_cast<Priority>(rng() % kPriorities);
      if (rng() % 4 == 0) {
        ++tasks_left;
        tasks.push_back(std::make_unique<FunctionTask>([&](Turn&) { --tasks_left; }));
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
