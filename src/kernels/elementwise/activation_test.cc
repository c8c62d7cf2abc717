// SPDX-License-Identifier: Apache-2.0
// RELU and its family, LEAKY_RELU, HARD_SWISH, LOGISTIC, TANH.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "kernels/math.h"
#include "kernels/quant.h"
#include "support/run_operation.h"

namespace heddle::core {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr Numerics kModes[] = {Numerics::kFast, Numerics::kReference};

Operator Unary(OpCode code, float alpha = 0) {
  Operator op;
  op.code = code;
  if (code == OpCode::kLEAKY_RELU) op.options = LeakyReluOptions{alpha};
  return op;
}

template <class T>
std::vector<T> Computed(const Operator& op, const TestTensor& in, const TestTensor& out,
                        const RunConfig& config = {}) {
  std::vector<TestTensor> outputs{out};
  const Status status = RunOperation(op, {in}, outputs, config);
  EXPECT_TRUE(status.ok()) << status.c_str();
  EXPECT_EQ(outputs[0].shape, in.shape);
  return outputs[0].As<T>();
}

std::vector<float> OfFloats(const Operator& op, std::vector<float> x, Numerics numerics) {
  const auto n = static_cast<int32_t>(x.size());
  return Computed<float>(op, TestTensor::Of<float>(Type::kFloat32, {n}, std::move(x)),
                         TestTensor::Output(Type::kFloat32), {numerics});
}

struct Params {
  float si, so;
  int32_t zi, zo;  // of int8; uint8 adds 128
};
const Params kParams[] = {
    {0.05f, 0.07f, 3, -9}, {0.5f, 0.25f, -128, 127}, {0.011f, 0.0039f, 0, -128}, {1, 1, 0, 0}};

using Formula = std::function<int64_t(const Params&, int64_t)>;

template <class T>
void ExpectEveryByte(const Operator& op, Params p, Numerics numerics, const Formula& formula) {
  constexpr int kMin = std::numeric_limits<T>::min(), kMax = std::numeric_limits<T>::max();
  const Type type = kMin < 0 ? Type::kInt8 : Type::kUInt8;
  if (kMin == 0) p.zi += 128, p.zo += 128;
  std::vector<T> x;
  for (int v = kMin; v <= kMax; ++v) x.push_back(static_cast<T>(v));
  const auto got = Computed<T>(op, TestTensor::Of<T>(type, {16, 16}, x, p.si, p.zi),
                               TestTensor::Output(type, p.so, p.zo), {numerics});
  for (int i = 0; i < 256; ++i)
    ASSERT_EQ(got[i], std::clamp<int64_t>(formula(p, x[i]), kMin, kMax))
        << int{x[i]} << " scales " << p.si << ", " << p.so;
}

void ExpectEveryByte(const Operator& op, Numerics numerics, const Formula& formula) {
  for (const Params& p : kParams) {
    ExpectEveryByte<int8_t>(op, p, numerics, formula);
    ExpectEveryByte<uint8_t>(op, p, numerics, formula);
  }
}

// x * real, each step written as a division: half up, then half away from zero.
int64_t Scaled(int64_t x, float real) {
  int e;
  const double q = std::frexp(static_cast<double>(real), &e);
  const double high = std::floor(
      static_cast<double>(x << std::max(e, 0)) * std::nearbyint(q * 0x1p31) * 0x1p-31 + 0.5);
  return static_cast<int64_t>(std::round(std::ldexp(high, std::min(e, 0))));
}

int64_t At(const Params& p, double value) {  // the output that stands for a value
  return p.zo + std::llround(static_cast<float>(value) / p.so);
}

TEST(Relu, Floats) {
  const std::vector<float> x{-kInf, -1.5f, -0.5f, 0, 0.5f, 1.5f, 7, kInf};
  using V = std::vector<float>;
  for (Numerics mode : kModes) {
    EXPECT_EQ(OfFloats(Unary(OpCode::kRELU), x, mode), (V{0, 0, 0, 0, 0.5f, 1.5f, 7, kInf}));
    EXPECT_EQ(OfFloats(Unary(OpCode::kRELU6), x, mode), (V{0, 0, 0, 0, 0.5f, 1.5f, 6, 6}));
    EXPECT_EQ(OfFloats(Unary(OpCode::kRELU_N1_TO_1), x, mode),
              (V{-1, -1, -0.5f, 0, 0.5f, 1, 1, 1}));
    EXPECT_EQ(OfFloats(Unary(OpCode::kRELU_0_TO_1), x, mode), (V{0, 0, 0, 0, 0.5f, 1, 1, 1}));
    EXPECT_TRUE(std::isnan(OfFloats(Unary(OpCode::kRELU6), {kNaN}, mode)[0]));
  }
}

TEST(Relu, HalfHasNoNaN) {
  const auto x = TestTensor::Of<uint16_t>(Type::kFloat16, {4}, {0x7e00, 0xbc00, 0x3c00, 0x7c00});
  EXPECT_EQ(Computed<uint16_t>(Unary(OpCode::kRELU6), x, TestTensor::Output(Type::kFloat16)),
            (std::vector<uint16_t>{0, 0, 0x3c00, 0x4600}));
}

TEST(Relu, EveryByte) {
  const auto expect = [](OpCode code, double lo, double hi) {
    const auto formula = [=](const Params& p, int64_t x) {
      const int64_t y = p.zo + Scaled(x - p.zi, p.si / p.so);
      return std::clamp(y, At(p, lo), std::max(At(p, lo), At(p, hi)));
    };
    for (Numerics mode : kModes) ExpectEveryByte(Unary(code), mode, formula);
  };
  expect(OpCode::kRELU, 0, 1e6);
  expect(OpCode::kRELU6, 0, 6);
  expect(OpCode::kRELU_N1_TO_1, -1, 1);
  expect(OpCode::kRELU_0_TO_1, 0, 1);
}

TEST(Relu, Int16) {
  const auto x = TestTensor::Of<int16_t>(Type::kInt16, {5}, {-32768, -1, 0, 1000, 32767}, 0.001f);
  EXPECT_EQ(Computed<int16_t>(Unary(OpCode::kRELU), x, TestTensor::Output(Type::kInt16, 0.002f)),
            (std::vector<int16_t>{0, 0, 0, 500, 16384}));
  EXPECT_EQ(Computed<int16_t>(Unary(OpCode::kRELU6), x, TestTensor::Output(Type::kInt16, 0.002f)),
            (std::vector<int16_t>{0, 0, 0, 500, 3000}));
}

TEST(LeakyRelu, Floats) {
  for (Numerics mode : kModes) {
    EXPECT_EQ(OfFloats(Unary(OpCode::kLEAKY_RELU, 0.25f), {-kInf, -4, 0, 3, kInf}, mode),
              (std::vector<float>{-kInf, -1, 0, 3, kInf}));
    EXPECT_TRUE(std::isnan(OfFloats(Unary(OpCode::kLEAKY_RELU, 0.25f), {kNaN}, mode)[0]));
  }
}

TEST(LeakyRelu, EveryByte) {
  for (float alpha : {0.01f, 0.3f, 1.5f, -0.5f}) {
    const auto builtin = [=](const Params& p, int64_t x) {
      const int64_t d = x - p.zi;
      if (d >= 0) return p.zo + Scaled(d, p.si / p.so);
      return p.zo + Scaled(alpha < 0 ? -d : d, std::fabs(p.si * alpha / p.so));
    };
    ExpectEveryByte(Unary(OpCode::kLEAKY_RELU, alpha), Numerics::kReference, builtin);
    const auto xnn = [=](const Params& p, int64_t x) {
      const float positive = p.si / p.so, k = x > p.zi ? positive : positive * alpha;
      const double fixed = std::nearbyint(static_cast<double>(k) * 256);
      return p.zo +
             static_cast<int64_t>(std::floor(static_cast<double>(x - p.zi) * fixed / 256 + 0.5));
    };
    ExpectEveryByte(Unary(OpCode::kLEAKY_RELU, alpha), Numerics::kFast, xnn);
  }
  // A slope too small for 8 fractional bits is not XNNPACK's.
  const auto positive_only = [](const Params& p, int64_t x) {
    return p.zo + (x >= p.zi ? Scaled(x - p.zi, p.si / p.so) : 0);
  };
  ExpectEveryByte(Unary(OpCode::kLEAKY_RELU, 1e-6f), Numerics::kFast, positive_only);
}

TEST(HardSwish, Floats) {
  const std::vector<float> x{-4, -3, -1.5f, 0, 1.5f, 3, 5, kInf};
  for (Numerics mode : kModes) {
    EXPECT_EQ(OfFloats(Unary(OpCode::kHARD_SWISH), x, mode),
              (std::vector<float>{0, 0, -0.375f, 0, 1.125f, 3, 5, kInf}));
    EXPECT_TRUE(std::isnan(OfFloats(Unary(OpCode::kHARD_SWISH), {-kInf}, mode)[0]));
    EXPECT_TRUE(std::isnan(OfFloats(Unary(OpCode::kHARD_SWISH), {kNaN}, mode)[0]));
  }
}

// What the fast form promises without an FMA instruction. (All 2^32 arguments agree; this takes one
// in 499.)
TEST(HardSwish, FastIsTheFusedForm) {
  std::vector<float> x;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 499) {
    const float v = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (std::isfinite(v)) x.push_back(v);
  }
  const auto got = OfFloats(Unary(OpCode::kHARD_SWISH), x, Numerics::kFast);
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_EQ(got[i], std::min(std::max(std::fma(x[i], 1.0f / 6, 0.5f), 0.0f), 1.0f) * x[i])
        << x[i];
}

