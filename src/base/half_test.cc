// SPDX-License-Identifier: Apache-2.0
#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/float_env.h"

namespace heddle::core {
namespace {

// The value that the fields of a half float spell.
double ValueOfHalf(int h) {
  const int exponent = h >> 10 & 31, fraction = h & 1023;
  const double sign = h & 0x8000 ? -1 : 1;
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

TEST(Half, EveryValueWidensExactlyAndComesBack) {
  for (int h = 0; h < 65536; ++h) {
    const float f = HalfToFloat(static_cast<uint16_t>(h));
    if ((h & 0x7fff) > 0x7c00) {
      ASSERT_TRUE(std::isnan(f)) << h;
      ASSERT_TRUE(std::isnan(HalfToFloat(FloatToHalf(f)))) << h;
      continue;
    }
    if ((h & 0x7fff) == 0x7c00) {
      ASSERT_TRUE(std::isinf(f)) << h;
    } else {
      ASSERT_EQ(f, ValueOfHalf(h)) << h;
    }
    ASSERT_EQ(std::signbit(f), h >= 0x8000) << h;
    ASSERT_EQ(FloatToHalf(f), h);
  }
}

// Half way between neighbours, and a little to either side.
TEST(Half, RoundsToNearestTiesToEven) {
  for (int h = 0; h < 0x7bff; ++h) {
    const double lo = ValueOfHalf(h), hi = ValueOfHalf(h + 1);
    const float middle = static_cast<float>((lo + hi) / 2);  // exact
    ASSERT_EQ(FloatToHalf(middle), h % 2 == 0 ? h : h + 1) << h;
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, 0.0f)), h) << h;
    ASSERT_EQ(FloatToHalf(std::nextafter(middle, 1e9f)), h + 1) << h;
    ASSERT_EQ(FloatToHalf(-middle), (h % 2 == 0 ? h : h + 1) | 0x8000) << h;
  }
  EXPECT_EQ(FloatToHalf(65519.0f), 0x7bff);
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(FloatToHalf(1e30f), 0x7c00);
  EXPECT_EQ(FloatToHalf(-1e-30f), 0x8000);
}

TEST(Bfloat, RoundsToNearestTiesToEven) {
  EXPECT_EQ(BfloatToFloat(0x3fc0), 1.5f);
  EXPECT_EQ(FloatToBfloat(1.5f), 0x3fc0);
  EXPECT_EQ(FloatToBfloat(0x1.01p0f), 0x3f80);  // a tie: down to even
  EXPECT_EQ(FloatToBfloat(0x1.03p0f), 0x3f82);  // a tie: up to even
  EXPECT_EQ(FloatToBfloat(0x1.010002p0f), 0x3f81);
  EXPECT_EQ(FloatToBfloat(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(FloatToBfloat(-std::numeric_limits<float>::infinity()), 0xff80);
  EXPECT_TRUE(std::isnan(BfloatToFloat(FloatToBfloat(std::bit_cast<float>(0x7f800001u)))));
}

TEST(Half, FlushingOfDenormalsDoesNotReachIt) {
  const ScopedFloatEnv flushed(Denormals::kFlush);
  for (int h = 1; h < 1024; ++h) {
    EXPECT_EQ(FloatToHalf(HalfToFloat(static_cast<uint16_t>(h))), h);
    EXPECT_EQ(std::bit_cast<uint32_t>(HalfToFloat(static_cast<uint16_t>(h))) & 0x7f800000,
              static_cast<uint32_t>(std::bit_width(static_cast<unsigned>(h)) + 102) << 23);
  }
}

}  // namespace
}  // namespace heddle::core
