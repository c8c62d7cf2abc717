// SPDX-License-Identifier: Apache-2.0
#include <cfloat>
#include <cmath>
#include <random>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

constexpr Type kF32 = Type::kFloat32;
constexpr float kInf = std::numeric_limits<float>::infinity();

Operator PoolOp(OpCode code, Padding padding, int filter_h, int filter_w, int stride_h,
                int stride_w, Activation activation = Activation::kNone) {
  return MakeOp(code, PoolOptions{padding, stride_h, stride_w, filter_h, filter_w, activation});
}

TestTensor Floats(const Shape& shape, std::vector<float> values) {
  return TestTensor::Of<float>(kF32, shape, std::move(values));
}

TestTensor RandomFloats(const Shape& shape, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> values(static_cast<size_t>(shape.elements()));
  for (float& v : values) v = static_cast<float>(random()) * 0x1p-31f - 1;
  return Floats(shape, std::move(values));
}

std::vector<float> Compute(const Operator& op, const TestTensor& input, Numerics numerics) {
  std::vector<float> first;
  for (const auto& [isa, cut] : IsasAndCuts()) {
    std::vector<TestTensor> outputs = {TestTensor::Output(input.type)};
    const Status status = RunOperation(op, {input}, outputs,
                                       {.numerics = numerics, .isa = isa, .tiles_per_call = cut});
    EXPECT_TRUE(status.ok()) << status.c_str();
    if (isa == Isa::kPlain && cut == 0) first = outputs[0].As<float>();
    EXPECT_EQ(first, outputs[0].As<float>()) << IsaName(isa) << " cut " << cut;
  }
  return first;
}

// Calls f(output index, tap offsets in rows) for each output element, taps as LiteRT's SAME and
// VALID place them.
template <class F>
Shape ForEachWindow(const Shape& in, const PoolOptions& o, const F& f) {
  const auto sizes = [&](int size, int filter, int stride) {
    const int out =
        o.padding == Padding::kSame ? (size + stride - 1) / stride : (size - filter) / stride + 1;
    const int pad =
        o.padding == Padding::kSame ? std::max(0, (out - 1) * stride + filter - size) / 2 : 0;
    return std::pair(out, pad);
  };
  const std::pair<int, int> high = sizes(in[1], o.filter_h, o.stride_h);
  const std::pair<int, int> wide = sizes(in[2], o.filter_w, o.stride_w);
  const Shape out = {in[0], high.first, wide.first, in[3]};
  ForEachIndex(out, [&](const Index& at) {
    std::vector<std::vector<int64_t>> rows;
    for (int y = at[1] * o.stride_h - high.second, ky = 0; ky < o.filter_h; ++ky, ++y) {
      if (y < 0 || y >= in[1]) continue;
      rows.emplace_back();
      for (int x = at[2] * o.stride_w - wide.second, kx = 0; kx < o.filter_w; ++kx, ++x) {
        if (x >= 0 && x < in[2]) rows.back().push_back(FlatIndex(in, {at[0], y, x, at[3]}));
      }
    }
    f(rows);
  });
  return out;
}

struct Case {
  Shape in;
  int fh, fw, sh, sw;
};
const Case kCases[] = {{{2, 7, 5, 3}, 3, 3, 1, 1},   {{1, 9, 9, 70}, 2, 3, 2, 2},
                       {{1, 7, 7, 130}, 7, 7, 1, 1}, {{1, 4, 6, 1}, 1, 5, 1, 3},
                       {{3, 5, 5, 2}, 1, 1, 1, 1},   {{1, 6, 6, 9}, 4, 4, 3, 2},
                       {{1, 5, 6, 15}, 2, 2, 2, 2},  {{1, 5, 5, 21}, 2, 2, 1, 1},
                       {{1, 4, 5, 47}, 3, 2, 1, 2},  {{1, 3, 3, 64}, 2, 2, 1, 1}};

