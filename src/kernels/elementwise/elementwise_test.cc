// SPDX-License-Identifier: Apache-2.0
// What the suites of whole models do not show of the element-wise operators: errors, cut tile
// ranges, special values.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <complex>
#include <functional>
#include <limits>
#include <numeric>

#include "base/float_env.h"
#include "kernels/math.h"
#include "support/run_operation.h"

namespace heddle::core {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr int32_t kMin32 = std::numeric_limits<int32_t>::min();
constexpr int32_t kMax32 = std::numeric_limits<int32_t>::max();

Operator Of(OpCode code, Options options = NoOptions{}) {
  Operator op;
  op.code = code;
  op.options = std::move(options);
  return op;
}

TestTensor Floats(const Shape& shape, std::vector<float> values) {
  return TestTensor::Of<float>(Type::kFloat32, shape, std::move(values));
}
TestTensor Ints(const Shape& shape, std::vector<int32_t> values) {
  return TestTensor::Of<int32_t>(Type::kInt32, shape, std::move(values));
}
TestTensor Bools(const Shape& shape, std::vector<uint8_t> values) {
  return TestTensor::Of<uint8_t>(Type::kBool, shape, std::move(values));
}

template <class T>
std::vector<T> Computed(const Operator& op, const std::vector<TestTensor>& inputs, TestTensor out,
                        const RunConfig& config = {}, Shape* shape = nullptr) {
  std::vector<TestTensor> outputs{std::move(out)};
  const Status status = RunOperation(op, inputs, outputs, config);
  EXPECT_TRUE(status.ok()) << status.c_str();
  if (shape != nullptr) *shape = outputs[0].shape;
  return outputs[0].As<T>();
}

TEST(Cast, FloatsSaturateAndIntegersWrap) {
  const TestTensor x = Floats({6}, {kNaN, kInf, -kInf, 3e9f, -2.9f, 255.9f});
  EXPECT_EQ(Computed<int32_t>(Of(OpCode::kCAST), {x}, TestTensor::Output(Type::kInt32)),
            (std::vector<int32_t>{kMax32, kMax32, kMin32, kMax32, -2, 255}));
  EXPECT_EQ(Computed<uint8_t>(Of(OpCode::kCAST), {x}, TestTensor::Output(Type::kUInt8)),
            (std::vector<uint8_t>{255, 255, 0, 255, 0, 255}));
  EXPECT_EQ(Computed<uint8_t>(Of(OpCode::kCAST), {x}, TestTensor::Output(Type::kInt4)),
            (std::vector<uint8_t>{0x77, 0x78, 0x7e}));
  EXPECT_EQ(Computed<int8_t>(Of(OpCode::kCAST), {Ints({3}, {300, -129, kMin32})},
                             TestTensor::Output(Type::kInt8)),
            (std::vector<int8_t>{44, 127, 0}));
  const auto wide = TestTensor::Of<int64_t>(Type::kInt64, {2}, {int64_t{1} << 40, -1});
  EXPECT_EQ(Computed<float>(Of(OpCode::kCAST), {wide}, TestTensor::Output(Type::kFloat32)),
            (std::vector<float>{0x1p40f, -1}));
}

TEST(Cast, AnySplitOfTheTilesGivesTheSame) {
  std::vector<int32_t> values(20001);
  std::iota(values.begin(), values.end(), -10000);
  const TestTensor x = Ints({20001}, values);
  for (const Type to : {Type::kUInt4, Type::kFloat16, Type::kComplex64}) {
    RunConfig cut;
    cut.tiles_per_call = 1;
    EXPECT_EQ(Computed<uint8_t>(Of(OpCode::kCAST), {x}, TestTensor::Output(to)),
              Computed<uint8_t>(Of(OpCode::kCAST), {x}, TestTensor::Output(to), cut))
        << TypeName(to);
  }
}

TEST(Division, OfTheMostNegativeIntegerWraps) {
  const TestTensor a = Ints({2}, {kMin32, -7}), b = Ints({2}, {-1, 2});
  const TestTensor out = TestTensor::Output(Type::kInt32);
  EXPECT_EQ(Computed<int32_t>(Of(OpCode::kDIV), {a, b}, out), (std::vector<int32_t>{kMin32, -3}));
  EXPECT_EQ(Computed<int32_t>(Of(OpCode::kFLOOR_DIV), {a, b}, out),
            (std::vector<int32_t>{kMin32, -4}));
  EXPECT_EQ(Computed<int32_t>(Of(OpCode::kFLOOR_MOD), {a, b}, out), (std::vector<int32_t>{0, 1}));
}

TEST(Pow, IntegersWrap) {
  EXPECT_EQ(Computed<int32_t>(Of(OpCode::kPOW), {Ints({3}, {3, -2, 10}), Ints({3}, {0, 31, 10})},
                              TestTensor::Output(Type::kInt32)),
            (std::vector<int32_t>{1, kMin32, 1410065408}));
}

TEST(Pow, OfAConstantExponentIsThatOfAnyOther) {
  std::vector<float> values = {0, -0.0f, kInf, -kInf, 1e-30f, 1e30f, 3.3f};
  for (int i = 0; i < 100; ++i) values.push_back(static_cast<float>(i - 50) * 0x1.9p-3f);
  const auto n = static_cast<int32_t>(values.size());
  const TestTensor x = Floats({n}, values), out = TestTensor::Output(Type::kFloat32);
  for (const float y : {2.0f, 3.0f, 4.0f}) {
    TestTensor constant = Floats({1}, {y});
    constant.constant = true;
    const TestTensor each = Floats({n}, std::vector<float>(values.size(), y));
    const auto expected = Computed<uint32_t>(Of(OpCode::kPOW), {x, each}, out);
    for (const Isa isa : SupportedIsas()) {
      RunConfig config;
      config.isa = isa;
      EXPECT_EQ(Computed<uint32_t>(Of(OpCode::kPOW), {x, constant}, out, config), expected)
          << y << IsaName(isa);
    }
  }
}

TEST(Pow, InEveryFormIsPowF) {
  std::vector<float> some = {0,        -0.0f,    kInf,   -kInf,     kNaN,      1,
                             -1,       2,        3,      -3,        0.5f,      -0.5f,
                             1e-40f,   1e30f,    -1e30f, 0x1p23f,   -2.5f,     0x1p24f,
                             16777215, -8388609, 1e-30f, 88.72284f, 1.0000001f};
  uint32_t state = 1;
  for (int i = 0; i < 100; ++i) {
    state = state * 1664525u + 1013904223u;
    some.push_back(std::bit_cast<float>(state));
    some.push_back(static_cast<float>(state >> 8) * 0x1p-20f - 8);
  }
  const auto n = static_cast<int32_t>(some.size());
  std::vector<uint32_t> expected;
  for (const float x : some)
    for (const float y : some) expected.push_back(std::bit_cast<uint32_t>(PowF(x, y)));
  const TestTensor x = Floats({n, 1}, some), y = Floats({1, n}, some);
  for (const Isa isa : SupportedIsas()) {
    RunConfig config;
    config.isa = isa;
    auto got =
        Computed<uint32_t>(Of(OpCode::kPOW), {x, y}, TestTensor::Output(Type::kFloat32), config);
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      const bool nan = std::isnan(std::bit_cast<float>(expected[i]));
      EXPECT_TRUE(nan ? std::isnan(std::bit_cast<float>(got[i])) : got[i] == expected[i])
          << some[i / some.size()] << "^" << some[i % some.size()] << " " << IsaName(isa);
    }
  }
}

