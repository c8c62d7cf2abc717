// SPDX-License-Identifier: Apache-2.0
#include "kernels/math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace heddle::core {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr float kInfF = std::numeric_limits<float>::infinity();

double RelativeError(double got, long double want) {
  if (want == 0) return std::fabs(got);
  return static_cast<double>(std::fabs((got - want) / want));
}

struct Function {
  const char* name;
  double (*ours)(double);
  long double (*exact)(long double);
  double lo, hi;
};

long double ExactLogistic(long double x) { return 1 / (1 + std::exp(-x)); }

const Function kFunctions[] = {
    {"exp", Exp, [](long double x) { return std::exp(x); }, -700, 700},
    {"exp", Exp, [](long double x) { return std::exp(x); }, -1, 1},
    {"expm1", Expm1, [](long double x) { return std::expm1(x); }, -60, 60},
    {"expm1", Expm1, [](long double x) { return std::expm1(x); }, -0.8, 0.8},
    {"log", Log, [](long double x) { return std::log(x); }, 1e-300, 5},
    {"log", Log, [](long double x) { return std::log(x); }, 0.9, 1.1},
    {"tanh", Tanh, [](long double x) { return std::tanh(x); }, -25, 25},
    {"tanh", Tanh, [](long double x) { return std::tanh(x); }, -0.01, 0.01},
    {"logistic", Logistic, ExactLogistic, -100, 100},
};

TEST(Math, WithinTheirErrorOverTheirRange) {
  for (const Function& f : kFunctions) {
    for (int i = 0; i <= 40000; ++i) {
      const double x = f.lo + (f.hi - f.lo) * i / 40000 * 0x1.fffff3p-1;
      if (f.exact(x) == 0) continue;
      ASSERT_LE(RelativeError(f.ours(x), f.exact(x)), 1e-15) << f.name << "(" << x << ")";
    }
  }
}

TEST(Math, TrigonometryAndErfcWithinTheirError) {
  for (int i = -40000; i <= 40000; ++i) {
    const double x = i * 0x1.a3f31p-2, y = i * 0x1.5p-11, slope = i * 0x1p-9 + 0.3;
    ASSERT_NEAR(Sin(x), static_cast<double>(std::sin(static_cast<long double>(x))), 1e-15) << x;
    ASSERT_NEAR(Cos(x), static_cast<double>(std::cos(static_cast<long double>(x))), 1e-15) << x;
    ASSERT_LE(RelativeError(Erfc(y), std::erfc(static_cast<long double>(y))), 2e-13) << y;
    ASSERT_LE(RelativeError(Atan2(slope, y), std::atan2(static_cast<long double>(slope),
                                                        static_cast<long double>(y))),
              1e-15)
        << slope << " " << y;
  }
}

TEST(Math, FloatFunctionsOverTheirWholeRange) {
  for (uint32_t bits = 1; bits < 0x7f800000; bits += 40009) {
    const float x = std::bit_cast<float>(bits);
    ASSERT_FLOAT_EQ(SinF(x), static_cast<float>(std::sin(static_cast<long double>(x)))) << x;
    ASSERT_FLOAT_EQ(CosF(-x), static_cast<float>(std::cos(static_cast<long double>(x)))) << x;
    ASSERT_FLOAT_EQ(PowF(x, -0.75f), static_cast<float>(std::pow(static_cast<long double>(x),
                                                                 static_cast<long double>(-0.75))))
        << x;
    ASSERT_FLOAT_EQ(FastLogF(x), static_cast<float>(std::log(static_cast<long double>(x)))) << x;
  }
}

TEST(Math, FastErfcAndExpm1FollowTheExactOnes) {
  for (int i = -8000; i <= 8000; ++i) {
    const float x = static_cast<float>(i) * 0x1p-10f, below = -std::fabs(x);
    ASSERT_LE(
        RelativeError(static_cast<double>(FastErfcF(x)), std::erfc(static_cast<long double>(x))),
        6e-6)
        << x;
    ASSERT_LE(RelativeError(static_cast<double>(FastExpm1F(below)),
                            std::expm1(static_cast<long double>(below))),
              2e-7)
        << x;
  }
  EXPECT_EQ(FastErfcF(kInfF), 0);
  EXPECT_EQ(FastErfcF(-kInfF), 2);
  EXPECT_EQ(FastExpm1F(-kInfF), -1);
}

TEST(Math, PowersAndAnglesOfSpecialValuesAreThoseOfC) {
  const float values[] = {
      0.0f, -0.0f, 1,     -1,   kInfF, -kInfF, std::numeric_limits<float>::quiet_NaN(),
      2,    -3,    -3.5f, 0.5f, 1e30f, -1e30f};
  const auto same = [](double a, double b) {
    return a != a                               ? b != b
           : std::fabs(a - b) < 1e-15 || a == b ? std::signbit(a) == std::signbit(b)
                                                : false;
  };
  for (const float x : values) {
    for (const float y : values) {
      const double dx = static_cast<double>(x), dy = static_cast<double>(y);
      EXPECT_TRUE(same(static_cast<double>(PowF(x, y)), static_cast<double>(std::pow(x, y))))
          << x << "^" << y;
      EXPECT_TRUE(same(Atan2(dx, dy), std::atan2(dx, dy))) << x << " " << y;
    }
  }
}

