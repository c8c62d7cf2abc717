// SPDX-License-Identifier: Apache-2.0
#include "crew/turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "crew/crew_for_test.h"

namespace heddle::core {
namespace {

class Named final : public TurnWaiter {
 public:
  Named(std::string& log, char name) : log_(log), name_(name) {}
  TurnWake Granted() override {
    log_ += name_;
    return {};
  }

 private:
  std::string& log_;
  char name_;
};

class TurnsTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  std::string log_;
  Named a_{log_, 'a'}, b_{log_, 'b'}, c_{log_, 'c'}, d_{log_, 'd'};
};

TEST_F(TurnsTest, AtMostBudgetAtATime) {
  Turns turns(clock_, 2);
  EXPECT_TRUE(turns.TryTake());
  EXPECT_TRUE(turns.TryTake());
  EXPECT_FALSE(turns.TryTake());
  EXPECT_EQ(turns.active(), 2);
  turns.Give();
  EXPECT_TRUE(turns.TryTake());
}

TEST_F(TurnsTest, FirstComeFirstServedWithinAPriority) {
  Turns turns(clock_, 1);
  ASSERT_TRUE(turns.TryTake());
  EXPECT_FALSE(turns.TakeOrWait(a_, Priority::kLow));
  EXPECT_FALSE(turns.TakeOrWait(b_, Priority::kNormal));
  EXPECT_FALSE(turns.TakeOrWait(c_, Priority::kNormal));
  EXPECT_FALSE(turns.TakeOrWait(d_, Priority::kHigh));
  for (int i = 0; i < 5; ++i) turns.Give();
  EXPECT_EQ(log_, "dbca");
  EXPECT_EQ(turns.active(), 0);
}

TEST_F(TurnsTest, WhoStarvesGoesFirst) {
  Turns turns(clock_, 1);
  ASSERT_TRUE(turns.TryTake());
  turns.TakeOrWait(a_, Priority::kLow);
  clock_.Advance(kMostStarvedNs - 1);
  turns.TakeOrWait(b_, Priority::kHigh);
  turns.TakeOrWait(c_, Priority::kHigh);
  turns.Give();
  clock_.Advance(1);
  turns.Give();
  turns.Give();
  EXPECT_EQ(log_, "bac");
}

TEST_F(TurnsTest, ANewcomerDoesNotOvertakeWhoWaits) {
  Turns turns(clock_, 1);
  ASSERT_TRUE(turns.TryTake());
  turns.TakeOrWait(a_, Priority::kNormal);
  EXPECT_FALSE(turns.TryTake());
  turns.Give();
  EXPECT_EQ(log_, "a");
  EXPECT_FALSE(turns.TryTake()) << "the turn went to the waiter";
}

// One who is asleep when a turn comes free.
class Sleeper final : public TurnWaiter {
 public:
  TurnWake Granted() override {
    granted = true;
    return {};
  }
  std::optional<TurnWake> Offered() override {
    ++offers;
    return TurnWake();
  }
  bool granted = false;
  int offers = 0;
};

TEST_F(TurnsTest, WhoIsAwakeMayTakeWhatIsOffered) {
  Turns turns(clock_, 1);
  Sleeper sleeper;
  ASSERT_TRUE(turns.TryTake());
  EXPECT_FALSE(turns.TakeOrWait(sleeper, Priority::kNormal));
  EXPECT_EQ(sleeper.offers, 0);
  turns.Give();
  EXPECT_EQ(sleeper.offers, 1);
  EXPECT_EQ(turns.active(), 0);
  EXPECT_TRUE(turns.TryTake()) << "it is not awake yet";
  EXPECT_FALSE(turns.Claim(sleeper));
  turns.Give();
  EXPECT_EQ(sleeper.offers, 2);
  EXPECT_TRUE(turns.Claim(sleeper));
  EXPECT_EQ(turns.active(), 1);
  EXPECT_FALSE(turns.TryTake());
  turns.Give();
  EXPECT_FALSE(sleeper.granted);
}

TEST_F(TurnsTest, WhoIsNextIsNotOvertakenForLong) {
  Turns turns(clock_, 1);
  Sleeper sleeper;
  ASSERT_TRUE(turns.TryTake());
  turns.TakeOrWait(sleeper, Priority::kNormal);
  clock_.Advance(kSliceNs - 1);
  turns.Give();
  EXPECT_TRUE(turns.TryTake());
  clock_.Advance(1);
  turns.Give();
  EXPECT_TRUE(sleeper.granted);
  EXPECT_FALSE(turns.TryTake());
  EXPECT_TRUE(turns.Claim(sleeper)) << "it learns of the grant when it answers the offer";
  EXPECT_EQ(turns.active(), 1);

  Sleeper other;
  turns.TakeOrWait(other, Priority::kNormal);
  clock_.Advance(kSliceNs);
  turns.SetBudget(2);
  EXPECT_TRUE(other.granted);
}

// However long the queue: one is served per slice and turn, not one per call.
TEST_F(TurnsTest, ALongQueueMovesByTheSlice) {
  Turns turns(clock_, 2);
  Sleeper sleepers[4];
  ASSERT_TRUE(turns.TryTake());
  ASSERT_TRUE(turns.TryTake());
  for (Sleeper& sleeper : sleepers) turns.TakeOrWait(sleeper, Priority::kNormal);
  for (int served = 0; served < 4; ++served) {
    for (int call = 0; call < 10; ++call) {
      clock_.Advance(kSliceNs / 2 / 10);
      turns.Give();
      const bool due = call == 9;
      EXPECT_EQ(sleepers[served].granted, due) << served;
      EXPECT_EQ(turns.TryTake(), !due);
    }
  }
}

TEST_F(TurnsTest, NoLowerPriorityOvertakes) {
  Turns turns(clock_, 1);
  Sleeper sleeper;
  ASSERT_TRUE(turns.TryTake());
  turns.TakeOrWait(sleeper, Priority::kNormal);
  turns.Give();
  EXPECT_FALSE(turns.TryTake(nullptr, Priority::kLow));
  EXPECT_TRUE(turns.TryTake(nullptr, Priority::kHigh));
}

TEST_F(TurnsTest, RoomUnderACapIsOfferedToo) {
  Turns turns(clock_, 2);
  CoreCap cap(1);
  Sleeper first, second;
  ASSERT_TRUE(turns.TryTake(&cap));
  turns.TakeOrWait(first, Priority::kNormal, &cap);
  turns.TakeOrWait(second, Priority::kNormal, &cap);
  turns.Give(&cap);
  EXPECT_EQ(first.offers, 1);
  EXPECT_TRUE(turns.TryTake(&cap));
  EXPECT_FALSE(turns.Claim(first));
  turns.Give(&cap);
  EXPECT_TRUE(turns.Claim(first));
  EXPECT_EQ(second.offers, 0);
  clock_.Advance(kSliceNs);
  turns.Give(&cap);
  EXPECT_TRUE(second.granted);
}

TEST_F(TurnsTest, WhoForgetsItsOfferLeavesItToTheNext) {
  Turns turns(clock_, 1);
  Sleeper first, second;
  ASSERT_TRUE(turns.TryTake());
  turns.TakeOrWait(first, Priority::kNormal);
  turns.TakeOrWait(second, Priority::kNormal);
  turns.Give();
  EXPECT_EQ(second.offers, 0);
  EXPECT_TRUE(turns.Forget(first));
  EXPECT_EQ(second.offers, 1);
}

TEST_F(TurnsTest, ALargerBudgetIsGrantedAtOnceASmallerOneWaits) {
  Turns turns(clock_, 1);
  ASSERT_TRUE(turns.TryTake());
  turns.TakeOrWait(a_, Priority::kNormal);
  turns.TakeOrWait(b_, Priority::kNormal);
  turns.SetBudget(2);
  EXPECT_EQ(log_, "a");
  turns.SetBudget(1);
  turns.Give();
  EXPECT_EQ(log_, "a") << "two were active, one is allowed";
  turns.Give();
  EXPECT_EQ(log_, "ab");
}

TEST_F(TurnsTest, YieldsToHigherAtOnceToOthersAfterAWhile) {
  Turns turns(clock_, 1);
  ASSERT_TRUE(turns.TryTake());
  const int64_t since = clock_.NowNs();
  EXPECT_FALSE(turns.ShouldYield(Priority::kNormal, since));
  turns.TakeOrWait(a_, Priority::kNormal);
  EXPECT_FALSE(turns.ShouldYield(Priority::kNormal, since));
  EXPECT_TRUE(turns.ShouldYield(Priority::kLow, since));
  clock_.Advance(kLongTurnNs);
  EXPECT_TRUE(turns.ShouldYield(Priority::kNormal, since));

  EXPECT_TRUE(turns.Yield(b_, Priority::kNormal));
  EXPECT_EQ(log_, "a");
  EXPECT_EQ(turns.active(), 1);
  turns.TakeOrWait(c_, Priority::kNormal);
  EXPECT_FALSE(turns.Yield(d_, Priority::kNormal)) << "one is parked already";
  turns.Give();
  turns.Unpark();
  turns.Give();
  EXPECT_EQ(log_, "abc");
}

TEST_F(TurnsTest, ACapHoldsOverAllItsCalls) {
  Turns turns(clock_, 4);
  CoreCap cap(2);
  EXPECT_EQ(cap.spare(), 1);
  EXPECT_TRUE(turns.TryTake(&cap));
  EXPECT_EQ(cap.spare(), 1);
  EXPECT_TRUE(turns.TryTake(&cap));
  EXPECT_EQ(cap.spare(), 0);
  EXPECT_FALSE(turns.TryTake(&cap));
  EXPECT_FALSE(turns.TakeOrWait(a_, Priority::kNormal, &cap));
  EXPECT_EQ(turns.active(), 2);
  turns.Give(&cap);
  EXPECT_EQ(log_, "a");
  EXPECT_EQ(turns.active(), 2);
}

TEST_F(TurnsTest, WhoWaitsForACapStandsInNobodysWay) {
  Turns turns(clock_, 3);
  CoreCap cap(1);
  ASSERT_TRUE(turns.TryTake(&cap));
  turns.TakeOrWait(a_, Priority::kHigh, &cap);
  EXPECT_TRUE(turns.TryTake());
  EXPECT_FALSE(turns.ShouldYield(Priority::kLow, clock_.NowNs())) << "it waits for another's room";
  turns.Give();
  EXPECT_EQ(log_, "") << "that turn is not for the capped";
  turns.Give(&cap);
  EXPECT_EQ(log_, "a");
}

TEST_F(TurnsTest, AWaitForACapKeepsItsPlace) {
  Turns turns(clock_, 2);
  CoreCap cap(1);
  ASSERT_TRUE(turns.TryTake(&cap));
  turns.TakeOrWait(a_, Priority::kNormal, &cap);
  ASSERT_TRUE(turns.TryTake());
  clock_.Advance(1);
  turns.TakeOrWait(b_, Priority::kNormal);
  turns.Give(&cap);
  EXPECT_EQ(log_, "a") << "it came before b";
  turns.Give(&cap);
  EXPECT_EQ(log_, "ab");
}

TEST_F(TurnsTest, YieldsToWhoWaitsForTheSameCap) {
  Turns turns(clock_, 2);
  CoreCap cap(1);
  ASSERT_TRUE(turns.TryTake(&cap));
  const int64_t since = clock_.NowNs();
  turns.TakeOrWait(a_, Priority::kNormal, &cap);
  EXPECT_FALSE(turns.ShouldYield(Priority::kNormal, since, &cap));
  clock_.Advance(kLongTurnNs);
  EXPECT_TRUE(turns.ShouldYield(Priority::kNormal, since, &cap));
  EXPECT_TRUE(turns.Yield(b_, Priority::kNormal, &cap));
  EXPECT_EQ(log_, "a");
  EXPECT_EQ(turns.active(), 1) << "the cap holds though there are cores";
  turns.Give(&cap);
  turns.Unpark();
  EXPECT_EQ(log_, "ab");
  turns.Give(&cap);
  EXPECT_EQ(turns.active(), 0);
}

TEST_F(TurnsTest, WhoGivesUpLeavesTheRoomUnderItsCap) {
  Turns turns(clock_, 1);
  CoreCap cap(1);
  ASSERT_TRUE(turns.TryTake());
  turns.TakeOrWait(a_, Priority::kNormal, &cap);  // holds the room, waits for a turn
  turns.TakeOrWait(b_, Priority::kNormal, &cap);  // waits for the room
  EXPECT_TRUE(turns.Forget(a_));
  turns.TakeOrWait(c_, Priority::kNormal, &cap);
  EXPECT_TRUE(turns.Forget(c_));
  turns.Give();
  EXPECT_EQ(log_, "b");
}

TEST_F(TurnsTest, WhoGivesUpIsForgotten) {
  Turns turns(clock_, 1);
  ASSERT_TRUE(turns.TryTake());
  turns.TakeOrWait(a_, Priority::kNormal);
  turns.TakeOrWait(b_, Priority::kNormal);
  turns.TakeOrWait(c_, Priority::kNormal);
  EXPECT_TRUE(turns.Forget(b_));
  EXPECT_FALSE(turns.Forget(b_));
  EXPECT_TRUE(turns.Forget(c_));
  turns.TakeOrWait(d_, Priority::kNormal);
  turns.Give();
  turns.Give();
  EXPECT_EQ(log_, "ad");
  EXPECT_FALSE(turns.Forget(a_));
}

// Whose wakes ask for the lock that they must not be called under, by whatever woke them.
TEST_F(TurnsTest, NobodyIsWokenUnderTheLock) {
  struct Asker final : TurnWaiter {
    Turns* turns = nullptr;
    bool offered = false;
    int woken = 0;
    TurnWake wake() {
      return {[](void* self) {
                Asker& asker = *static_cast<Asker*>(self);
                ++asker.woken;
                asker.turns->Forget(asker);  // takes the lock
              },
              this};
    }
    TurnWake Granted() override { return wake(); }
    std::optional<TurnWake> Offered() override {
      if (offered) return wake();
      return std::nullopt;
    }
  };
  Turns turns(clock_, 1);
  CoreCap cap(1);
  Asker granted, offered, capped, grown, next;
  for (Asker* asker : {&granted, &offered, &capped, &grown, &next}) asker->turns = &turns;
  offered.offered = capped.offered = true;
  ASSERT_TRUE(turns.TryTake());
  turns.TakeOrWait(granted, Priority::kNormal);
  turns.Give();
  EXPECT_EQ(granted.woken, 1);
  turns.TakeOrWait(grown, Priority::kNormal);
  turns.SetBudget(2);
  EXPECT_EQ(grown.woken, 1);
  turns.TakeOrWait(next, Priority::kNormal);
  EXPECT_TRUE(turns.Yield(a_, Priority::kNormal));
  EXPECT_EQ(next.woken, 1);
  turns.Give();
  turns.Unpark();
  turns.TakeOrWait(offered, Priority::kNormal);
  turns.Give();
  EXPECT_EQ(offered.woken, 1);
  EXPECT_TRUE(turns.TryTake(&cap));
  turns.TakeOrWait(capped, Priority::kNormal, &cap);
  turns.Give(&cap);
  EXPECT_EQ(capped.woken, 1);
}

// One of low priority that starved is not sent away at its first tile by who came after it.
TEST(Turn, WhoStarvedKeepsItForAWhile) {
  FakeClock clock(1'000'000'000);
  Crew::Options options;
  options.read_budget = [] { return CoreBudget(1); };
  options.clock = options.thread_cpu = &clock;
  Crew crew(std::move(options));
  const auto nothing = [](void*, int64_t, int64_t, std::byte*) { return 0u; };
  const Region region{nothing, nullptr, nullptr, 100, 1e5f, 0};
  auto first = std::make_unique<Turn>(crew, Priority::kHigh, nullptr);
  std::thread low([&] {
    Turn turn(crew, Priority::kLow, nullptr);
    EXPECT_EQ(turn.Run(region), 0u);
    EXPECT_EQ(crew.counters().yields, 0u);
    clock.Advance(kLongTurnNs);
    EXPECT_EQ(turn.Run(region), 0u);
    EXPECT_EQ(crew.counters().yields, 1u) << "no longer than others";
  });
  const auto until_waiting = [&](uint64_t calls) {
    while (crew.counters().waits_for_turn < calls) std::this_thread::yield();
  };
  until_waiting(1);
  clock.Advance(kMostStarvedNs);
  std::thread high([&] { const Turn turn(crew, Priority::kHigh, nullptr); });
  until_waiting(2);
  first.reset();
  low.join();
  high.join();
}

TEST(Turn, WhoRunsSmallStepsAloneYieldsWhenTellingOfThem) {
  Crew::Options options;
  options.read_budget = [] { return CoreBudget(1); };
  Crew crew(std::move(options));
  Turn low(crew, Priority::kLow, nullptr);
  EXPECT_TRUE(low.Pass(1));
  std::thread high([&] { const Turn turn(crew, Priority::kHigh, nullptr); });
  while (crew.counters().waits_for_turn < 1) std::this_thread::yield();
  EXPECT_TRUE(low.Pass(1));
  EXPECT_EQ(crew.counters().yields, 1u);
  high.join();
}

// One turn for two cores: the call is helped, and gives its turn up in the middle of the region.
TEST(Turn, WhoIsHelpedYieldsBetweenTiles) {
  Crew::Options options = Budget(2).Options(2);
  options.read_budget = [] {
    CoreBudget budget(2);
    budget.turns = 1;
    return budget;
  };
  struct Tiles {
    Crew crew;
    std::thread high;
    static uint32_t Run(void* arg, int64_t begin, int64_t, std::byte*) {
      auto& [crew, high] = *static_cast<Tiles*>(arg);
      if (begin > 0) return 0;
      high = std::thread([&crew] { const Turn turn(crew, Priority::kHigh, nullptr); });
      while (crew.counters().waits_for_turn < 1) std::this_thread::yield();
      return 0;
    }
  } tiles{Crew(std::move(options)), std::thread()};
  {
    Turn low(tiles.crew, Priority::kLow, nullptr);
    EXPECT_EQ(low.Run({&Tiles::Run, nullptr, &tiles, 8, 1e6f, 0}), 0u);
  }
  tiles.high.join();
  EXPECT_EQ(tiles.crew.counters().shared_regions, 1u);
  EXPECT_EQ(tiles.crew.counters().yields, 1u);
}

// On one core there is one thread for tasks, and it is in the middle of one.
TEST(Turn, WhoYieldsLeavesATaskAThread) {
  const auto nothing = [](void*, int64_t, int64_t, std::byte*) { return 0u; };
  const Region region{nothing, nullptr, nullptr, 100, 1e5f, 0};
  std::atomic<bool> low_runs{false}, high_ran{false}, low_ended{false};
  FunctionTask low([&](Turn& turn) {
    low_runs = true;
    while (!high_ran) EXPECT_EQ(turn.Run(region), 0u);
    low_ended = true;
  });
  FunctionTask high([&](Turn&) { high_ran = true; });
  Crew::Options options;
  options.read_budget = [] { return CoreBudget(1); };
  Crew crew(std::move(options));
  crew.Post(low, Priority::kLow);
  while (!low_runs) std::this_thread::yield();
  crew.Post(high, Priority::kHigh);
  while (!low_ended) std::this_thread::yield();
  EXPECT_EQ(crew.counters().yields, 1u);
}

}  // namespace
}  // namespace heddle::core
