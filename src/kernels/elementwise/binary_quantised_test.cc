// SPDX-License-Identifier: Apache-2.0
// Quantised ADD, SUB and MUL over every pair of 8-bit inputs, against formulas written out in wide
// arithmetic.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/isa.h"
#include "support/run_operation.h"

namespace heddle::core {
namespace {

struct Params {
  float sa, sb, so;
  int32_t za, zb, zo;
};

// Zero points are for int8; uint8 adds 128.
const Params kParams[] = {
    {0.05f, 0.05f, 0.07f, 3, -9, -4},      {0.5f, 0.001f, 0.3f, -128, 127, 0},
    {0.011f, 0.023f, 0.009f, 0, 0, 5},     {1, 1, 1, 0, 0, 0},
    {0.0078125f, 2, 0.015625f, 1, -1, -1},
};
const Params kTinyOutput = {3, 3, 0.001f, 1, 2, 3};  // past what XNNPACK takes

__extension__ using Wide = __int128;

Wide FloorDiv(Wide a, Wide b) { return a / b - ((a % b != 0) && ((a < 0) != (b < 0))); }

// x * real by LiteRT's double rounding: half up at 2^-31 of the normalised multiplier, then half
// away.
int64_t Scaled(int64_t x, double real) {
  int e;
  const double q = std::frexp(real, &e);
  Wide m = std::llround(q * 0x1p31);
  if (m == Wide{1} << 31) m /= 2, ++e;
  if (e > 0) x *= int64_t{1} << e;
  const Wide high = FloorDiv(Wide{x} * m + (Wide{1} << 30), Wide{1} << 31);
  const Wide unit = Wide{1} << std::max(-e, 0);
  const Wide size = high < 0 ? -high : high;
  const Wide rounded = (size + unit / 2) / unit;
  return static_cast<int64_t>(high < 0 ? -rounded : rounded);
}

int64_t BuiltinAdd(const Params& p, int sign, int left, int64_t a, int64_t b) {
  const double twice = static_cast<double>(2 * std::max(p.sa, p.sb));
  const int64_t x = Scaled((a - p.za) << left, static_cast<double>(p.sa) / twice);
  const int64_t y = Scaled((b - p.zb) << left, static_cast<double>(p.sb) / twice);
  const double out = twice / static_cast<double>(static_cast<float>(1 << left) * p.so);
  return p.zo + Scaled(x + sign * y, out);
}

int64_t XnnAdd(const Params& p, int sign, int64_t a, int64_t b) {
  const float ra = p.sa / p.so, rb = p.sb / p.so;
  const int shift = 20 - static_cast<int>(std::floor(std::log2(std::max(ra, rb))));
  const int64_t ka = std::llrint(std::ldexp(static_cast<double>(ra), shift));
  const int64_t kb = sign * std::llrint(std::ldexp(static_cast<double>(rb), shift));
  const double exact = static_cast<double>((a - p.za) * ka + (b - p.zb) * kb);
  return static_cast<int64_t>(std::floor(exact * std::ldexp(1.0, -shift) + 0.5)) + p.zo;
}

int64_t BuiltinMul(const Params& p, int64_t a, int64_t b) {
  return p.zo + Scaled((a - p.za) * (b - p.zb), static_cast<double>(p.sa * p.sb / p.so));
}

int64_t XnnMul(const Params& p, int64_t a, int64_t b) {
  const float y = static_cast<float>((a - p.za) * (b - p.zb)) * (p.sa * p.sb / p.so);
  return p.zo + static_cast<int64_t>(std::nearbyint(std::min(std::max(y, -1e6f), 1e6f)));
}

using Formula = std::function<int64_t(const Params&, int64_t, int64_t)>;

// Runs all 65,536 pairs and compares.
template <class T>
void ExpectAllPairs(OpCode code, Params p, Numerics numerics, const Formula& formula,
                    Activation activation = Activation::kNone, int lo = -1000, int hi = 1000,
                    Isa isa = Isa::kPlain) {
  constexpr int kMin = std::numeric_limits<T>::min(), kMax = std::numeric_limits<T>::max();
  const Type type = kMin < 0 ? Type::kInt8 : Type::kUInt8;
  if (kMin == 0) p.za += 128, p.zb += 128, p.zo += 128;
  std::vector<T> a, b;
  for (int x = kMin; x <= kMax; ++x) {
    a.push_back(static_cast<T>(x));
    b.push_back(static_cast<T>(x));
  }
  Operator op;
  op.code = code;
  op.options = BinaryOptions{activation, false};
  std::vector<TestTensor> out{TestTensor::Output(type, p.so, p.zo)};
  const RunConfig config{numerics, isa};
  const Status status = RunOperation(op,
                                     {TestTensor::Of<T>(type, {256, 1}, a, p.sa, p.za),
                                      TestTensor::Of<T>(type, {1, 256}, b, p.sb, p.zb)},
                                     out, config);
  ASSERT_TRUE(status.ok()) << status.c_str();
  const auto got = out[0].As<T>();
  for (int i = 0; i < 256; ++i)
    for (int j = 0; j < 256; ++j) {
      const int64_t want =
          std::clamp<int64_t>(formula(p, a[i], b[j]), std::max(lo, kMin), std::min(hi, kMax));
      ASSERT_EQ(got[i * 256 + j], want) << int{a[i]} << ", " << int{b[j]} << " scale " << p.sa;
    }
}

template <class T>
void ExpectAllParams(OpCode code, Numerics numerics, const Formula& formula) {
  for (Isa isa : SupportedIsas())
    for (const Params& p : kParams)
      ExpectAllPairs<T>(code, p, numerics, formula, Activation::kNone, -1000, 1000, isa);
}

template <class T>
std::vector<T> Scattered(int64_t count, uint32_t factor) {
  std::vector<T> v;
  for (int64_t i = 0; i < count; ++i)
    v.push_back(static_cast<T>((static_cast<uint32_t>(i + 1) * factor) >> 13));
  return v;
}

// Lengths around the vectors', either operand standing still, in LiteRT's builtin arithmetic too.
template <class T>
void ExpectTheBitsOfPlain(OpCode code, Type type, Numerics numerics, int32_t n, bool whole_a,
                          bool whole_b) {
  const Params p = kParams[0];
  const int32_t zero = sizeof(T) == 1 ? 3 : 0;
  const auto operand = [&](bool whole, uint32_t factor, float scale) {
    return TestTensor::Of<T>(type, whole ? Shape{n} : Shape{1}, Scattered<T>(whole ? n : 1, factor),
                             scale, zero);
  };
  const std::vector<TestTensor> in{operand(whole_a, 2654435761u, p.sa),
                                   operand(whole_b, 2246822519u, p.sb)};
  for (const bool powers : {false, true}) {
    if (powers && sizeof(T) == 1) continue;
    std::vector<TestTensor> inputs = in;
    if (powers) inputs[0].quant.scale = {0x1p-9f}, inputs[1].quant.scale = {0x1p-12f};
    const float so = powers ? 0x1p-9f : p.so;
    Operator op;
    op.code = code;
    op.options = BinaryOptions{Activation::kRelu6, powers};
    std::vector<TestTensor> plain{TestTensor::Output(type, so, zero)};
    ASSERT_TRUE(RunOperation(op, inputs, plain, {numerics}).ok());
    for (Isa isa : SupportedIsas()) {
      std::vector<TestTensor> got{TestTensor::Output(type, so, zero)};
      ASSERT_TRUE(RunOperation(op, inputs, got, {numerics, isa}).ok());
      ASSERT_EQ(got[0].As<T>(), plain[0].As<T>())
          << OpName(code) << " " << n << " " << IsaName(isa) << " powers " << powers;
    }
  }
}

TEST(BinaryQuantised, EveryIsaGivesTheBitsOfPlain) {
  for (OpCode code : {OpCode::kADD, OpCode::kSUB, OpCode::kMUL})
    for (Numerics numerics : {Numerics::kFast, Numerics::kReference})
      for (int32_t n : {1, 7, 15, 16, 17, 33, 65, 5000})
        for (bool whole_a : {true, false})
          for (bool whole_b : {true, false}) {
            ExpectTheBitsOfPlain<int8_t>(code, Type::kInt8, numerics, n, whole_a, whole_b);
            ExpectTheBitsOfPlain<uint8_t>(code, Type::kUInt8, numerics, n, whole_a, whole_b);
            ExpectTheBitsOfPlain<int16_t>(code, Type::kInt16, numerics, n, whole_a, whole_b);
          }
}

using namespace std::placeholders;

TEST(AddQuantised, EveryPair) {
  const Formula xnn = std::bind(XnnAdd, _1, 1, _2, _3);
  const Formula builtin = std::bind(BuiltinAdd, _1, 1, 20, _2, _3);
  ExpectAllParams<int8_t>(OpCode::kADD, Numerics::kFast, xnn);
  ExpectAllParams<uint8_t>(OpCode::kADD, Numerics::kFast, xnn);
  ExpectAllParams<int8_t>(OpCode::kADD, Numerics::kReference, builtin);
  ExpectAllParams<uint8_t>(OpCode::kADD, Numerics::kReference, builtin);
  ExpectAllPairs<int8_t>(OpCode::kADD, kTinyOutput, Numerics::kFast, builtin);
}

TEST(SubQuantised, EveryPair) {
  const Formula xnn = std::bind(XnnAdd, _1, -1, _2, _3);
  const Formula builtin = std::bind(BuiltinAdd, _1, -1, 20, _2, _3);
  ExpectAllParams<int8_t>(OpCode::kSUB, Numerics::kFast, xnn);
  ExpectAllParams<uint8_t>(OpCode::kSUB, Numerics::kReference, builtin);
}

// At a scale of 1/4 and zero point 1: 0 is 1, 6 is 25.
TEST(AddQuantised, FusedActivations) {
  const Params p = {0.25f, 0.25f, 0.25f, 0, 0, 1};
  const auto sum = [](const Params&, int64_t a, int64_t b) { return a + b + 1; };
  for (Numerics numerics : {Numerics::kFast, Numerics::kReference}) {
    ExpectAllPairs<int8_t>(OpCode::kADD, p, numerics, sum, Activation::kRelu, 1);
    ExpectAllPairs<int8_t>(OpCode::kADD, p, numerics, sum, Activation::kRelu6, 1, 25);
    ExpectAllPairs<int8_t>(OpCode::kADD, p, numerics, sum, Activation::kReluN1To1, -3, 5);
  }
}

// 1/0.4 is 2.5: half away from zero gives 3 before the zero point is added, ties to even of 3.5
// gives 4 after it.
TEST(AddQuantised, ActivationBoundsRoundAsTheModeSays) {
  const Params p = {0.4f, 0.4f, 0.4f, 0, 0, 2};
  const auto sum = [](const Params&, int64_t a, int64_t b) { return a + b + 2; };
  ExpectAllPairs<int8_t>(OpCode::kADD, p, Numerics::kFast, sum, Activation::kReluN1To1, 0, 4);
  ExpectAllPairs<int8_t>(OpCode::kADD, p, Numerics::kReference, sum, Activation::kReluN1To1, -1, 5);
}

std::vector<int16_t> RunInt16(OpCode code, const Params& p, bool pot, std::vector<int16_t> a,
                              std::vector<int16_t> b) {
  Operator op;
  op.code = code;
  op.options = BinaryOptions{Activation::kNone, pot};
  std::vector<TestTensor> out{TestTensor::Output(Type::kInt16, p.so)};
  const Shape shape{static_cast<int32_t>(a.size())};
  const Status status = RunOperation(op,
                                     {TestTensor::Of<int16_t>(Type::kInt16, shape, a, p.sa),
                                      TestTensor::Of<int16_t>(Type::kInt16, shape, b, p.sb)},
                                     out);
  EXPECT_TRUE(status.ok()) << status.c_str();
  return out[0].As<int16_t>();
}

TEST(BinaryInt16, AgreesWithTheFormula) {
  const Params p = {0.001f, 0.0023f, 0.0031f, 0, 0, 0};
  std::vector<int16_t> a, b;
  for (int i = -32768; i <= 32767; i += 7) {
    a.push_back(static_cast<int16_t>(i));
    b.push_back(static_cast<int16_t>(i * 31 + 1234));
  }
  const auto sum = RunInt16(OpCode::kADD, p, true, a, b);
  const auto difference = RunInt16(OpCode::kSUB, p, false, a, b);
  const auto product = RunInt16(OpCode::kMUL, p, false, a, b);
  const auto clamp = [](int64_t v) { return std::clamp<int64_t>(v, -32768, 32767); };
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(sum[i], clamp(BuiltinAdd(p, 1, 15, a[i], b[i]))) << a[i] << ", " << b[i];
    ASSERT_EQ(difference[i], clamp(BuiltinAdd(p, -1, 15, a[i], b[i]))) << a[i] << ", " << b[i];
    ASSERT_EQ(product[i], clamp(BuiltinMul(p, a[i], b[i]))) << a[i] << ", " << b[i];
  }
}

TEST(BinaryInt16, PowersOfTwoShiftTheFinerInput) {
  const Params p = {0x1p-12f, 0x1p-14f, 0x1p-12f, 0, 0, 0};
  using V = std::vector<int16_t>;
  const V a{10, 10, -10, 32767, -32768}, b{5, 6, -6, 32767, 32767};  // 1.25, 1.5, -1.5, 8191.75
  EXPECT_EQ(RunInt16(OpCode::kADD, p, true, a, b), (V{11, 12, -12, 32767, -24576}));
  EXPECT_EQ(RunInt16(OpCode::kSUB, p, true, a, b), (V{9, 8, -8, 24575, -32768}));
}

std::string ErrorOf(const TestTensor& a, const TestTensor& b, const TestTensor& out) {
  Operator op;
  op.code = OpCode::kADD;
  op.options = BinaryOptions{Activation::kNone, true};
  std::vector<TestTensor> outputs{out};
  return std::string(RunOperation(op, {a, b}, outputs).message());
}

TEST(AddQuantised, SaysWhatIsWrong) {
  const auto good = TestTensor::Of<int8_t>(Type::kInt8, {1}, {1}, 0.5f);
  const auto out = TestTensor::Output(Type::kInt8, 0.5f);
  EXPECT_EQ(ErrorOf(good, TestTensor::Of<int8_t>(Type::kInt8, {1}, {1}), out),
            "'t' is int8 without scale and zero point");
  EXPECT_EQ(ErrorOf(good, TestTensor::Of<int8_t>(Type::kInt8, {1}, {1}, -1), out),
            "'t' has scale -1, expected a positive number");
  EXPECT_EQ(ErrorOf(good, good, TestTensor::Output(Type::kInt8, 0.5f, 128)),
            "'t' has zero point 128, expected -128 to 127");
  EXPECT_EQ(ErrorOf(good, good, TestTensor::Output(Type::kUInt8, 0.5f)),
            "input 't' is int8, expected uint8 (type of output 't')");
  const auto wide = TestTensor::Of<int16_t>(Type::kInt16, {1}, {1}, 0.5f);
  EXPECT_EQ(ErrorOf(wide, wide, TestTensor::Output(Type::kInt16, 0.5f, 1)),
            "'t' is int16 with zero point 1, expected 0");
  EXPECT_EQ(ErrorOf(wide, wide, TestTensor::Output(Type::kInt16, 0.25f)),
            "scales 2^-1 and 2^-1, expected the larger to be the output's, 2^-2");
}

TEST(MulQuantised, EveryPair) {
  ExpectAllParams<int8_t>(OpCode::kMUL, Numerics::kFast, XnnMul);
  ExpectAllParams<uint8_t>(OpCode::kMUL, Numerics::kFast, XnnMul);
  ExpectAllParams<int8_t>(OpCode::kMUL, Numerics::kReference, BuiltinMul);
  ExpectAllParams<uint8_t>(OpCode::kMUL, Numerics::kReference, BuiltinMul);
  ExpectAllPairs<int8_t>(OpCode::kMUL, kTinyOutput, Numerics::kFast, BuiltinMul);
}

}  // namespace
}  // namespace heddle::core
