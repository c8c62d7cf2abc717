// SPDX-License-Identifier: Apache-2.0
// How regions and waits end early, and what may be done inside a turn.
#include <gtest/gtest.h>

#include <optional>

#include "crew/crew.h"
#include "crew/crew_for_test.h"

namespace heddle::core {
namespace {

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

TEST(Crew, WhoMayNotWaitKeepsItsTurn) {
  Crew crew(Budget(1).Options(1));
  CoreCap cap(1);
  std::optional<Turn> first;
  first.emplace(crew, Priority::kLow, &cap, Turn::NoWait());
  ASSERT_TRUE(first->held());
  bool second_held = true;
  std::thread([&] {
    second_held = Turn(crew, Priority::kHigh, &cap, Turn::NoWait()).held();
  }).join();
  EXPECT_FALSE(second_held) << "there is one turn";
  std::thread waits([&] { EXPECT_TRUE(Turn(crew, Priority::kHigh, nullptr).held()); });
  while (crew.counters().waits_for_turn == 0) std::this_thread::yield();
  Work work(100);
  EXPECT_EQ(first->Run(work.AsRegion(1e6f)), 0u);
  EXPECT_TRUE(work.EachOnce());
  EXPECT_EQ(crew.counters().yields, 0u) << "though a higher priority waits";
  first.reset();
  waits.join();
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

}  // namespace
}  // namespace heddle::core
