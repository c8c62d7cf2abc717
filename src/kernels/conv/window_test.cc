// SPDX-License-Identifier: Apache-2.0
// CONV_2D and DEPTHWISE_CONV_2D: values worked out by hand, and random geometries against loops
// written another way.
#include <random>

#include "kernels/conv/case_for_test.h"
#include "kernels/quant.h"

namespace heddle::core {
namespace {

constexpr Numerics kBoth[] = {Numerics::kFast, Numerics::kReference};

TEST(Conv2d, ValidWindowBothModes) {
  ConvCase c;
  c.op = WindowOperator(OpCode::kCONV_2D, {.padding = Padding::kValid});
  c.inputs = {Floats({1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}),
              Floats({2, 2, 2, 1}, {1, 0, 0, 1, 1, 1, 1, 1}).Constant(),
              Floats({2}, {0.5f, -30}).Constant()};
  c.output = TestTensor::Output(Type::kFloat32);
  for (const Numerics numerics : kBoth) {
    EXPECT_EQ(c.Run<float>(numerics),
              (std::vector<float>{6.5f, -18, 8.5f, -14, 12.5f, -6, 14.5f, -2}));
    EXPECT_EQ(c.shape, (Shape{1, 2, 2, 2}));
  }
}

TEST(Conv2d, SamePaddingStrideAndDilation) {
  ConvCase c;
  c.op = WindowOperator(OpCode::kCONV_2D, {.stride_h = 2,
                                           .stride_w = 2,
                                           .dilation_h = 2,
                                           .dilation_w = 2,
                                           .activation = Activation::kRelu6});
  // Rows and columns 0 and 2, then 2 and 4, which lies in the padding: it is one, all of it behind.
  c.inputs = {Floats({1, 4, 4, 1}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}),
              Floats({1, 2, 2, 1}, {1, 1, 1, 1}).Constant(), Floats({1}, {-13}).Constant()};
  c.output = TestTensor::Output(Type::kFloat32);
  for (const Numerics numerics : kBoth) {
    // Sums 20, 12, 18 and 10, less 13, clamped to [0, 6].
    EXPECT_EQ(c.Run<float>(numerics), (std::vector<float>{6, 0, 5, 0}));
  }
}

TEST(Conv2d, GroupsReadTheirOwnChannels) {
  ConvCase c;
  c.op = WindowOperator(OpCode::kCONV_2D, {});
  c.inputs = {Floats({1, 1, 1, 4}, {1, 2, 3, 4}), Floats({2, 1, 1, 2}, {1, 10, 1, 10}).Constant(),
              Floats({2}, {0, 0}).Constant()};
  c.output = TestTensor::Output(Type::kFloat32);
  EXPECT_EQ(c.Run<float>(Numerics::kFast), (std::vector<float>{21, 43}));
}

TEST(Conv2d, FastFusesFromTheBiasAndReferenceDoesNot) {
  const float x = 1 + 0x1p-12f;
  ConvCase c;
  c.op = WindowOperator(OpCode::kCONV_2D, {});
  c.inputs = {Floats({1, 1, 1, 1}, {x}), Floats({1, 1, 1, 1}, {x}).Constant(),
              Floats({1}, {-1}).Constant()};
  c.output = TestTensor::Output(Type::kFloat32);
  EXPECT_EQ(c.Run<float>(Numerics::kFast)[0], 0x1p-11f + 0x1p-24f);
  EXPECT_EQ(c.Run<float>(Numerics::kReference)[0], 0x1p-11f);
}

TEST(Conv2d, MissingBiasIsZero) {
  for (const bool listed : {true, false}) {
    ConvCase c;
    c.op = WindowOperator(OpCode::kCONV_2D, {});
    c.inputs = {Floats({1, 1, 1, 1}, {3}), Floats({1, 1, 1, 1}, {4}).Constant()};
    if (listed) c.inputs.push_back(TestTensor());
    c.output = TestTensor::Output(Type::kFloat32);
    for (const Numerics numerics : kBoth) EXPECT_EQ(c.Run<float>(numerics)[0], 12);
  }
}

TEST(Conv2d, ZeroBatchAndRuntimeWeights) {
  ConvCase c;
  c.op = WindowOperator(OpCode::kCONV_2D, {});
  c.inputs = {Floats({0, 2, 2, 1}, {}), Floats({1, 1, 1, 1}, {4}), Floats({1}, {1})};
  c.output = TestTensor::Output(Type::kFloat32);
  EXPECT_TRUE(c.Run<float>(Numerics::kFast).empty());
  EXPECT_EQ(c.shape, (Shape{0, 2, 2, 1}));
  c.inputs[0] = Floats({1, 1, 1, 1}, {2});
  EXPECT_EQ(c.Run<float>(Numerics::kFast)[0], 9);
}

TEST(Conv2d, Float16WeightsAreExact) {
  ConvCase c;
  c.op = WindowOperator(OpCode::kCONV_2D, {});
  c.inputs = {Floats({1, 1, 1, 2}, {2, 4}),
              TestTensor::Of<uint16_t>(Type::kFloat16, {1, 1, 1, 2}, {0x3C00, 0xB800}).Constant(),
              TestTensor::Of<uint16_t>(Type::kFloat16, {1}, {0x3400}).Constant()};
  c.output = TestTensor::Output(Type::kFloat32);
  EXPECT_EQ(c.Run<float>(Numerics::kFast)[0], 0.25f);  // 2 * 1 - 4 * 0.5 + 0.25
}

// One multiply-add with multiplier 1/2: the rounding rule shows in the odd sums.
std::vector<int8_t> Halves(OpCode code, Type weights_type, Numerics numerics) {
  ConvCase c;
  c.op = WindowOperator(code, {});
  c.inputs = {Int8s({1, 1, 4, 1}, {1, -1, 5, -5}, 1.0f)};
  c.inputs.push_back(weights_type == Type::kInt4
                         ? PackedInts(Type::kInt4, 4, {1, 1, 1, 1}, {1}, 0.5f)
                         : Int8s({1, 1, 1, 1}, {1}, 0.5f).Constant());
  c.inputs.push_back(Int32s({0}).Constant());
  c.output = TestTensor::Output(Type::kInt8, 1.0f);
  return c.Run<int8_t>(numerics);
}

TEST(Window, RoundingOfHalves) {
  using V = std::vector<int8_t>;
  for (const OpCode code : {OpCode::kCONV_2D, OpCode::kDEPTHWISE_CONV_2D}) {
    EXPECT_EQ(Halves(code, Type::kInt8, Numerics::kReference), (V{1, 0, 3, -2}))
        << "up in the first step";
    EXPECT_EQ(Halves(code, Type::kInt8, Numerics::kFast), (V{0, 0, 2, -2})) << "to even";
    EXPECT_EQ(Halves(code, Type::kInt4, Numerics::kFast), (V{1, 0, 3, -2})) << "not XNNPACK's";
  }
}

TEST(Window, QuartersTellVectorCodeFromItsTail) {
  // -2 * 1/4: a second step that rounds up gives 0, one that rounds away from zero -1.
  const auto run = [](OpCode code, int32_t channels, Numerics numerics) {
    const bool depthwise = code == OpCode::kDEPTHWISE_CONV_2D;
    ConvCase c;
    c.op = WindowOperator(code, {});
    c.inputs = {
        Int8s({1, 1, 1, depthwise ? channels : 1},
              std::vector<int8_t>(depthwise ? channels : 1, -2), 1.0f),
        PackedInts(Type::kInt4, 4, depthwise ? Shape{1, 1, 1, channels} : Shape{channels, 1, 1, 1},
                   std::vector<int>(channels, 1), 0.25f),
        Int32s(std::vector<int32_t>(channels, 0)).Constant()};
    c.output = TestTensor::Output(Type::kInt8, 1.0f);
    return c.Run<int8_t>(numerics);
  };
  std::vector<int8_t> expected(9, 0);
  EXPECT_EQ(run(OpCode::kCONV_2D, 9, Numerics::kFast), expected);
  expected[8] = -1;
  EXPECT_EQ(run(OpCode::kDEPTHWISE_CONV_2D, 9, Numerics::kFast), expected);
  EXPECT_EQ(run(OpCode::kCONV_2D, 9, Numerics::kReference), std::vector<int8_t>(9, -1));
}

TEST(Depthwise, FastGoesColumnByColumnWhereTheMultiplierIsOne) {
  const auto run = [](int32_t multiplier, Numerics numerics) {
    ConvCase c;
    c.op = WindowOperator(OpCode::kDEPTHWISE_CONV_2D, {.padding = Padding::kValid});
    std::vector<float> weights;
    for (const float w : {1e8f, 1.0f, -1e8f, 1.0f}) weights.insert(weights.end(), multiplier, w);
    c.inputs = {Floats({1, 2, 2, 1}, {1, 1, 1, 1}),
                Floats({1, 2, 2, multiplier}, weights).Constant(),
                Floats({multiplier}, std::vector<float>(multiplier, 0)).Constant()};
    c.output = TestTensor::Output(Type::kFloat32);
    return c.Run<float>(numerics)[0];
  };
  EXPECT_EQ(run(1, Numerics::kFast), 2);
  EXPECT_EQ(run(2, Numerics::kFast), 1);
  EXPECT_EQ(run(1, Numerics::kReference), 1);
}

TEST(Conv2d, Int16HasFifteenBitMultiplierAndWideBias) {
  ConvCase c;
  c.op = WindowOperator(OpCode::kCONV_2D, {});
  c.inputs = {TestTensor::Of<int16_t>(Type::kInt16, {1, 1, 1, 2}, {30000, -30000}, 1.0f),
              Int8s({1, 1, 1, 2}, {127, -127}, 1.0f).Constant(),
              TestTensor::Of<int64_t>(Type::kInt64, {1}, {94366422010}, 1.0f).Constant()};
  c.output = TestTensor::Output(Type::kInt16, 3 * 0x1p20f);
  // (7620000 + bias) / (3 * 2^20) = 30000.7, but with 21845 / 2^15 instead of 2/3 it is 30000.24.
  for (const Numerics numerics : kBoth) EXPECT_EQ(c.Run<int16_t>(numerics)[0], 30000);
}

TEST(Conv2d, Uint8TakesBothZeroPoints) {
  ConvCase c;
  c.op = WindowOperator(OpCode::kCONV_2D, {});
  c.inputs = {TestTensor::Of<uint8_t>(Type::kUInt8, {1, 1, 1, 2}, {130, 120}, 0.5f, 128),
              TestTensor::Of<uint8_t>(Type::kUInt8, {1, 1, 1, 2}, {7, 2}, 0.5f, 4).Constant(),
              Int32s({2}).Constant()};
  c.output = TestTensor::Output(Type::kUInt8, 0.25f, 10);
  for (const Numerics numerics : kBoth)
    EXPECT_EQ(c.Run<uint8_t>(numerics)[0], 2 * 3 + 8 * 2 + 2 + 10);
}

// ---- Random geometries
// -----------------------------------------------------------------------------------------------

struct RandomWindow {
  int32_t batch, h, w, c, out_c, kh, kw;
  ConvOptions options;
  bool depthwise;
  std::vector<int8_t> x, weights;
  std::vector<int32_t> bias;
};

RandomWindow MakeRandom(std::mt19937& rng, bool depthwise) {
  const auto pick = [&](int lo, int hi) {
    return std::uniform_int_distribution<int32_t>(lo, hi)(rng);
  };
  RandomWindow r;
  r.depthwise = depthwise;
  r.batch = pick(1, 2), r.h = pick(5, 9), r.w = pick(5, 9), r.kh = pick(1, 3), r.kw = pick(1, 3);
  const int32_t groups = pick(1, 3);
  r.c = groups * pick(1, 3);
  r.out_c = depthwise ? r.c * pick(1, 3) : groups * pick(1, 4);
  r.options.padding = pick(0, 1) != 0 ? Padding::kSame : Padding::kValid;
  r.options.stride_h = pick(1, 3), r.options.stride_w = pick(1, 3);
  r.options.dilation_h = pick(1, 2), r.options.dilation_w = pick(1, 2);
  const auto fill = [&](std::vector<int8_t>& v, size_t n) {
    while (v.size() < n) v.push_back(static_cast<int8_t>(pick(-127, 127)));
  };
  fill(r.x, r.batch * r.h * r.w * r.c);
  fill(r.weights, depthwise ? r.kh * r.kw * r.out_c : r.out_c * r.kh * r.kw * r.c / groups);
  for (int32_t c = 0; c < r.out_c; ++c) r.bias.push_back(pick(-9999, 9999));
  return r;
}

// Scatters every input value into the sums that it takes part in, the other way round from the
// kernels' gathering.
std::vector<int32_t> ScatteredSums(const RandomWindow& r, const Shape& out, int32_t zero) {
  const auto pad = [&](int out_n, int stride, int k, int dilation, int in) {
    if (r.options.padding == Padding::kValid) return 0;
    return std::max(0, (out_n - 1) * stride + (k - 1) * dilation + 1 - in) / 2;
  };
  const ConvOptions& o = r.options;
  const int pad_h = pad(out[1], o.stride_h, r.kh, o.dilation_h, r.h);
  const int pad_w = pad(out[2], o.stride_w, r.kw, o.dilation_w, r.w);
  const int depth = r.depthwise ? 1 : static_cast<int>(r.weights.size()) / (r.out_c * r.kh * r.kw);
  const int share =
      r.depthwise ? r.out_c / r.c : r.out_c / (r.c / depth);  // outputs that read one input channel
  std::vector<int32_t> sums(out.elements());
  for (size_t i = 0; i < sums.size(); ++i) sums[i] = r.bias[i % r.out_c];
  for (size_t i = 0; i < r.x.size(); ++i) {
    const int c = i % r.c, x = i / r.c % r.w, y = i / r.c / r.w % r.h, b = i / r.c / r.w / r.h;
    for (int tap = 0; tap < r.kh * r.kw; ++tap) {
      const int ty = y + pad_h - tap / r.kw * o.dilation_h,
                tx = x + pad_w - tap % r.kw * o.dilation_w;
      if (ty < 0 || tx < 0 || ty % o.stride_h != 0 || tx % o.stride_w != 0) continue;
      if (ty / o.stride_h >= out[1] || tx / o.stride_w >= out[2]) continue;
      for (int k = 0; k < share; ++k) {
        const int oc = c / depth * share + k;
        const int8_t w = r.depthwise ? r.weights[tap * r.out_c + oc]
                                     : r.weights[(oc * r.kh * r.kw + tap) * depth + c % depth];
        sums[((b * out[1] + ty / o.stride_h) * out[2] + tx / o.stride_w) * r.out_c + oc] +=
            (r.x[i] - zero) * w;
      }
    }
  }
  return sums;
}

TEST(Window, RandomInt8GeometriesAgreeWithScattering) {
  constexpr uint32_t kSeed = 20261121;
  SCOPED_TRACE(kSeed);
  std::mt19937 rng(kSeed);
  for (int i = 0; i < 200; ++i) {
    const RandomWindow r = MakeRandom(rng, i % 2 != 0);
    ConvCase c;
    c.op = WindowOperator(r.depthwise ? OpCode::kDEPTHWISE_CONV_2D : OpCode::kCONV_2D, r.options);
    const Shape filter =
        r.depthwise ? Shape{1, r.kh, r.kw, r.out_c}
                    : Shape{r.out_c, r.kh, r.kw,
                            static_cast<int32_t>(r.weights.size()) / (r.out_c * r.kh * r.kw)};
    TestTensor weights = Int8s(filter, r.weights, 1.0f).Constant();
    std::vector<float> scales;
    for (int32_t k = 0; k < r.out_c; ++k) scales.push_back(0.001f * static_cast<float>(k + 1));
    if (r.out_c > 1) SetScales(weights, scales, r.depthwise ? 3 : 0);
    c.inputs = {Int8s({r.batch, r.h, r.w, r.c}, r.x, 0.5f, -3), weights, Int32s(r.bias).Constant()};
    c.output = TestTensor::Output(Type::kInt8, 0.7f, 5);
    const std::vector<int8_t> actual = c.Run<int8_t>(Numerics::kReference);
    const std::vector<int32_t> sums = ScatteredSums(r, c.shape, -3);
    ASSERT_EQ(actual.size(), sums.size());
    for (size_t k = 0; k < sums.size(); ++k) {
      const double scale = weights.quant.Scale(k % r.out_c);
      const Multiplier m = MakeMultiplier(0.5 * scale / static_cast<double>(0.7f));
      ASSERT_EQ(actual[k], std::clamp(Mbqm(sums[k], m) + 5, -128, 127))
          << "case " << i << " element " << k;
    }
    EXPECT_EQ(actual, c.Run<int8_t>(Numerics::kReference, 1)) << "tiles one by one";
  }
}

TEST(Window, HybridIsCloseToFloatAndIndependentOfTiles) {
  constexpr uint32_t kSeed = 7;
  SCOPED_TRACE(kSeed);
  std::mt19937 rng(kSeed);
  for (int i = 0; i < 60; ++i) {
    const RandomWindow r = MakeRandom(rng, i % 2 != 0);
    const OpCode code = r.depthwise ? OpCode::kDEPTHWISE_CONV_2D : OpCode::kCONV_2D;
    const Shape filter =
        r.depthwise ? Shape{1, r.kh, r.kw, r.out_c}
                    : Shape{r.out_c, r.kh, r.kw,
                            static_cast<int32_t>(r.weights.size()) / (r.out_c * r.kh * r.kw)};
    std::vector<float> x, w;
    for (const int8_t v : r.x) x.push_back(static_cast<float>(v) / 64.0f);
    for (const int8_t v : r.weights) w.push_back(static_cast<float>(v) * 0.01f);
    const TestTensor input = Floats({r.batch, r.h, r.w, r.c}, x);
    const TestTensor bias = Floats({r.out_c}, std::vector<float>(r.out_c, 0.25f)).Constant();
    ConvCase exact{WindowOperator(code, r.options),
                   {input, Floats(filter, w).Constant(), bias},
                   TestTensor::Output(Type::kFloat32),
                   {}};
    ConvCase hybrid = exact;
    const std::vector<float> scales(r.depthwise ? r.out_c : 1, 0.01f);
    hybrid.inputs[1] = Int8s(filter, r.weights, 0.01f).Constant();
    ConvCase one_scale = hybrid;
    SetScales(hybrid.inputs[1], scales, r.depthwise ? 3 : 0);
    for (const Numerics numerics : kBoth) {
      const std::vector<float> expected = exact.Run<float>(numerics),
                               actual = hybrid.Run<float>(numerics);
      ASSERT_EQ(expected.size(), actual.size());
      // Half a step of the input (4 / 255), times the weights' sum of magnitudes.
      const float bound = 0.01f * 1.27f * static_cast<float>(w.size() / r.out_c) + 1e-4f;
      for (size_t k = 0; k < actual.size(); ++k)
        ASSERT_NEAR(actual[k], expected[k], bound) << "case " << i;
      EXPECT_EQ(actual, hybrid.Run<float>(numerics, 1)) << "tiles one by one";
      EXPECT_EQ(actual, one_scale.Run<float>(numerics)) << "one scale stands for all channels";
    }
  }
}

}  // namespace
}  // namespace heddle::core
