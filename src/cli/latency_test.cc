// SPDX-License-Identifier: Apache-2.0
#include "cli/latency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace heddle::cli {
namespace {

TEST(Latencies, QuantilesAreWithinOnePercent) {
  constexpr uint32_t kSeed = 7;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937 random(kSeed);
  std::lognormal_distribution<double> distribution(12, 2);
  Latencies all, odd;
  std::vector<double> ms;
  for (int i = 0; i < 10001; ++i) {
    const auto ns = static_cast<int64_t>(distribution(random));
    (i % 2 ? odd : all).Record(ns);
    ms.push_back(static_cast<double>(ns) * 1e-6);
  }
  all.Merge(odd);
  std::sort(ms.begin(), ms.end());
  EXPECT_EQ(all.count(), 10001u);
  EXPECT_NEAR(all.QuantileMs(0.5) / ms[5000], 1, 0.01);
  EXPECT_NEAR(all.QuantileMs(0.99) / ms[9900], 1, 0.01);
  EXPECT_EQ(all.max_ms(), ms.back());
  EXPECT_LE(all.QuantileMs(1), all.max_ms());
}

TEST(Latencies, ExtremesHaveAPlace) {
  Latencies l;
  EXPECT_EQ(l.QuantileMs(0.5), 0);
  EXPECT_EQ(l.Picture(), "");
  l.Record(-5);
  l.Record(0);
  l.Record(INT64_MAX);
  EXPECT_EQ(l.count(), 3u);
  EXPECT_LT(l.QuantileMs(0.5), 1e-5);
  EXPECT_NE(l.Picture(), "");
}

TEST(Latencies, PictureHasTheTailInOneRow) {
  Latencies l;
  for (int i = 0; i < 1000; ++i) l.Record(1000000 + i * 100);
  l.Record(50000000);
  l.Record(900000000);
  const std::string picture = l.Picture();
  EXPECT_LE(std::count(picture.begin(), picture.end(), '\n'), 12);
  EXPECT_GE(std::count(picture.begin(), picture.end(), '\n'), 5);
}

}  // namespace
}  // namespace heddle::cli
