// SPDX-License-Identifier: Apache-2.0
#include "judge.h"

#include <gtest/gtest.h>

namespace heddle::bench {
namespace {

// alone, crew, a pool, control: each the same in every round.
Row Steady(Layout layout, std::vector<double> per_second, std::vector<double> p99_ms,
           size_t rounds = kRoundsToJudge) {
  Row row{layout, {}};
  for (size_t c = 0; c < per_second.size(); ++c)
    row.rounds.emplace_back(rounds, Measured{per_second[c], 1, p99_ms[c], 1});
  return row;
}

TEST(JudgeTest, PairsRoundsAndTakesTheMedian) {
  Row row = Steady({}, {100, 100, 100, 100}, {1, 1, 1, 1});
  // The machine's speed differs from round to round by more than the contestants do.
  for (size_t r = 0; r < kRoundsToJudge; ++r) {
    const double speed = static_cast<double>(1 + r % 5);
    row.rounds[kAlone][r].per_second = 100 * speed;
    row.rounds[kCrew][r].per_second = 98 * speed;
  }
  row.rounds[kCrew][3].per_second = 1;  // one disturbed round
  EXPECT_NEAR(Ratio(row, kCrew, kAlone, &Measured::per_second), 0.98, 1e-12);
}

TEST(JudgeTest, HoldsAndMissesEachBound) {
  const std::vector<Row> rows = {
      Steady({1, 1, 20, 4}, {100, 180, 200, 100}, {1, 1, 1, 1}),     // 0.9 of the fastest
      Steady({1, 2, 20, 4}, {100, 94, 90, 101}, {1, 1.31, 1, 1}),    // both too little
      Steady({1, 16, 20, 4}, {100, 95, 90, 101}, {10, 13, 20, 10}),  // both just enough
  };
  const std::vector<Finding> f = Judge(RulesOfCallers(), rows, 2);
  ASSERT_EQ(f.size(), 5u);
  EXPECT_EQ(f[0].missed, 1);  // one caller against the fastest
  EXPECT_DOUBLE_EQ(f[0].worst, 0.9);
  EXPECT_EQ(f[0].where, &rows[0]);
  EXPECT_EQ(f[1].held, 1);
  EXPECT_EQ(f[1].missed, 1);
  EXPECT_EQ(f[1].where, &rows[1]);
  EXPECT_EQ(f[2].held, 1);
  EXPECT_EQ(f[2].missed, 1);
  EXPECT_DOUBLE_EQ(f[2].worst, 1.31);
  EXPECT_EQ(f[3].held, 3);
  EXPECT_EQ(f[4].held, 1);
}

TEST(JudgeTest, RefusesWhereTheControlDiffers) {
  const std::vector<Row> rows = {Steady({1, 2, 20, 4}, {100, 50, 90, 106}, {1, 9, 1, 1.1})};
  const std::vector<Finding> f = Judge(RulesOfCallers(), rows, 2);
  EXPECT_EQ(f[1].not_judged, 1);  // throughput: the control is 6 % off
  EXPECT_EQ(f[1].missed, 0);
  EXPECT_EQ(f[1].where, nullptr);
  EXPECT_EQ(f[2].missed, 1);  // p99: 10 % off is near enough
  EXPECT_FALSE(Judgeable(Steady({}, {100, 100, 100, 100}, {1, 1, 1, 1.21}), &Measured::p99_ms));
}

TEST(JudgeTest, RefusesFewRounds) {
  const auto rounds = [](size_t count) { return Steady({}, {1, 1, 1, 1}, {1, 1, 1, 1}, count); };
  EXPECT_TRUE(Judgeable(rounds(kRoundsToJudge), &Measured::per_second));
  EXPECT_FALSE(Judgeable(rounds(kRoundsToJudge - 1), &Measured::per_second));
}

TEST(JudgeTest, ProcessesAreHeldAgainstThePoolOfEach) {
  const std::vector<Row> rows = {Steady({2, 2, 20, 4}, {100, 96, 90, 100}, {10, 11, 30, 10}),
                                 Steady({4, 2, 20, 4}, {100, 96, 90, 100}, {10, 11, 20, 10})};
  const std::vector<Finding> f = Judge(RulesOfProcesses(), rows, 2);
  ASSERT_EQ(f.size(), 3u);
  EXPECT_EQ(f[1].held, 2);
  EXPECT_EQ(f[2].held, 1);
  EXPECT_EQ(f[2].missed, 1);
  EXPECT_DOUBLE_EQ(f[2].worst, 0.55);
}

}  // namespace
}  // namespace heddle::bench