TEST(Comparison, OfNaNAndOfStrings) {
  const TestTensor a = Floats({3}, {kNaN, 0, 1}), b = Floats({3}, {kNaN, -0.0f, kNaN});
  const TestTensor out = TestTensor::Output(Type::kBool);
  EXPECT_EQ(Computed<uint8_t>(Of(OpCode::kEQUAL), {a, b}, out), (std::vector<uint8_t>{0, 1, 0}));
  EXPECT_EQ(Computed<uint8_t>(Of(OpCode::kNOT_EQUAL), {a, b}, out),
            (std::vector<uint8_t>{1, 0, 1}));
  EXPECT_EQ(Computed<uint8_t>(Of(OpCode::kGREATER_EQUAL), {a, b}, out),
            (std::vector<uint8_t>{0, 1, 0}));
}

// Bytes that are equal stand for other numbers under other scales.
// Each pair of numbers as real numbers have it, on a thread that flushes denormals, too.
TEST(Comparison, OfFloatsOnEveryIsa) {
  const std::vector<float> numbers = {kNaN,       kInf,   -kInf,   0.0f,      -0.0f, 0x1p-149f,
                                      -0x1p-149f, 1e-40f, -1e-40f, 0x1p-126f, -1.0f, 1.0f,
                                      1.5f,       -1.5f,  3e38f,   -3e38f,    7.0f};
  std::vector<float> a, b;
  for (const float x : numbers)
    for (const float y : numbers) a.push_back(x), b.push_back(y);
  const auto n = static_cast<int32_t>(a.size());
  const std::pair<OpCode, std::function<bool(double, double)>> cases[] = {
      {OpCode::kEQUAL, std::equal_to<>()},  {OpCode::kNOT_EQUAL, std::not_equal_to<>()},
      {OpCode::kLESS, std::less<>()},       {OpCode::kLESS_EQUAL, std::less_equal<>()},
      {OpCode::kGREATER, std::greater<>()}, {OpCode::kGREATER_EQUAL, std::greater_equal<>()}};
  for (const auto& [code, compare] : cases) {
    std::vector<uint8_t> want;
    for (size_t i = 0; i < a.size(); ++i)
      want.push_back(compare(static_cast<double>(a[i]), static_cast<double>(b[i])) ? 1 : 0);
    for (const Isa isa : SupportedIsas())
      for (const Denormals denormals : {Denormals::kKeep, Denormals::kFlush}) {
        const TestTensor x = Floats({n}, a), y = Floats({n}, b);
        std::vector<TestTensor> outputs{TestTensor::Output(Type::kBool)};
        {
          const ScopedFloatEnv environment(denormals);
          ASSERT_TRUE(RunOperation(Of(code), {x, y}, outputs, {.isa = isa}).ok());
        }
        EXPECT_EQ(outputs[0].As<uint8_t>(), want) << static_cast<int>(code) << IsaName(isa);
      }
  }
}

