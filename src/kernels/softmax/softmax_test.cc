// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "kernels/math_fused.h"
#include "kernels/softmax/fixed.h"
#include "support/run_operation.h"

namespace heddle::core {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr Numerics kModes[] = {Numerics::kFast, Numerics::kReference};

Operator Softmax(float beta) {
  Operator op;
  op.code = OpCode::kSOFTMAX;
  op.options = SoftmaxOptions{beta};
  return op;
}

std::vector<TestTensor> Computed(float beta, const TestTensor& in, const TestTensor& out,
                                 const RunConfig& config = {}) {
  std::vector<TestTensor> outputs{out};
  const Status status = RunOperation(Softmax(beta), {in}, outputs, config);
  EXPECT_TRUE(status.ok()) << status.c_str();
  EXPECT_EQ(outputs[0].shape, in.shape);
  return outputs;
}

// Row by row in double; x are real values.
std::vector<double> Exact(const std::vector<double>& x, size_t depth, double beta) {
  std::vector<double> y(x.size());
  for (size_t row = 0; row < x.size(); row += depth) {
    double max = -1e300, sum = 0;
    for (size_t i = row; i < row + depth; ++i) max = std::max(max, x[i]);
    for (size_t i = row; i < row + depth; ++i) sum += y[i] = std::exp((x[i] - max) * beta);
    for (size_t i = row; i < row + depth; ++i) y[i] /= sum;
  }
  return y;
}

// Some 300 rows of numbers without a pattern.
template <class T>
std::vector<T> Scattered(size_t count) {
  std::vector<T> v;
  for (uint32_t i = 0; i < count; ++i) v.push_back(static_cast<T>((i * 2654435761u) >> 20));
  return v;
}

TEST(Softmax, Floats) {
  for (Numerics mode : kModes)
    for (float beta : {1.0f, 0.5f})
      for (int32_t depth : {1, 2, 15, 16, 17, 100}) {
        std::vector<float> x;
        for (uint16_t v : Scattered<uint16_t>(static_cast<size_t>(depth) * 7))
          x.push_back(static_cast<float>(v) * 0.005f - 10);
        const auto got = Computed(beta, TestTensor::Of<float>(Type::kFloat32, {7, depth}, x),
                                  TestTensor::Output(Type::kFloat32), {mode})[0]
                             .As<float>();
        const auto want = Exact({x.begin(), x.end()}, depth, static_cast<double>(beta));
        for (size_t i = 0; i < x.size(); ++i)
          ASSERT_NEAR(got[i], want[i], want[i] * 3e-6) << "depth " << depth << " element " << i;
      }
}

// The bits of y, all NaNs alike.
std::vector<uint32_t> Bits(const std::vector<float>& y) {
  std::vector<uint32_t> bits;
  for (float v : y) bits.push_back(std::isnan(v) ? 0x7fc00000u : std::bit_cast<uint32_t>(v));
  return bits;
}

TEST(Softmax, TheSameBitsOnEveryInstructionSet) {
  std::vector<int32_t> depths;
  for (int32_t d = 1; d <= 70; ++d) depths.push_back(d);
  depths.insert(depths.end(), {127, 128, 129, 1000, 5000});
  for (int32_t depth : depths)
    for (int32_t rows : {1, 9, 67}) {
      std::vector<float> x;
      for (uint16_t v : Scattered<uint16_t>(static_cast<size_t>(depth) * rows))
        x.push_back(static_cast<float>(v) * 0.03f - 60);
      if (rows == 9) x[depth] = kInf, x[x.size() - 1] = std::nanf(""), x[x.size() / 2] = -kInf;
      const auto in = TestTensor::Of<float>(Type::kFloat32, {rows, depth}, x);
      const auto out = TestTensor::Output(Type::kFloat32);
      const auto plain = Bits(Computed(0.7f, in, out)[0].As<float>());
      for (Isa isa : SupportedIsas()) {
        RunConfig config;
        config.isa = isa;
        config.tiles_per_call = 1;
        ASSERT_EQ(Bits(Computed(0.7f, in, out, config)[0].As<float>()), plain)
            << IsaName(isa) << " depth " << depth << " rows " << rows;
      }
    }
}

// The largest value may be any element.
TEST(Softmax, AnyElementMayBeTheLargest) {
  for (Isa isa : SupportedIsas())
    for (int32_t depth : {3, 8, 9, 15, 16, 31, 63, 64, 65, 100}) {
      std::vector<float> x(static_cast<size_t>(depth) * depth);
      for (int32_t i = 0; i < depth; ++i) x[i * depth + i] = 100;
      RunConfig config;
      config.isa = isa;
      const auto y = Computed(1, TestTensor::Of<float>(Type::kFloat32, {depth, depth}, x),
                              TestTensor::Output(Type::kFloat32), config)[0]
                         .As<float>();
      for (int32_t i = 0; i < depth; ++i) EXPECT_EQ(y[i * depth + i], 1) << IsaName(isa);
    }
}

TEST(Softmax, FusedExpIsNearTheRealFunction) {
  for (int i = -8700; i <= 8830; ++i) {
    const float x = static_cast<float>(i) * 0.01f;
    const double want = std::exp(static_cast<double>(x));
    ASSERT_NEAR(FusedExpF(x), want, want * 0x1p-22) << x;
  }
  EXPECT_EQ(FusedExpF(0), 1);
  EXPECT_EQ(FusedExpF(-kInf), 0);
  EXPECT_TRUE(std::isnan(FusedExpF(std::nanf(""))));
}

TEST(Softmax, FarApartAndInfinite) {
  for (Numerics mode : kModes) {
    const auto x = TestTensor::Of<float>(Type::kFloat32, {2, 3}, {1e6f, -1e6f, 0, -kInf, 5, 5});
    EXPECT_EQ(Computed(1, x, TestTensor::Output(Type::kFloat32), {mode})[0].As<float>(),
              (std::vector<float>{1, 0, 0, 0, 0.5f, 0.5f}));
    const auto nan = TestTensor::Of<float>(Type::kFloat32, {1, 2}, {std::nanf(""), 1});
    for (float y : Computed(1, nan, TestTensor::Output(Type::kFloat32), {mode})[0].As<float>())
      EXPECT_TRUE(std::isnan(y));
  }
}

TEST(Softmax, Half) {
  const auto x = TestTensor::Of<uint16_t>(Type::kFloat16, {2, 2}, {0x3c00, 0x3c00, 0x7bff, 0});
  EXPECT_EQ(Computed(1, x, TestTensor::Output(Type::kFloat16))[0].As<uint16_t>(),
            (std::vector<uint16_t>{0x3800, 0x3800, 0x3c00, 0}));
}

template <class In, class Out>
void ExpectNearExact(Type in, Type out, Numerics mode, float scale, float so, int32_t zo,
                     double quanta) {
  for (int32_t depth : {1, 3, 32, 257}) {
    const auto x = Scattered<In>(static_cast<size_t>(depth) * 5);
    std::vector<double> real;
    for (In v : x) real.push_back(static_cast<double>(v) * static_cast<double>(scale));
    const auto want = Exact(real, depth, 0.5);
    const auto got = Computed(0.5f, TestTensor::Of<In>(in, {5, depth}, x, scale),
                              TestTensor::Output(out, so, zo), {mode})[0]
                         .template As<Out>();
    for (size_t i = 0; i < x.size(); ++i) {
      const double q =
          std::clamp<double>(want[i] / static_cast<double>(so) + zo,
                             std::numeric_limits<Out>::min(), std::numeric_limits<Out>::max());
      ASSERT_NEAR(got[i], q, quanta) << "depth " << depth << " element " << i;
    }
  }
}

TEST(Softmax, IntegersAreNearTheRealFunction) {
  for (Numerics mode : kModes)
    for (float scale : {0.003f, 0.05f, 0.7f}) {
      ExpectNearExact<int8_t, int8_t>(Type::kInt8, Type::kInt8, mode, scale, 1.0f / 256, -128,
                                      0.51);
      ExpectNearExact<uint8_t, uint8_t>(Type::kUInt8, Type::kUInt8, mode, scale, 1.0f / 256, 0,
                                        0.51);
      ExpectNearExact<int8_t, int16_t>(Type::kInt8, Type::kInt16, mode, scale, 1.0f / 32768, 0,
                                       0.51);
      ExpectNearExact<int16_t, int16_t>(Type::kInt16, Type::kInt16, mode, scale / 256, 1.0f / 32768,
                                        0, 8);
    }
}

// A hundred thousand equal values: the sum passes what the reference kernel's 12 integer bits hold.
TEST(Softmax, ALongRow) {
  for (Numerics mode : kModes) {
    const auto x =
        TestTensor::Of<int8_t>(Type::kInt8, {100000}, std::vector<int8_t>(100000, 3), 0.1f);
    EXPECT_EQ(
        Computed(1, x, TestTensor::Output(Type::kInt8, 1.0f / 256, -128), {mode})[0].As<int8_t>(),
        std::vector<int8_t>(100000, -128));
  }
}

TEST(Softmax, AnySplitOfTheTiles) {
  const auto x = TestTensor::Of<int8_t>(Type::kInt8, {300, 5, 10}, Scattered<int8_t>(15000), 0.1f);
  const auto out = TestTensor::Output(Type::kInt8, 1.0f / 256, -128);
  const auto whole = Computed(1, x, out)[0].As<int8_t>();
  for (int64_t tiles : {1, 3}) {
    RunConfig config;
    config.tiles_per_call = tiles;
    EXPECT_EQ(Computed(1, x, out, config)[0].As<int8_t>(), whole);
  }
}

TEST(Softmax, NothingToDo) {
  const auto out = TestTensor::Output(Type::kFloat32);
  EXPECT_EQ(Computed(1, TestTensor::Of<float>(Type::kFloat32, {0, 5}, {}), out)[0].shape,
            (Shape{0, 5}));
  EXPECT_EQ(Computed(1, TestTensor::Of<float>(Type::kFloat32, {5, 0}, {}), out)[0].shape,
            (Shape{5, 0}));
}

std::string ErrorOf(float beta, const TestTensor& in, const TestTensor& out) {
  std::vector<TestTensor> outputs{out};
  return std::string(RunOperation(Softmax(beta), {in}, outputs).message());
}

TEST(Softmax, SaysWhatIsWrong) {
  const auto in = TestTensor::Of<int8_t>(Type::kInt8, {1}, {1}, 0.1f);
  EXPECT_EQ(ErrorOf(1, in, TestTensor::Output(Type::kInt8, 1.0f / 256, 3)),
            "'t' is int8 with zero point 3, expected -128");
  EXPECT_EQ(ErrorOf(1, in, TestTensor::Output(Type::kInt8, 0.5f, -128)),
            "'t' is int8 with scale 0.5, expected 0.00390625");
  EXPECT_EQ(ErrorOf(-1, in, TestTensor::Output(Type::kInt8, 1.0f / 256, -128)),
            "beta -1 on int8, expected a number that is not negative");
  EXPECT_EQ(ErrorOf(1, TestTensor::Of<float>(Type::kFloat32, {}, {1}),
                    TestTensor::Output(Type::kFloat32)),
            "'t' is a scalar, expected at least one axis");
}

TEST(Fixed, ExpIsNearTheRealFunction) {
  EXPECT_EQ(FixedExp(0), std::numeric_limits<int32_t>::max());
  for (int64_t a = -(int64_t{1} << 31); a < 0; a += 1234567)
    ASSERT_NEAR(FixedExp(static_cast<int32_t>(a)) * 0x1p-31,
                std::exp(static_cast<double>(a) * 0x1p-26), 4e-7);
}

TEST(Fixed, ReciprocalIsNearTheRealFunction) {
  for (int64_t x = 1; x < int64_t{1} << 31; x += 1 + x / 5) {
    const auto [value, over] = FixedReciprocal(static_cast<int32_t>(x), 12);
    const double want = 0x1p19 / static_cast<double>(x);
    ASSERT_NEAR(std::ldexp(value * 0x1p-31, -over), want, want * 1e-7) << x;
  }
}

}  // namespace
}  // namespace heddle::core
