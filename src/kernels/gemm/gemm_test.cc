// SPDX-License-Identifier: Apache-2.0
// The float product kernels of every ISA of this machine against sums written out.
#include "kernels/gemm/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/gemm/product_for_test.h"

namespace heddle::core {
namespace {

constexpr int64_t kPast = 16;  // poisoned bytes after each output row

Product<float, float> MakeProduct(const GemmKernels& kernels, std::mt19937& random) {
  const auto pick = [&](int32_t lo, int32_t hi) {
    return std::uniform_int_distribution<int32_t>(lo, hi)(random);
  };
  Product<float, float> p;
  p.rows = pick(1, kernels.max_rows), p.taps = pick(1, 3);
  p.group_k = kernels.group_k, p.lanes = kernels.lanes;
  p.k = pick(1, 9) * p.group_k;
  p.columns = pick(1, 5 * kernels.lanes + 1);
  return p;
}

std::vector<Isa> Vectors() {
  std::vector<Isa> isas;
  for (const Isa isa : SupportedIsas())
    if (FloatGemm(isa) != nullptr) isas.push_back(isa);
  return isas;
}

class GemmTest : public testing::TestWithParam<Isa> {};

float SumOf(const Product<float, float>& p, const std::vector<float>& init, int32_t row,
            int64_t column, bool fused) {
  float sum = fused ? init[column] : 0.0f;
  const int64_t depth = p.taps * p.k;
  for (int64_t i = 0; i < depth; ++i) {
    const float x = p.At(row, i), w = p.weights[column * depth + i];
    sum = fused ? std::fma(x, w, sum) : sum + x * w;
  }
  return fused ? sum : sum + init[column];
}

void ExpectOneChainInOrder(const GemmKernels& kernels) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> real(-1, 1);
    Product<float, float> p = MakeProduct(kernels, random);
    p.a.resize(p.taps * p.rows * p.k);
    p.weights.resize(p.columns * p.taps * p.k);
    for (float& x : p.a) x = real(random);
    for (float& x : p.weights) x = real(random);
    if (seed % 10 == 0) p.a[0] = std::numeric_limits<float>::quiet_NaN();
    p.Pack();
    std::vector<float> init(p.columns + p.lanes);
    for (float& x : init) x = real(random);
    const bool fused = seed % 2 == 0;
    GemmCall call = p.Call();
    call.init = init.data();
    call.lo = -0.5f, call.hi = 0.75f;
    call.out_stride = p.columns * 4 + kPast;
    std::vector<std::byte> out(call.out_stride * p.rows, std::byte{0xA5});
    call.out = out.data();
    kernels.Form(fused ? GemmForm::kFloatFused : GemmForm::kFloatUnfused)(call);
    for (int32_t r = 0; r < p.rows; ++r) {
      const std::byte* row = out.data() + r * call.out_stride;
      for (int64_t c = 0; c < p.columns; ++c) {
        float got;
        std::memcpy(&got, row + c * 4, 4);
        const float sum = SumOf(p, init, r, c, fused);
        const float expected = std::min(std::max(sum, call.lo), call.hi);
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(got));
        } else {
          ASSERT_EQ(got, expected) << "row " << r << " column " << c << " of " << p.columns;
        }
      }
      for (int64_t i = 0; i < kPast; ++i) ASSERT_EQ(row[p.columns * 4 + i], std::byte{0xA5});
    }
  }
}

TEST_P(GemmTest, FloatSumsAreOneChainInOrder) { ExpectOneChainInOrder(*FloatGemm(GetParam())); }

TEST_P(GemmTest, AlsoWhereOutputsAreFew) {
  for (const int64_t outputs : {1, 8, 9}) ExpectOneChainInOrder(*FloatGemmOf(GetParam(), outputs));
  EXPECT_EQ(FloatGemmOf(GetParam(), 9), FloatGemm(GetParam()));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GemmTest);  // on machines without kernels
INSTANTIATE_TEST_SUITE_P(Isas, GemmTest, testing::ValuesIn(Vectors()),
                         [](const auto& instance) { return IsaName(instance.param); });

}  // namespace
}  // namespace heddle::core