TEST(Comparison, OfQuantisedNumbersLooksAtScales) {
  const auto a = TestTensor::Of<int8_t>(Type::kInt8, {2}, {10, -10}, 0.5f, 0);
  const auto b = TestTensor::Of<int8_t>(Type::kInt8, {2}, {10, -5}, 1.0f, 0);
  EXPECT_EQ(Computed<uint8_t>(Of(OpCode::kEQUAL), {a, b}, TestTensor::Output(Type::kBool)),
            (std::vector<uint8_t>{0, 1}));
}

TEST(Select, ThreeWayBroadcastInAnySplit) {
  constexpr int32_t kRows = 70, kColumns = 90;
  std::vector<uint8_t> condition(kRows);
  for (int i = 0; i < kRows; ++i) condition[i] = i % 3 == 0 ? 7 : 0;
  std::vector<int32_t> x(kColumns), y(kRows * kColumns);
  std::iota(x.begin(), x.end(), -kColumns);
  std::iota(y.begin(), y.end(), 0);
  std::vector<int32_t> want;
  for (int i = 0; i < kRows; ++i)
    for (int j = 0; j < kColumns; ++j) want.push_back(i % 3 == 0 ? x[j] : y[i * kColumns + j]);
  const std::vector<TestTensor> inputs{Bools({kRows, 1}, condition), Ints({kColumns}, x),
                                       Ints({kRows, kColumns}, y)};
  for (const int tiles : {0, 1}) {
    RunConfig config;
    config.tiles_per_call = tiles;
    EXPECT_EQ(
        Computed<int32_t>(Of(OpCode::kSELECT_V2), inputs, TestTensor::Output(Type::kInt32), config),
        want);
  }
}

TEST(Unary, SpecialValues) {
  const TestTensor out = TestTensor::Output(Type::kFloat32);
  EXPECT_EQ(Computed<float>(Of(OpCode::kROUND), {Floats({4}, {0.5f, 1.5f, -2.5f, kInf})}, out),
            (std::vector<float>{0, 2, -2, kInf}));
  EXPECT_TRUE(std::isnan(Computed<float>(Of(OpCode::kSIGN), {Floats({1}, {kNaN})}, out)[0]));
  EXPECT_EQ(Computed<int32_t>(Of(OpCode::kABS), {Ints({2}, {kMin32, -3})},
                              TestTensor::Output(Type::kInt32)),
            (std::vector<int32_t>{kMin32, 3}));
  const auto z = TestTensor::Of<std::complex<float>>(Type::kComplex64, {3},
                                                     {{3, -4}, {3e38f, 0}, {kNaN, kInf}});
  EXPECT_EQ(Computed<float>(Of(OpCode::kCOMPLEX_ABS), {z}, out),
            (std::vector<float>{5, 3e38f, kInf}));
}

TEST(Range, CountsAndValues) {
  const TestTensor out = TestTensor::Output(Type::kInt32);
  const auto range = [&](int32_t start, int32_t limit, int32_t delta) {
    return Computed<int32_t>(
        Of(OpCode::kRANGE),
        {Ints({}, {start}).Constant(), Ints({}, {limit}).Constant(), Ints({}, {delta}).Constant()},
        out);
  };
  EXPECT_EQ(range(1, 8, 3), (std::vector<int32_t>{1, 4, 7}));
  EXPECT_EQ(range(8, 1, -3), (std::vector<int32_t>{8, 5, 2}));
  EXPECT_EQ(range(5, 5, 1), (std::vector<int32_t>{}));
  EXPECT_EQ(range(kMin32, kMax32, kMax32), (std::vector<int32_t>{kMin32, -1, kMax32 - 1}));
}

