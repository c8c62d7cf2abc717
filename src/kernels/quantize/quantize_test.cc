// SPDX-License-Identifier: Apache-2.0
// QUANTIZE and DEQUANTIZE.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/run_operation.h"

namespace heddle::core {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr Numerics kModes[] = {Numerics::kFast, Numerics::kReference};

template <class T>
std::vector<T> Computed(OpCode code, const TestTensor& in, const TestTensor& out,
                        const RunConfig& config = {}) {
  Operator op;
  op.code = code;
  std::vector<TestTensor> outputs{out};
  const Status status = RunOperation(op, {in}, outputs, config);
  EXPECT_TRUE(status.ok()) << status.c_str();
  EXPECT_EQ(outputs[0].shape, in.shape);
  return outputs[0].As<T>();
}

std::string ErrorOf(OpCode code, const TestTensor& in, const TestTensor& out) {
  Operator op;
  op.code = code;
  std::vector<TestTensor> outputs{out};
  return std::string(RunOperation(op, {in}, outputs).message());
}

TestTensor Floats(std::vector<float> v) {
  const auto n = static_cast<int32_t>(v.size());
  return TestTensor::Of<float>(Type::kFloat32, {n}, std::move(v));
}

TestTensor PerChannel(TestTensor t, std::vector<float> scale, std::vector<int64_t> zero,
                      int32_t axis) {
  t.quant.scale = std::move(scale);
  t.quant.zero_point = std::move(zero);
  t.quant.axis = axis;
  return t;
}

TEST(Quantize, TiesRoundAsTheModeSays) {
  const auto x = Floats({-1.25f, -0.75f, -0.25f, 0.25f, 0.75f, 1.25f, 0.3f});
  const auto out = TestTensor::Output(Type::kInt8, 0.5f, 10);
  using V = std::vector<int8_t>;
  EXPECT_EQ(Computed<int8_t>(OpCode::kQUANTIZE, x, out), (V{8, 8, 10, 10, 12, 12, 11}));
  EXPECT_EQ(Computed<int8_t>(OpCode::kQUANTIZE, x, out, {Numerics::kReference}),
            (V{7, 8, 9, 11, 12, 13, 11}));
}

TEST(Quantize, Saturates) {
  const auto x = Floats({-kInf, -3e38f, -70, 60, 3e38f, kInf, std::nanf("")});
  for (Numerics mode : kModes) {
    EXPECT_EQ(
        Computed<int8_t>(OpCode::kQUANTIZE, x, TestTensor::Output(Type::kInt8, 0.5f, 3), {mode}),
        (std::vector<int8_t>{-128, -128, -128, 123, 127, 127, 127}));
    EXPECT_EQ(
        Computed<uint8_t>(OpCode::kQUANTIZE, x, TestTensor::Output(Type::kUInt8, 1, 128), {mode}),
        (std::vector<uint8_t>{0, 0, 58, 188, 255, 255, 255}));
  }
}

// LiteRT's vector loop takes groups of eight; what is left over rounds otherwise.
TEST(Quantize, Int16RemainderRoundsAway) {
  const auto x = Floats(std::vector<float>(11, 2.5f));
  const auto out = TestTensor::Output(Type::kInt16, 1);
  std::vector<int16_t> want(11, 3);
  EXPECT_EQ(Computed<int16_t>(OpCode::kQUANTIZE, x, out, {Numerics::kReference}), want);
  std::fill_n(want.begin(), 8, int16_t{2});
  EXPECT_EQ(Computed<int16_t>(OpCode::kQUANTIZE, x, out), want);
}

TEST(Quantize, Int4IsPacked) {
  const auto x = Floats({-100, -1, 0.4f, 3, 100});
  EXPECT_EQ(Computed<uint8_t>(OpCode::kQUANTIZE, x, TestTensor::Output(Type::kInt4, 1)),
            (std::vector<uint8_t>{0xf8, 0x30, 0x07}));
}

TEST(Quantize, PerChannel) {
  for (int32_t axis : {0, 1, 2}) {
    const Shape shape{2, 3, 2};
    std::vector<float> x;
    std::vector<int8_t> want;
    const std::vector<float> scale{1, 2, 4};
    const size_t channels = static_cast<size_t>(shape[axis]);
    for (int i = 0; i < 12; ++i) {
      const int index[] = {i / 6, i / 2 % 3, i % 2};
      x.push_back(static_cast<float>(i * 5));
      want.push_back(
          static_cast<int8_t>(std::lround(x.back() / scale[index[axis]]) + 10 * index[axis]));
    }
    const auto out =
        PerChannel(TestTensor::Output(Type::kInt8), {scale.begin(), scale.begin() + channels},
                   axis == 1 ? std::vector<int64_t>{0, 10, 20} : std::vector<int64_t>{0, 10}, axis);
    EXPECT_EQ(
        Computed<int8_t>(OpCode::kQUANTIZE, TestTensor::Of<float>(Type::kFloat32, shape, x), out),
        want)
        << axis;
  }
}

template <class T>
TestTensor EveryByte(Type type, float scale, int32_t zero) {
  std::vector<T> x;
  for (int v = 0; v < 256; ++v) x.push_back(static_cast<T>(v));
  return TestTensor::Of<T>(type, {256}, x, scale, zero);
}

TEST(Quantize, RescalesBytesWithEightFractionalBits) {
  const auto in = EveryByte<int8_t>(Type::kInt8, 0.03f, 5);
  const auto got =
      Computed<int8_t>(OpCode::kQUANTIZE, in, TestTensor::Output(Type::kInt8, 0.07f, -2));
  const double k = std::nearbyint(256 * static_cast<double>(0.03f / 0.07f));
  const auto x = in.As<int8_t>();
  for (int i = 0; i < 256; ++i)
    ASSERT_EQ(got[i], std::clamp(std::floor((x[i] - 5) * k / 256 + 0.5) - 2, -128.0, 127.0))
        << int{x[i]};
}

// A ratio of exactly 1/2: the halves tell up from away.
TEST(Quantize, ChangesTheSignOfBytes) {
  const auto in = EveryByte<int8_t>(Type::kInt8, 0.5f, 0);
  const auto out = TestTensor::Output(Type::kUInt8, 1, 128);
  const auto x = in.As<int8_t>();
  const auto reference = Computed<uint8_t>(OpCode::kQUANTIZE, in, out, {Numerics::kReference});
  const auto fast = Computed<uint8_t>(OpCode::kQUANTIZE, in, out);
  for (int i = 0; i < 256; ++i) {
    // 0.5 is 2^30 * 2^-31: the first step, half up, leaves nothing for the second.
    ASSERT_EQ(reference[i], 128 + std::floor(x[i] * 0.5 + 0.5)) << int{x[i]};
    ASSERT_EQ(fast[i], reference[i]) << int{x[i]};
  }
  // 1/4: the first step gives halves, the second takes them away from zero, or up in whole groups
  // of 16.
  const auto quarter = TestTensor::Output(Type::kUInt8, 2, 128);
  const auto y = TestTensor::Of<int8_t>(Type::kInt8, {17}, std::vector<int8_t>(17, -2), 0.5f);
  std::vector<uint8_t> want(17, 127);
  EXPECT_EQ(Computed<uint8_t>(OpCode::kQUANTIZE, y, quarter, {Numerics::kReference}), want);
  std::fill_n(want.begin(), 16, uint8_t{128});
  EXPECT_EQ(Computed<uint8_t>(OpCode::kQUANTIZE, y, quarter), want);
}

// Only the zero point moves, by half of the range or less: by less, bytes saturate.
TEST(Quantize, MovesZeroPoints) {
  const auto in = EveryByte<int8_t>(Type::kInt8, 0.5f, -128);
  const auto x = in.As<int8_t>();
  for (const int zero : {0, 1, 3}) {
    const auto out = TestTensor::Output(Type::kUInt8, 0.5f, zero);
    for (const Numerics mode : kModes) {
      const auto got = Computed<uint8_t>(OpCode::kQUANTIZE, in, out, {mode});
      for (int i = 0; i < 256; ++i) ASSERT_EQ(got[i], std::min(255, x[i] + 128 + zero)) << zero;
    }
  }
}

TEST(Quantize, BetweenWiderIntegers) {
  const auto i16 = TestTensor::Of<int16_t>(Type::kInt16, {3}, {-32768, 100, 32767}, 0.01f);
  EXPECT_EQ(Computed<int8_t>(OpCode::kQUANTIZE, i16, TestTensor::Output(Type::kInt8, 0.1f, 7)),
            (std::vector<int8_t>{-128, 17, 127}));
  EXPECT_EQ(Computed<int32_t>(OpCode::kQUANTIZE, i16, TestTensor::Output(Type::kInt32, 0.005f)),
            (std::vector<int32_t>{-65536, 200, 65534}));
  const auto i32 = TestTensor::Of<int32_t>(Type::kInt32, {2}, {-1000, 123456789}, 0.01f);
  EXPECT_EQ(Computed<int16_t>(OpCode::kQUANTIZE, i32, TestTensor::Output(Type::kInt16, 0.1f)),
            (std::vector<int16_t>{-100, 32767}));
}

TEST(Quantize, AnySplitOfTheTiles) {
  std::vector<float> x;
  for (int i = 0; i < 10007; ++i) x.push_back(static_cast<float>(i % 500 - 250) * 0.25f);
  for (Type type : {Type::kInt16, Type::kInt4}) {
    const auto out = TestTensor::Output(type, 0.5f);
    const auto whole = Computed<uint8_t>(OpCode::kQUANTIZE, Floats(x), out);
    RunConfig config;
    config.tiles_per_call = 1;
    EXPECT_EQ(Computed<uint8_t>(OpCode::kQUANTIZE, Floats(x), out, config), whole);
  }
}

TEST(Quantize, SaysWhatIsWrong) {
  EXPECT_EQ(ErrorOf(OpCode::kQUANTIZE, Floats({1}), TestTensor::Output(Type::kInt8)),
            "'t' is int8 without scale and zero point");
  EXPECT_EQ(ErrorOf(OpCode::kQUANTIZE, Floats({1}), TestTensor::Output(Type::kInt64, 1)),
            "'t' is int64: no kernel for this type");
  const auto three = PerChannel(TestTensor::Output(Type::kInt8), {1, 1, 1}, {0, 0, 0}, 0);
  EXPECT_EQ(ErrorOf(OpCode::kQUANTIZE, Floats({1, 2}), three),
            "3 scales along axis 0 of 't' of 2, expected 2");
}

TEST(Dequantize, EveryByte) {
  for (Numerics mode : kModes) {
    const auto in = EveryByte<uint8_t>(Type::kUInt8, 0.1f, 7);
    const auto got =
        Computed<float>(OpCode::kDEQUANTIZE, in, TestTensor::Output(Type::kFloat32), {mode});
    for (int i = 0; i < 256; ++i)
      ASSERT_EQ(got[i], static_cast<float>(static_cast<double>(0.1f) * (i - 7))) << i;
  }
}

TEST(Dequantize, OtherTypes) {
  const auto out = TestTensor::Output(Type::kFloat32);
  using V = std::vector<float>;
  const auto i16 = TestTensor::Of<int16_t>(Type::kInt16, {2}, {-32768, 32767}, 0.5f);
  EXPECT_EQ(Computed<float>(OpCode::kDEQUANTIZE, i16, out), (V{-16384, 16383.5f}));
  const auto f16 = TestTensor::Of<uint16_t>(Type::kFloat16, {3}, {0x3c00, 0x0001, 0xfc00});
  EXPECT_EQ(Computed<float>(OpCode::kDEQUANTIZE, f16, out), (V{1, 0x1p-24f, -kInf}));
  const auto bf16 = TestTensor::Of<uint16_t>(Type::kBFloat16, {1}, {0x4049});
  EXPECT_EQ(Computed<float>(OpCode::kDEQUANTIZE, bf16, out), (V{3.140625f}));
  const std::vector<uint8_t> nibbles{0xf8, 0x07};
  const auto i4 = TestTensor::Of<uint8_t>(Type::kInt4, {3}, nibbles, 2);
  EXPECT_EQ(Computed<float>(OpCode::kDEQUANTIZE, i4, out), (V{-16, -2, 14}));
  const auto u4 = TestTensor::Of<uint8_t>(Type::kUInt4, {3}, nibbles, 2, 7);
  EXPECT_EQ(Computed<float>(OpCode::kDEQUANTIZE, u4, out), (V{2, 16, 0}));
  const auto i2 = TestTensor::Of<uint8_t>(Type::kInt2, {5}, {0b11100100, 0b01}, 0.5f);
  EXPECT_EQ(Computed<float>(OpCode::kDEQUANTIZE, i2, out), (V{0, 0.5f, -1, -0.5f, 0.5f}));
}

TEST(Dequantize, PerChannel) {
  const auto out = TestTensor::Output(Type::kFloat32);
  auto in = TestTensor::Of<int8_t>(Type::kInt8, {2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(Computed<float>(OpCode::kDEQUANTIZE, PerChannel(in, {1, 2, 3}, {0, 1, 0}, 1), out),
            (std::vector<float>{1, 2, 9, 4, 8, 18}));
  EXPECT_EQ(Computed<float>(OpCode::kDEQUANTIZE, PerChannel(in, {1, 2}, {0, 1}, 0), out),
            (std::vector<float>{1, 2, 3, 6, 8, 10}));
}

}  // namespace
}  // namespace heddle::core
