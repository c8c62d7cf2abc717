// SPDX-License-Identifier: Apache-2.0
#include "base/float_env.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <cfloat>
#include <limits>

namespace heddle::core {
namespace {

// Volatile operands, functions of their own: computed when and where the text says.
[[gnu::noinline]] float Multiply(float a, float b) {
  volatile float x = a, y = b;
  volatile float product = x * y;
  return product;
}
[[gnu::noinline]] float Add(float a, float b) {
  volatile float x = a, y = b;
  volatile float sum = x + y;
  return sum;
}

constexpr float kDenormal = std::numeric_limits<float>::denorm_min() * 4;
float DenormalResult() { return Multiply(FLT_MIN, 0.5f); }
float DenormalOperand() { return Multiply(kDenormal, 0x1p100f); }

TEST(ScopedFloatEnv, FlushesInsideOnly) {
  ASSERT_NE(DenormalResult(), 0.0f);
  {
    ScopedFloatEnv env(Denormals::kFlush);
    EXPECT_EQ(DenormalResult(), 0.0f);
    EXPECT_EQ(DenormalOperand(), 0.0f);
  }
  EXPECT_EQ(DenormalResult(), FLT_MIN / 2);
  EXPECT_EQ(DenormalOperand(), kDenormal * 0x1p100f);
}

TEST(ScopedFloatEnv, KeepsInsideACallerWhoFlushes) {
  ScopedFloatEnv caller(Denormals::kFlush);
  {
    ScopedFloatEnv env(Denormals::kKeep);
    EXPECT_NE(DenormalResult(), 0.0f);
    EXPECT_NE(DenormalOperand(), 0.0f);
  }
  EXPECT_EQ(DenormalResult(), 0.0f);
  EXPECT_EQ(DenormalOperand(), 0.0f);
}

TEST(ScopedFloatEnv, RoundsToNearestInsideAndAsTheCallerOutside) {
  const float half_step = FLT_EPSILON / 2;
  for (int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    ASSERT_EQ(std::fesetround(mode), 0);
    float inside_tie, inside_below, outside;
    {
      ScopedFloatEnv env(Denormals::kKeep);
      inside_tie = Add(1.0f, half_step);
      inside_below = Add(1.0f, -half_step * 0.75f);
    }
    outside = mode == FE_UPWARD ? Add(1.0f, half_step) : Add(1.0f, -half_step * 0.25f);
    const int mode_after = std::fegetround();
    std::fesetround(FE_TONEAREST);
    EXPECT_EQ(inside_tie, 1.0f) << mode;
    EXPECT_EQ(inside_below, 1.0f - half_step) << mode;
    EXPECT_EQ(outside, mode == FE_UPWARD ? 1.0f + FLT_EPSILON : 1.0f - half_step) << mode;
    EXPECT_EQ(mode_after, mode);
  }
}

TEST(ScopedFloatEnv, LeavesTheCallersExceptionFlags) {
  std::feclearexcept(FE_ALL_EXCEPT);
  std::feraiseexcept(FE_DIVBYZERO);
  {
    ScopedFloatEnv env(Denormals::kFlush);
    Add(1.0f, FLT_EPSILON / 4);
    Multiply(FLT_MAX, 2.0f);
  }
  EXPECT_EQ(std::fetestexcept(FE_ALL_EXCEPT), FE_DIVBYZERO);
  std::feclearexcept(FE_ALL_EXCEPT);
}

#if defined(__GLIBC__) && defined(__x86_64__)
// A caller with unmasked exceptions is not killed by ours, and has them unmasked afterwards.
TEST(ScopedFloatEnv, TrapsNothingInside) {
  std::feclearexcept(FE_ALL_EXCEPT);
  ASSERT_NE(feenableexcept(FE_OVERFLOW | FE_INVALID), -1);
  float product;
  {
    ScopedFloatEnv env(Denormals::kFlush);
    product = Multiply(FLT_MAX, FLT_MAX);
  }
  const int enabled = fegetexcept();
  fedisableexcept(FE_ALL_EXCEPT);
  EXPECT_EQ(product, std::numeric_limits<float>::infinity());
  EXPECT_EQ(enabled, FE_OVERFLOW | FE_INVALID);
}
#endif

}  // namespace
}  // namespace heddle::core