struct Refusal {
  Operator op;
  std::vector<TestTensor> inputs;
  Type output;
  const char* part;  // of the error's text
};

TEST(Elementwise, RefusesWhatBreaksTheRules) {
  const TestTensor f2 = Floats({2}, {1, 2}), i2 = Ints({2}, {1, 0}), f3 = Floats({3}, {1, 2, 3});
  const TestTensor below = TestTensor::Of<int8_t>(Type::kInt8, {2}, {5, 4}, 0.1f, 5);
  const TestTensor bare = TestTensor::Of<int8_t>(Type::kInt8, {2}, {5, 4});
  const Refusal refusals[] = {
      {Of(OpCode::kDIV), {i2, i2}, Type::kInt32, "by zero: element 1 of 't' is 0, expected any"},
      {Of(OpCode::kFLOOR_DIV),
       {f2, Floats({2}, {1, 0})},
       Type::kFloat32,
       "by zero: element 1 of 't' is 0"},
      {Of(OpCode::kFLOOR_MOD), {i2, i2}, Type::kInt32, "element 1 of 't' is 0"},
      {Of(OpCode::kPOW),
       {i2, Ints({2}, {1, -1})},
       Type::kInt32,
       "rules: element 1 of 't' is -1, expected 0"},
      {Of(OpCode::kPOW), {f2, i2}, Type::kFloat32, "int32, expected float32"},
      {Of(OpCode::kMINIMUM), {f2, f3}, Type::kFloat32, "do not broadcast"},
      {Of(OpCode::kATAN2), {f2, Floats({1}, {1})}, Type::kFloat32, "expected the shape of"},
      {Of(OpCode::kSTABLEHLO_ADD), {f2, Floats({}, {1})}, Type::kFloat32, "expected the shape of"},
      {Of(OpCode::kPRELU), {Floats({1}, {1}), f2}, Type::kFloat32, "does not broadcast to"},
      {Of(OpCode::kLESS), {f2, i2}, Type::kBool, "int32, expected float32"},
      {Of(OpCode::kEQUAL), {f2, f2}, Type::kFloat32, "expected bool"},
      {Of(OpCode::kSELECT), {Bools({3}, {1, 0, 1}), f2, f2}, Type::kFloat32, "expected a scalar"},
      {Of(OpCode::kSELECT_V2), {f2, f2, f2}, Type::kFloat32, "expected bool"},
      {Of(OpCode::kSQRT), {below}, Type::kInt8, "element 1 of 't' is 4, expected 5 or more"},
      {Of(OpCode::kRSQRT), {below}, Type::kInt8, "element 1 of 't' is 4, expected 5 or more"},
      {Of(OpCode::kABS), {bare}, Type::kInt8, "without scale"},
      {Of(OpCode::kEXP), {i2}, Type::kInt32, "no kernel for this type"},
      {Of(OpCode::kREAL), {f2}, Type::kFloat32, "no kernel for this type"},
      {Of(OpCode::kBITCAST), {f3}, Type::kFloat64, "expected a last axis of 2"},
      {Of(OpCode::kADD_N), {f2, f3}, Type::kFloat32, "expected the shape of"},
      {Of(OpCode::kFAKE_QUANT, FakeQuantOptions{1, 2, 8, false}), {f2}, Type::kFloat32, "around 0"},
      {Of(OpCode::kFILL), {Ints({1}, {-1}), Floats({}, {1})}, Type::kFloat32, "expected 0 to"},
      {Of(OpCode::kRANGE),
       {Ints({}, {0}), Ints({}, {1}), Ints({}, {0})},
       Type::kInt32,
       "never reach"},
      {Of(OpCode::kLOG_SOFTMAX), {Floats({}, {1})}, Type::kFloat32, "at least one axis"},
      {Of(OpCode::kL2_NORMALIZATION, L2NormOptions{Activation::kRelu}),
       {f2},
       Type::kFloat32,
       "activation"},
  };
  for (const Refusal& r : refusals) {
    std::vector<TestTensor> outputs{r.output == Type::kInt8 ? TestTensor::Output(r.output, 0.1f)
                                                            : TestTensor::Output(r.output)};
    const Status status = RunOperation(r.op, r.inputs, outputs);
    EXPECT_FALSE(status.ok()) << OpName(r.op.code) << ": " << r.part;
    EXPECT_NE(std::string(status.message()).find(r.part), std::string::npos)
        << OpName(r.op.code) << ": " << status.c_str();
  }
}

}  // namespace
}  // namespace heddle::core