// The sum of a window in the order that the numerics promise.
float OrderedMean(const std::vector<float>& in, const std::vector<std::vector<int64_t>>& rows,
                  bool xnn) {
  const size_t cols = rows[0].size();
  const float count = static_cast<float>(rows.size() * cols);
  float sum = 0;
  if (!xnn) {
    for (const auto& row : rows) {
      for (const int64_t at : row) sum += in[at];
    }
    return sum / count;
  }
  std::vector<float> t;
  for (size_t x = 0; x < cols; ++x) {
    for (const auto& row : rows) t.push_back(in[row[x]]);
  }
  while (t.size() % 9 != 0) t.push_back(0);
  for (size_t i = 0; i < t.size(); i += 9) {
    const float* g = t.data() + i;
    sum += ((g[2] + g[3]) + (g[4] + g[5])) + (((g[0] + g[1]) + g[8]) + (g[6] + g[7]));
  }
  return sum * (1 / count);
}

TEST(AveragePoolTest, FloatsAreAddedInThePromisedOrder) {
  for (const Case& c : kCases) {
    for (const Padding padding : {Padding::kSame, Padding::kValid}) {
      const Operator op = PoolOp(OpCode::kAVERAGE_POOL_2D, padding, c.fh, c.fw, c.sh, c.sw);
      const PoolOptions options = op.OptionsOr<PoolOptions>();
      const TestTensor input = RandomFloats(c.in, 7);
      const std::vector<float> in = input.As<float>();
      for (const Numerics numerics : {Numerics::kReference, Numerics::kFast}) {
        const bool xnn = numerics == Numerics::kFast && c.sh <= c.fh && c.sw <= c.fw;
        std::vector<float> expected;
        ForEachWindow(c.in, options,
                      [&](const auto& rows) { expected.push_back(OrderedMean(in, rows, xnn)); });
        EXPECT_EQ(Compute(op, input, numerics), expected) << c.in.ToString();
      }
    }
  }
}

// XNNPACK adds the zeros of the taps that a window lacks.
TEST(AveragePoolTest, FourNegativeZerosAreNone) {
  const Operator op = PoolOp(OpCode::kAVERAGE_POOL_2D, Padding::kValid, 2, 2, 2, 2);
  const std::vector<float> in(4 * 19, -0.0f);
  for (const float mean : Compute(op, Floats({1, 2, 2, 19}, in), Numerics::kFast))
    EXPECT_FALSE(std::signbit(mean));
}

TEST(AveragePoolTest, IntegersRoundHalfAwayFromZero) {
  const auto expect = [](std::vector<int8_t> in, int8_t expected, Activation activation) {
    const Operator op = PoolOp(OpCode::kAVERAGE_POOL_2D, Padding::kValid, 1, 2, 1, 1, activation);
    TestTensor out = TestTensor::Of<int8_t>(Type::kInt8, {1, 1, 1, 1}, {expected}, 0.5f, -3);
    ExpectOutputs(op, {TestTensor::Of<int8_t>(Type::kInt8, {1, 1, 2, 1}, in, 0.5f, -3)}, {out});
  };
  expect({2, 5}, 4, Activation::kNone);
  expect({-2, -5}, -4, Activation::kNone);
  expect({127, 127}, 127, Activation::kNone);
  expect({-128, -127}, -128, Activation::kNone);
  expect({-20, -20}, -3, Activation::kRelu);
  expect({90, 90}, 9, Activation::kRelu6);
  expect({90, 90}, -1, Activation::kReluN1To1);
  expect({-90, -90}, -5, Activation::kReluN1To1);
}

template <class T>
void ExpectIntegerPools(Type type) {
  for (const Case& c : kCases) {
    for (const Padding padding : {Padding::kSame, Padding::kValid}) {
      const TestTensor input = Nd::Numbered(c.in).As(type);
      const std::vector<T> in = input.As<T>();
      std::vector<T> mean, most;
      const PoolOptions options{padding, c.sh, c.sw, c.fh, c.fw, Activation::kNone};
      const Shape out = ForEachWindow(c.in, options, [&](const auto& rows) {
        int64_t sum = 0, n = 0, best = std::numeric_limits<T>::min();
        for (const auto& row : rows) {
          for (const int64_t at : row) sum += in[at], ++n, best = std::max<int64_t>(best, in[at]);
        }
        mean.push_back(static_cast<T>(sum > 0 ? (sum + n / 2) / n : (sum - n / 2) / n));
        most.push_back(static_cast<T>(best));
      });
      ExpectOutputs(MakeOp(OpCode::kAVERAGE_POOL_2D, options), {input},
                    {TestTensor::Of<T>(type, out, mean)});
      ExpectOutputs(MakeOp(OpCode::kMAX_POOL_2D, options), {input},
                    {TestTensor::Of<T>(type, out, most)});
    }
  }
}

