// SPDX-License-Identifier: Apache-2.0
#include "cli/arrivals.h"

#include <gtest/gtest.h>

#include <cmath>

namespace heddle::cli {
namespace {

TEST(Arrivals, ConstantOnesDoNotDrift) {
  Arrivals arrivals(Spacing::kConstant, 3);
  for (int64_t i = 0; i < 3000; ++i)
    EXPECT_NEAR(static_cast<double>(arrivals.Next()), static_cast<double>(i) * 1e9 / 3, 1);
}

// The gaps of a Poisson process have a standard deviation as large as their mean, and a share of
// exp(-1) is longer than it.
TEST(Arrivals, PoissonOnesHaveTheRateAndTheSpread) {
  constexpr int kCount = 20000;
  Arrivals arrivals(Spacing::kPoisson, 1000), again(Spacing::kPoisson, 1000);
  int64_t last = arrivals.Next();
  EXPECT_EQ(last, 0);
  EXPECT_EQ(again.Next(), 0);
  double sum = 0, squares = 0;
  int longer = 0;
  for (int i = 0; i < kCount; ++i) {
    const int64_t next = arrivals.Next();
    EXPECT_EQ(next, again.Next());
    EXPECT_GE(next, last);
    const double ms = static_cast<double>(next - last) * 1e-6;
    last = next;
    sum += ms;
    squares += ms * ms;
    longer += ms > 1;
  }
  const double mean = sum / kCount;
  EXPECT_NEAR(mean, 1, 0.03);
  EXPECT_NEAR(std::sqrt(squares / kCount - mean * mean), 1, 0.05);
  EXPECT_NEAR(static_cast<double>(longer) / kCount, std::exp(-1), 0.015);
}

}  // namespace
}  // namespace heddle::cli