// Its fixed point has 15 bits: within one quantum of the real function, and hand-worked cases
// exactly.
TEST(HardSwish, EveryByteIsNearTheRealFunction) {
  const auto real = [](const Params& p, int x) {
    const double v = static_cast<double>(p.si) * (x - p.zi);
    return p.zo + v * std::clamp(v + 3, 0.0, 6.0) / 6 / static_cast<double>(p.so);
  };
  for (const Params& p : {Params{0.05f, 0.04f, 3, -100}, Params{0.02f, 0.02f, 0, 0}}) {
    std::vector<int8_t> x;
    for (int v = -128; v <= 127; ++v) x.push_back(static_cast<int8_t>(v));
    const auto got = Computed<int8_t>(Unary(OpCode::kHARD_SWISH),
                                      TestTensor::Of<int8_t>(Type::kInt8, {256}, x, p.si, p.zi),
                                      TestTensor::Output(Type::kInt8, p.so, p.zo));
    for (int i = 0; i < 256; ++i)
      ASSERT_NEAR(got[i], std::clamp(real(p, x[i]), -128.0, 127.0), 1) << int{x[i]};
  }
  const auto x = TestTensor::Of<int8_t>(Type::kInt8, {5}, {-64, -24, 0, 24, 100}, 0.125f);
  EXPECT_EQ(
      Computed<int8_t>(Unary(OpCode::kHARD_SWISH), x, TestTensor::Output(Type::kInt8, 0.125f)),
      (std::vector<int8_t>{0, 0, 0, 24, 100}));
}