TEST(PoolTest, IntegersAgainstNaiveWindows) {
  ExpectIntegerPools<int8_t>(Type::kInt8);
  ExpectIntegerPools<uint8_t>(Type::kUInt8);
  ExpectIntegerPools<int16_t>(Type::kInt16);
}

TEST(PoolTest, AValidWindowThatIsTooLarge) {
  const TestTensor t = RandomFloats({1, 2, 2, 1}, 1);
  const Operator empty = PoolOp(OpCode::kMAX_POOL_2D, Padding::kValid, 3, 1, 2, 1);
  ExpectOutputs(empty, {t}, {Floats({1, 0, 2, 1}, {})});
  const Operator wrong = PoolOp(OpCode::kMAX_POOL_2D, Padding::kValid, 5, 1, 1, 1);
  ExpectError(wrong, {t}, kF32, Code::kInvalidModel, "a window of 5 does not fit an input of 2");
}

TEST(PoolTest, RefusesWrongInputsAndOptions) {
  const Operator op = PoolOp(OpCode::kMAX_POOL_2D, Padding::kSame, 2, 2, 1, 1);
  ExpectError(op, {RandomFloats({4, 4, 3}, 1)}, kF32, Code::kInvalidModel,
              "4x4x3, expected four dimensions");
  ExpectError(PoolOp(OpCode::kAVERAGE_POOL_2D, Padding::kSame, 2, 2, 0, 1),
              {RandomFloats({1, 4, 4, 3}, 1)}, kF32, Code::kInvalidModel,
              "stride 0x1, expected at least 1");
  ExpectError(op, {Nd::Numbered({1, 2, 2, 1}).As(Type::kInt32)}, Type::kInt32, Code::kUnsupported,
              "int32, expected float32");
}

TEST(MaxPoolTest, FloatSpecialValues) {
  const Operator op = PoolOp(OpCode::kMAX_POOL_2D, Padding::kValid, 1, 2, 1, 2);
  const TestTensor t = Floats({1, 1, 8, 1}, {1, NAN, kInf, 0, -kInf, -kInf, -2, -3});
  EXPECT_EQ(Compute(op, t, Numerics::kReference), (std::vector<float>{1, FLT_MAX, -FLT_MAX, -2}));
  EXPECT_EQ(Compute(op, t, Numerics::kFast), (std::vector<float>{1, kInf, -kInf, -2}));
}

TEST(MaxPoolTest, BoundsOfFastRoundTheSumToEven) {
  // relu6 at scale 0.8, zero 1: 7.5 + 1 is 9 in the builtin kernels (7.5 rounds to 8) and 8 in
  // XNNPACK (8.5 is even at 8).
  const Operator op = PoolOp(OpCode::kMAX_POOL_2D, Padding::kValid, 1, 2, 1, 1, Activation::kRelu6);
  const TestTensor t = TestTensor::Of<uint8_t>(Type::kUInt8, {1, 1, 2, 1}, {200, 100}, 0.8f, 1);
  for (const Numerics numerics : {Numerics::kReference, Numerics::kFast}) {
    std::vector<TestTensor> outputs = {TestTensor::Output(Type::kUInt8, 0.8f, 1)};
    ASSERT_TRUE(RunOperation(op, {t}, outputs, {.numerics = numerics}).ok());
    EXPECT_EQ(outputs[0].As<uint8_t>()[0], numerics == Numerics::kReference ? 9 : 8);
  }
}

}  // namespace
}  // namespace heddle::core