TEST(Math, SpecialValues) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(Exp(0), 1);
  EXPECT_EQ(Exp(kInf), kInf);
  EXPECT_EQ(Exp(-kInf), 0);
  EXPECT_EQ(Exp(709.8), kInf);
  EXPECT_LT(Exp(709.78), kInf);
  EXPECT_EQ(Exp(-745.2), 0);
  EXPECT_EQ(Expm1(kInf), kInf);
  EXPECT_EQ(Expm1(-kInf), -1);
  EXPECT_TRUE(std::signbit(Expm1(-0.0)));
  EXPECT_EQ(Log(1), 0);
  EXPECT_EQ(Log(0), -kInf);
  EXPECT_EQ(Log(kInf), kInf);
  EXPECT_TRUE(std::isnan(Log(-1)));
  EXPECT_NEAR(Log(0x1p-1070), -1070 * std::log(2.0), 1e-12);
  EXPECT_EQ(Tanh(kInf), 1);
  EXPECT_EQ(Tanh(-kInf), -1);
  EXPECT_TRUE(std::signbit(Tanh(-0.0)));
  EXPECT_EQ(Logistic(kInf), 1);
  EXPECT_EQ(Logistic(-kInf), 0);
  EXPECT_EQ(Logistic(0), 0.5);
  for (auto f : {Exp, Expm1, Log, Tanh, Logistic}) EXPECT_TRUE(std::isnan(f(nan)));
}

// Every 997th float, denormals and infinities among them.
template <class F>
void ForFloats(F f) {
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 997) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (x == x) f(x);
  }
  for (float x : {0.0f, -0.0f, kInfF, -kInfF, 88.72f, 88.73f, -87.33f, -87.34f, -103.9f, -104.1f})
    f(x);
}

int64_t UnitsApart(float a, float b) {
  const auto ordered = [](float v) {
    const int32_t i = std::bit_cast<int32_t>(v);
    return i < 0 ? int64_t{std::numeric_limits<int32_t>::min()} - i : int64_t{i};
  };
  return std::abs(ordered(a) - ordered(b));
}

TEST(Math, FloatFormsAreTheRoundedDoubles) {
  EXPECT_EQ(ExpF(1), 0x1.5bf0a8p1f);
  EXPECT_EQ(LogF(2), 0x1.62e43p-1f);
  EXPECT_EQ(TanhF(0.5f), 0x1.d9353ep-2f);
  EXPECT_EQ(LogisticF(1), 0.73105857863f);
  EXPECT_EQ(ExpF(89), kInfF);
  EXPECT_EQ(LogF(0x1p-149f), static_cast<float>(-149 * std::log(2.0)));
}

TEST(Math, FastFormsAreWithinTheirUnits) {
  int64_t exp_units = 0, logistic_units = 0, tanh_units = 0;
  ForFloats([&](float x) {
    exp_units = std::max(exp_units, UnitsApart(FastExpF(x), ExpF(x)));
    tanh_units = std::max(tanh_units, UnitsApart(FastTanhF(x), TanhF(x)));
    // Below, exp(-x) overflows while the logistic function is still a denormal number.
    if (x > -87.3f)
      logistic_units = std::max(logistic_units, UnitsApart(FastLogisticF(x), LogisticF(x)));
    if (x <= -87.3f) ASSERT_LE(FastLogisticF(x), 0x1p-125f) << x;
  });
  EXPECT_LE(exp_units, 2);
  EXPECT_LE(logistic_units, 3);
  EXPECT_LE(tanh_units, 3);
}

TEST(Math, FastFormsKeepNaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(FastExpF(nan)));
  EXPECT_TRUE(std::isnan(FastLogisticF(nan)));
  EXPECT_TRUE(std::isnan(FastTanhF(nan)));
}

// The bits are a promise: a change of any of them changes results between releases.
TEST(Math, BitsAreFixed) {
  EXPECT_EQ(std::bit_cast<uint64_t>(Exp(1.5)), std::bit_cast<uint64_t>(0x1.1ed3fe64fc541p2));
  uint64_t hash = 0;
  for (int i = -3000; i < 3000; ++i) {
    const float x = static_cast<float>(i) * 0.0137f;
    for (float y : {FastExpF(x), FastLogisticF(x), FastTanhF(x)})
      hash = (hash ^ std::bit_cast<uint32_t>(y)) * 0x100000001b3u;
    for (double y : {Exp(x), Expm1(x), Log(x + 50), Tanh(x), Logistic(x)})
      hash = (hash ^ std::bit_cast<uint64_t>(y)) * 0x100000001b3u;
  }
  EXPECT_EQ(hash, 0x6446dea995ae39d6u) << std::hex << hash;
}

}  // namespace
}  // namespace heddle::core