TEST(HardSwish, RefusesAnOutputScaleTooFine) {
  std::vector<TestTensor> out{TestTensor::Output(Type::kInt8, 0.001f)};
  const Status status = RunOperation(Unary(OpCode::kHARD_SWISH),
                                     {TestTensor::Of<int8_t>(Type::kInt8, {1}, {1}, 1)}, out);
  EXPECT_EQ(status.message(), "scale 1 of 't' is over 128 times that of 't', 0.001");
}

double RealLogistic(double x) { return 1 / (1 + std::exp(-x)); }
double RealTanh(double x) { return std::tanh(x); }

struct Sigmoid {
  OpCode code;
  double (*real)(double);
};
constexpr Sigmoid kSigmoids[] = {{OpCode::kLOGISTIC, RealLogistic}, {OpCode::kTANH, RealTanh}};

TEST(Sigmoids, FloatsAndTheirEnds) {
  std::vector<float> x;
  for (int i = -2000; i <= 2000; ++i) x.push_back(static_cast<float>(i) * 0.01f);
  for (Numerics mode : kModes) {
    for (const Sigmoid& s : kSigmoids) {
      const auto got = OfFloats(Unary(s.code), x, mode);
      for (size_t i = 0; i < x.size(); ++i) {
        const bool cut = s.code == OpCode::kLOGISTIC && mode == Numerics::kReference && x[i] < -9;
        const double real = static_cast<double>(x[i]);
        const double want = cut ? std::exp(real) : s.real(real);  // as LiteRT's float kernel cuts
        ASSERT_NEAR(got[i], want, std::fabs(want) * 4e-7) << x[i];
      }
    }
    EXPECT_EQ(OfFloats(Unary(OpCode::kLOGISTIC), {-kInf, -200, 0, 200, kInf}, mode),
              (std::vector<float>{0, 0, 0.5f, 1, 1}));
    EXPECT_EQ(OfFloats(Unary(OpCode::kTANH), {-kInf, -200, 0, 1e-30f, 200, kInf}, mode),
              (std::vector<float>{-1, -1, 0, 1e-30f, 1, 1}));
    EXPECT_TRUE(std::isnan(OfFloats(Unary(OpCode::kLOGISTIC), {kNaN}, mode)[0]));
    EXPECT_TRUE(std::isnan(OfFloats(Unary(OpCode::kTANH), {kNaN}, mode)[0]));
  }
}

