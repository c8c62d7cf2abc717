// SPDX-License-Identifier: Apache-2.0
#include "serve/batch_curve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <random>

namespace heddle::core {
namespace {

using CostOf = std::function<double(int size)>;  // of a run, in nanoseconds

// Serves for a while where always so many are ready; returns the size of most of the last runs.
int Serve(BatchCurve& curve, int ready, int runs, const CostOf& cost) {
  std::map<int, int> last;
  for (int i = 0; i < runs; ++i) {
    const int size = curve.Choose(ready);
    if (i >= runs - 50) ++last[size];
    curve.Add(size, static_cast<int64_t>(cost(size)));
  }
  for (const auto& [size, times] : last)
    if (times > 25) return size;
  return 0;
}

TEST(BatchCurve, ClimbsAsFarAsItPays) {
  BatchCurve overhead, none, worse, wide;
  EXPECT_EQ(Serve(overhead, 32, 300, [](int n) { return 1e5 + 1e4 * n; }), 32);
  EXPECT_EQ(Serve(none, 32, 300, [](int n) { return 1e5 * n; }), 1);
  EXPECT_EQ(Serve(worse, 32, 300, [](int n) { return 1e5 * n * (n > 1 ? 1.2 : 1); }), 1);
  // Pays from four on: a kernel that computes four rows at a time.
  EXPECT_EQ(Serve(wide, 32, 300, [](int n) { return 1e5 * ((n + 3) / 4); }), 4);
}

// A row that gains nothing from the others: a batch saves what the queue does for each run.
TEST(BatchCurve, ShortRunsAreWorthTakingTogether) {
  BatchCurve tiny, small;
  EXPECT_EQ(Serve(tiny, 8, 300, [](int n) { return 2e3 * n; }), 8);
  EXPECT_EQ(Serve(small, 8, 300, [](int n) { return 2e5 * n; }), 1);
}

TEST(BatchCurve, TakesNoMoreThanAreReady) {
  BatchCurve curve;
  Serve(curve, 32, 300, [](int n) { return 1e5 + 1e4 * n; });
  EXPECT_EQ(curve.Choose(1), 1);
  EXPECT_EQ(curve.Choose(7), 4);
  EXPECT_EQ(curve.Choose(8), 8);
  EXPECT_EQ(curve.Choose(1000), BatchCurve::kMost);
}

TEST(BatchCurve, WhatIsForbiddenIsNotTried) {
  BatchCurve curve;
  curve.Forbid(8);
  curve.Forbid(16);
  EXPECT_EQ(Serve(curve, 32, 300, [](int n) { return 1e5 + 1e4 * n; }), 4);
  EXPECT_EQ(curve.Largest(32), 4);
  curve.Forbid(2);
  EXPECT_EQ(curve.Choose(32), 1);
}

TEST(BatchCurve, TheFirstRunOfASizeIsCold) {
  BatchCurve curve;
  const auto one = [](int) { return 1e5; };
  Serve(curve, 1, 10, one);
  curve.Add(2, 100'000'000);  // its Plan was made
  EXPECT_EQ(curve.RunNs(2, 100), 200) << "not known yet";
  for (int i = 0; i < 5; ++i) curve.Add(2, 120'000);
  EXPECT_EQ(curve.RunNs(2, 100), 120'000);
}

TEST(BatchCurve, FollowsACostThatChanges) {
  BatchCurve curve;
  EXPECT_EQ(Serve(curve, 8, 300, [](int n) { return 1e5 + 1e4 * n; }), 8);
  EXPECT_EQ(Serve(curve, 8, 20'000, [](int n) { return 1e5 * n; }), 1);
  EXPECT_EQ(Serve(curve, 8, 20'000, [](int n) { return 1e5 + 1e4 * n; }), 8);
}

TEST(BatchCurve, TryingTakesFewRuns) {
  BatchCurve curve;
  Serve(curve, 32, 100, [](int n) { return 1e5 * n; });
  int in_vain = 0;
  for (int i = 0; i < 10'000; ++i) {
    const int size = curve.Choose(32);
    in_vain += size > 1;
    curve.Add(size, 100'000 * size);
  }
  EXPECT_GT(in_vain, 0) << "what it costs may change";
  EXPECT_LE(in_vain, 100);
}

// One run in five is held up by others.
TEST(BatchCurve, ChoosesWellInNoise) {
  std::mt19937 rng(1);
  BatchCurve curve;
  const auto cost = [&](int n) { return (1e5 + 1e5 * n) * (rng() % 5 == 0 ? 4 : 1); };
  int well = 0;
  for (int i = 0; i < 20; ++i) well += Serve(curve, 16, 1000, cost) == 16;
  EXPECT_GE(well, 18);
}

// Half of what a run takes is noise, so that some look like a gain, or hide one, for long.
TEST(BatchCurve, NoiseIsNoGain) {
  for (uint32_t seed = 1; seed <= 100; ++seed) {
    for (const double row : {0.25, 1.5}) {
      std::mt19937 rng(seed);
      BatchCurve curve;
      int batches = 0;
      constexpr int kRuns = 10'000;
      for (int i = 0; i < kRuns; ++i) {
        const int size = curve.Choose(32);
        const double noise = 0.5 - 0.5 * std::log((static_cast<double>(rng()) + 0.5) * 0x1p-32);
        curve.Add(size, static_cast<int64_t>(1e7 * noise * (1 + (size - 1) * row)));
        batches += size > 1;
      }
      if (row > 1)
        EXPECT_LE(batches, kRuns / 25) << "seed " << seed;
      else
        EXPECT_GE(batches, kRuns * 98 / 100) << "seed " << seed;
    }
  }
}

TEST(BatchCurve, OthersNeedNotWaitForLong) {
  BatchCurve curve;
  // 20 ms each, and a little less in a batch: beyond 80 ms that is not worth it.
  EXPECT_LE(Serve(curve, 32, 300, [](int n) { return 2e7 * n * (1 - 0.02 * n); }), 4);
  // What reads its weights once for all rows takes hardly longer.
  BatchCurve weights;
  EXPECT_GE(Serve(weights, 32, 300, [](int n) { return 2e7 + 1e5 * n; }), 4);
}

}  // namespace
}  // namespace heddle::core
