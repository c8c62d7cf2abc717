// SPDX-License-Identifier: Apache-2.0
#include "kernels/signal/fft.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace heddle::core {
namespace {

TEST(FftTest, UnitRootsOfEveryEighth) {
  for (const int64_t n : {1, 2, 3, 7, 8, 12, 16, 100, 1 << 20}) {
    for (int64_t k = -20; k <= 20; ++k) {
      const double angle = 2 * M_PI * static_cast<double>(k) / static_cast<double>(n);
      EXPECT_NEAR(UnitRoot(k, n).re, std::cos(angle), 4e-14) << k << '/' << n;
      EXPECT_NEAR(UnitRoot(k, n).im, std::sin(angle), 4e-14) << k << '/' << n;
    }
  }
  EXPECT_EQ(UnitRoot(1, 4).im, 1);
  EXPECT_EQ(UnitRoot(1, 2).re, -1);
}

TEST(FftTest, EqualsTheDefiningSum) {
  constexpr unsigned kSeed = 20;
  std::mt19937 random(kSeed);
  for (int64_t n = 1; n <= 64; n *= 2) {
    SCOPED_TRACE(testing::Message() << "length " << n << ", seed " << kSeed);
    std::vector<Complex> x(static_cast<size_t>(n)), real(static_cast<size_t>(n / 2 + 1));
    auto* samples = reinterpret_cast<double*>(real.data());
    for (int64_t i = 0; i < n; ++i) {
      samples[i] = std::uniform_real_distribution<double>(-1, 1)(random);
      x[static_cast<size_t>(i)] = {samples[i], 0};
    }
    std::vector<Complex> expected;
    for (int64_t k = 0; k < n; ++k) {
      Complex sum;
      for (int64_t j = 0; j < n; ++j) sum = sum + x[static_cast<size_t>(j)] * UnitRoot(-j * k, n);
      expected.push_back(sum);
    }
    Fft(n).Transform(x.data());
    RealFft(n).Transform(real.data());
    for (size_t k = 0; k < x.size(); ++k) {
      EXPECT_NEAR(x[k].re, expected[k].re, 1e-12);
      EXPECT_NEAR(x[k].im, expected[k].im, 1e-12);
    }
    for (size_t k = 0; k < real.size(); ++k) {
      EXPECT_NEAR(real[k].re, expected[k].re, 1e-12);
      EXPECT_NEAR(real[k].im, expected[k].im, 1e-12);
    }
  }
}

}  // namespace
}  // namespace heddle::core
