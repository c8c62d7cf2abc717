// SPDX-License-Identifier: Apache-2.0
#include "crew/pace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace heddle::core {
namespace {

constexpr int64_t kPeriodNs = 100'000'000, kStepNs = 100'000;

// Threads that compute whenever they may, and one that uses a little beside them, in steps; the
// most CPU time that any period saw, wherever it began, and all of it, in cores.
struct Used {
  double most_in_a_period = 0, cores = 0;
};

Used UseAll(int threads, double quota, double beside, int64_t until_ns) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> part(0, 2 * beside);
  Pace pace;
  int64_t now = 1'000'000'000'000'000, cpu = 5'000'000'000;
  const int64_t begin = now, cpu_begin = cpu;
  pace.Set(quota, kPeriodNs, now, cpu);
  std::deque<int64_t> before;  // CPU time at each step of a period
  std::vector<int64_t> paused_until(static_cast<size_t>(threads), now);
  Used used;
  for (; now < begin + until_ns; now += kStepNs) {
    for (int64_t& until : paused_until) {
      if (until > now) continue;
      const int64_t pause = pace.PauseNs(now, cpu);
      until = now + pause;
      if (pause == 0) cpu += kStepNs;
    }
    cpu += static_cast<int64_t>(part(random) * kStepNs);
    before.push_back(cpu);
    if (before.size() <= kPeriodNs / kStepNs) continue;
    used.most_in_a_period =
        std::max(used.most_in_a_period, static_cast<double>(cpu - before.front()) / kPeriodNs);
    before.pop_front();
  }
  used.cores = static_cast<double>(cpu - cpu_begin) / static_cast<double>(until_ns);
  return used;
}

TEST(Pace, NoPeriodSeesMoreThanTheQuota) {
  for (const int cores : {1, 2, 16}) {
    for (const double beside : {0.0, 0.02, 0.5}) {
      const Used used = UseAll(cores, cores, beside, 20 * kPeriodNs);
      EXPECT_LE(used.most_in_a_period, 0.99 * cores) << cores << " " << beside;
      EXPECT_GE(used.cores, 0.94 * cores) << "and little of it is lost";
    }
  }
}

// A call after a while without: what is held, and no more than a pause in fifty.
TEST(Pace, WhoDoesNotUseAllOfItIsNotPaused) {
  EXPECT_NEAR(UseAll(1, 2, 0.5, 10 * kPeriodNs).cores, 1.5, 0.01);
  Pace pace;
  pace.Set(1, kPeriodNs, 0, 0);
  EXPECT_EQ(pace.PauseNs(kPeriodNs, 0), 0);
  EXPECT_EQ(pace.PauseNs(kPeriodNs + 40'000'000, 40'000'000), 0) << "40 ms without a pause";
  EXPECT_GT(pace.PauseNs(kPeriodNs + 60'000'000, 60'000'000), 0);
}

TEST(Pace, APauseIsBoundedAndPaysForWhatWasUsed) {
  Pace pace;
  pace.Set(1, kPeriodNs, 0, 0);
  EXPECT_EQ(pace.PauseNs(0, 1'000'000'000), Pace::kMostPauseNs);
  pace.Set(2, kPeriodNs, 0, 0);  // begins anew
  int64_t now = 0;
  const int64_t pause = pace.PauseNs(now, 5'000'000);
  EXPECT_GT(pause, 0);
  now += pause;
  EXPECT_EQ(pace.PauseNs(now, 5'000'000), 0);
}

TEST(Pace, BelowOneCoreThereIsNone) {
  Pace pace;
  pace.Set(0.5, kPeriodNs, 0, 0);
  EXPECT_FALSE(pace.any());
  EXPECT_EQ(pace.PauseNs(0, 1'000'000'000), 0);
  pace.Set(1, kPeriodNs, 0, 0);
  EXPECT_TRUE(pace.any());
  pace.Set(0, 0, 0, 0);
  EXPECT_FALSE(pace.any()) << "the limit is gone";
}

}  // namespace
}  // namespace heddle::core