TEST(Sigmoids, EveryByte) {
  for (const Sigmoid& s : kSigmoids) {
    const auto value = [&](const Params& p, int64_t x) {
      return static_cast<float>(s.real(static_cast<double>(static_cast<float>(x - p.zi) * p.si)));
    };
    ExpectEveryByte(Unary(s.code), Numerics::kReference, [&](const Params& p, int64_t x) {
      return std::llround(value(p, x) * (1 / p.so)) + p.zo;
    });
    ExpectEveryByte(Unary(s.code), Numerics::kFast, [&](const Params& p, int64_t x) {
      return std::llrint(value(p, x) * (1 / p.so) + static_cast<float>(p.zo));
    });
  }
}

TEST(Sigmoids, Int16IsNearTheRealFunction) {
  for (float scale : {1.0f / 4096, 1.0f / 2048, 0.0003f, 0.00001f}) {
    std::vector<int16_t> x;
    for (int v = -32768; v <= 32767; v += 3) x.push_back(static_cast<int16_t>(v));
    const auto n = static_cast<int32_t>(x.size());
    const auto in = TestTensor::Of<int16_t>(Type::kInt16, {n}, x, scale);
    for (const Sigmoid& s : kSigmoids) {
      const auto got =
          Computed<int16_t>(Unary(s.code), in, TestTensor::Output(Type::kInt16, 1.0f / 32768));
      for (size_t i = 0; i < x.size(); ++i) {
        const double want = s.real(static_cast<double>(scale) * x[i]) * 32768;
        ASSERT_NEAR(got[i], want, 6) << x[i] << " scale " << scale;
      }
    }
  }
}

TEST(Sigmoids, BfloatKeepsDenormals) {
  const auto x = TestTensor::Of<uint16_t>(Type::kBFloat16, {3}, {0x000b, 0x0000, 0x7f80});
  EXPECT_EQ(Computed<uint16_t>(Unary(OpCode::kTANH), x, TestTensor::Output(Type::kBFloat16)),
            (std::vector<uint16_t>{0x000b, 0x0000, 0x3f80}));
}

TEST(Unary, AnySplitOfTheTiles) {
  std::vector<float> x;
  for (int i = 0; i < 20001; ++i) x.push_back(static_cast<float>(i - 10000) * 0.001f);
  const auto in = TestTensor::Of<float>(Type::kFloat32, {3, 6667}, x);
  const auto out = TestTensor::Output(Type::kFloat32);
  for (OpCode code : {OpCode::kTANH, OpCode::kHARD_SWISH}) {
    const auto whole = Computed<float>(Unary(code), in, out);
    for (int64_t tiles : {1, 2, 3}) {
      RunConfig config;
      config.tiles_per_call = tiles;
      EXPECT_EQ(Computed<float>(Unary(code), in, out, config), whole);
    }
  }
}

TEST(Unary, SaysWhatIsWrong) {
  std::vector<TestTensor> out{TestTensor::Output(Type::kBool)};
  const auto in = TestTensor::Of<uint8_t>(Type::kBool, {1}, {1});
  EXPECT_EQ(RunOperation(Unary(OpCode::kRELU), {in}, out).message(),
            "'t' is bool: no kernel for this type");
  EXPECT_EQ(RunOperation(Unary(OpCode::kRELU), {in, in}, out).message(), "2 inputs, expected 1");
}

}  // namespace
}  // namespace heddle::core
