// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED: values worked out by hand.
#include <cmath>
#include <limits>

#include "kernels/conv/case_for_test.h"

namespace heddle::core {
namespace {

constexpr Numerics kBoth[] = {Numerics::kFast, Numerics::kReference};

ConvCase FloatCase(Shape input, Shape weights, FullyConnectedOptions options = {}) {
  ConvCase c;
  c.op = DenseOperator(options);
  std::vector<float> x(input.elements()), w(weights.elements());
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i + 1);
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<float>(i);
  c.inputs = {Floats(input, x), Floats(weights, w).Constant()};
  c.output = TestTensor::Output(Type::kFloat32);
  return c;
}

TEST(FullyConnected, FlattensToRowsOrKeepsDimensions) {
  ConvCase c = FloatCase({2, 1, 2}, {3, 2});
  for (const Numerics numerics : kBoth) {
    EXPECT_EQ(c.Run<float>(numerics), (std::vector<float>{2, 8, 14, 4, 18, 32}));
    EXPECT_EQ(c.shape, (Shape{2, 3}));
  }
  ConvCase kept = FloatCase({2, 1, 2}, {3, 2}, {.keep_num_dims = true});
  EXPECT_EQ(kept.Run<float>(Numerics::kFast), (std::vector<float>{2, 8, 14, 4, 18, 32}));
  EXPECT_EQ(kept.shape, (Shape{2, 1, 3}));
  ConvCase wide = FloatCase({2, 2}, {1, 4});
  EXPECT_EQ(wide.Run<float>(Numerics::kFast), (std::vector<float>{0 + 2 + 6 + 12}));
  EXPECT_EQ(wide.shape, (Shape{1, 1}));
}

TEST(FullyConnected, EmptyTensors) {
  ConvCase rows = FloatCase({0, 5}, {3, 5});
  EXPECT_TRUE(rows.Run<float>(Numerics::kFast).empty());
  EXPECT_EQ(rows.shape, (Shape{0, 3}));
  ConvCase units = FloatCase({2, 5}, {0, 5});
  EXPECT_TRUE(units.Run<float>(Numerics::kFast).empty());
  EXPECT_EQ(units.shape, (Shape{2, 0}));
  ConvCase depth = FloatCase({2, 0}, {2, 0});
  depth.inputs.push_back(Floats({2}, {3, -4}).Constant());
  EXPECT_EQ(depth.Run<float>(Numerics::kFast), (std::vector<float>{3, -4, 3, -4}));
}

TEST(FullyConnected, ManyColumnsInAnySplitOfTiles) {
  ConvCase c = FloatCase({3, 7}, {150, 7});
  const std::vector<float> whole = c.Run<float>(Numerics::kFast);
  ASSERT_EQ(whole.size(), 450u);
  // Row 1, column 149: sum of (8 + i) * (149 * 7 + i).
  float expected = 0;
  for (int i = 0; i < 7; ++i) expected += static_cast<float>((8 + i) * (1043 + i));
  EXPECT_EQ(whole[299], expected);
  EXPECT_EQ(c.Run<float>(Numerics::kFast, 1), whole);
}

// Sums +-1 and +-5 by 1/2: each kernel of LiteRT rounds them its own way.
std::vector<int8_t> Halves(TestTensor weights, Numerics numerics) {
  ConvCase c;
  c.op = DenseOperator();
  const int32_t depth = weights.shape[1];
  std::vector<int8_t> x;
  for (const int8_t v : {1, -1, 5, -5}) {
    x.push_back(v);
    x.insert(x.end(), depth - 1, 0);
  }
  c.inputs = {Int8s({4, depth}, x, 1.0f), std::move(weights), Int32s({0}).Constant()};
  c.output = TestTensor::Output(Type::kInt8, 1.0f);
  return c.Run<int8_t>(numerics);
}

TEST(FullyConnected, RoundingOfHalves) {
  using V = std::vector<int8_t>;
  const V away{1, -1, 3, -3}, even{0, 0, 2, -2}, up{1, 0, 3, -2};
  EXPECT_EQ(Halves(Int8s({1, 1}, {1}, 0.5f).Constant(), Numerics::kReference), away);
  EXPECT_EQ(Halves(Int8s({1, 1}, {1}, 0.5f).Constant(), Numerics::kFast), even);
  EXPECT_EQ(Halves(Int8s({1, 1}, {1}, 0.5f), Numerics::kFast), up) << "weights made at run time";
  EXPECT_EQ(Halves(Int8s({1, 1}, {2}, 0.5f, 1).Constant(), Numerics::kFast), up) << "zero point";
  EXPECT_EQ(Halves(PackedInts(Type::kInt4, 4, {1, 2}, {1, 0}, 0.5f), Numerics::kFast), even);
  EXPECT_EQ(Halves(PackedInts(Type::kInt4, 4, {1, 3}, {1, 0, 0}, 0.5f), Numerics::kFast), up)
      << "odd depth";
  EXPECT_EQ(Halves(PackedInts(Type::kInt2, 2, {1, 4}, {1, 0, 0, 0}, 0.5f), Numerics::kFast), up)
      << "per tensor";
}

TEST(FullyConnected, PackedWeightsKeepSignAndOrder) {
  ConvCase c;
  c.op = DenseOperator();
  c.inputs = {Int8s({1, 3}, {1, 10, 20}, 1.0f),
              PackedInts(Type::kInt4, 4, {2, 3}, {-8, 7, 1, 0, -1, 2}, 1.0f)};
  c.output = TestTensor::Output(Type::kInt8, 1.0f);
  for (const Numerics numerics : kBoth)
    EXPECT_EQ(c.Run<int8_t>(numerics), (std::vector<int8_t>{82, 30}));
  c.inputs = {Int8s({1, 5}, {1, 2, 4, 8, 16}, 1.0f),
              PackedInts(Type::kInt2, 2, {1, 5}, {-2, 1, 0, -1, 1}, 1.0f)};
  for (const Numerics numerics : kBoth)
    EXPECT_EQ(c.Run<int8_t>(numerics), (std::vector<int8_t>{8}));
}

TEST(FullyConnected, Int16RoundsByBiasType) {
  const auto run = [](TestTensor bias, Numerics numerics) {
    ConvCase c;
    c.op = DenseOperator();
    c.inputs = {TestTensor::Of<int16_t>(Type::kInt16, {1, 1}, {-5}, 1.0f),
                Int8s({1, 1}, {1}, 0.5f).Constant(), std::move(bias)};
    c.output = TestTensor::Output(Type::kInt16, 1.0f);
    return c.Run<int16_t>(numerics)[0];
  };
  const TestTensor wide = TestTensor::Of<int64_t>(Type::kInt64, {1}, {0}, 1.0f).Constant();
  EXPECT_EQ(run(wide, Numerics::kFast), -3);
  EXPECT_EQ(run(wide, Numerics::kReference), -3);
  EXPECT_EQ(run(Int32s({0}).Constant(), Numerics::kFast), -2);
  EXPECT_EQ(run(TestTensor(), Numerics::kFast), -2);
  EXPECT_EQ(run(TestTensor(), Numerics::kReference), -3);
}

TEST(FullyConnected, Int16ByInt16) {
  ConvCase c;
  c.op = DenseOperator();
  c.inputs = {TestTensor::Of<int16_t>(Type::kInt16, {1, 2}, {30000, -2}, 1.0f),
              TestTensor::Of<int16_t>(Type::kInt16, {1, 2}, {30000, 3}, 1.0f).Constant(),
              Int32s({6}).Constant()};
  c.output = TestTensor::Output(Type::kInt16, 0x1p15f);
  for (const Numerics numerics : kBoth)
    EXPECT_EQ(c.Run<int16_t>(numerics)[0], 27466);  // 9e8 / 2^15 = 27465.8
}

TEST(FullyConnected, Uint8FusedActivation) {
  ConvCase c;
  c.op = DenseOperator({.activation = Activation::kRelu6});
  c.inputs = {TestTensor::Of<uint8_t>(Type::kUInt8, {3, 1}, {100, 140, 255}, 0.25f, 128),
              TestTensor::Of<uint8_t>(Type::kUInt8, {1, 1}, {9}, 0.25f, 5).Constant()};
  c.output = TestTensor::Output(Type::kUInt8, 0.125f, 20);
  // Sums -112, 48 and 508 of 1/16 each: 0 is 20, 3 is 44, and 6 is 68.
  for (const Numerics numerics : kBoth)
    EXPECT_EQ(c.Run<uint8_t>(numerics), (std::vector<uint8_t>{20, 44, 68}));
}

// ---- Hybrid
// -----------------------------------------------------------------------------

TEST(FullyConnected, HybridSchemes) {
  ConvCase c;
  c.op = DenseOperator();
  c.inputs = {Floats({1, 2}, {127, 63.4f}), Int8s({1, 2}, {1, 100}, 0.5f).Constant(),
              Floats({1}, {1}).Constant()};
  c.output = TestTensor::Output(Type::kFloat32);
  // Symmetric: 127 and 63. XNNPACK: range [0, 127], 255 steps: 255 and rne(127.3) above the zero
  // point of -128.
  EXPECT_EQ(c.Run<float>(Numerics::kReference)[0], (127 + 6300) * 0.5f + 1);
  const float scale = 1.0f / (255.0f / 127.0f);
  EXPECT_EQ(c.Run<float>(Numerics::kFast)[0], std::fma((255 + 12700) * scale, 0.5f, 1.0f));
  c.op = DenseOperator({.asymmetric_inputs = true});
  EXPECT_NEAR(c.Run<float>(Numerics::kReference)[0], (255 + 12700) * (127.0f / 255.0f) * 0.5f + 1,
              1e-3);
}

TEST(FullyConnected, HybridZeroAndNonFiniteRowsHaveDefinedResults) {
  ConvCase c;
  c.op = DenseOperator();
  const float inf = std::numeric_limits<float>::infinity();
  c.inputs = {Floats({4, 2}, {0, 0, 1, 2, inf, 1, NAN, 1}), Int8s({1, 2}, {1, 1}, 1.0f).Constant(),
              Floats({1}, {7}).Constant()};
  c.output = TestTensor::Output(Type::kFloat32);
  for (const Numerics numerics : kBoth) {
    const std::vector<float> out = c.Run<float>(numerics);
    EXPECT_EQ(out[0], 7);
    EXPECT_NEAR(out[1], 10, 0.05);
  }
}

TEST(FullyConnected, Uint8HybridWeightsAreSigned) {
  ConvCase c;
  c.op = DenseOperator();
  c.inputs = {Floats({1, 1}, {127}),
              TestTensor::Of<uint8_t>(Type::kUInt8, {1, 1}, {255}, 1.0f, 3).Constant()};
  c.output = TestTensor::Output(Type::kFloat32);
  EXPECT_EQ(c.Run<float>(Numerics::kReference)[0], -127);
}

TEST(FullyConnected, BlockwiseScales) {
  ConvCase c;
  c.op = DenseOperator();
  std::vector<float> x(64, 0.0f);
  std::vector<int> w(64, 1);
  for (int i = 0; i < 64; ++i) x[i] = i < 32 ? 1.0f : -1.0f;
  w[63] = -8;
  TestTensor weights = PackedInts(Type::kInt4, 4, {1, 64}, w, 1.0f);
  const std::vector<uint16_t> scales = {0x3C00, 0x4000};  // 1 and 2
  weights.quant.scale.clear();
  weights.quant.zero_point.clear();
  weights.quant.block = 32;
  weights.quant.block_scales = 0;
  weights.quant.block_scale_data = std::as_bytes(std::span(scales));
  c.inputs = {Floats({1, 64}, x), weights, Floats({1}, {0.5f}).Constant()};
  c.output = TestTensor::Output(Type::kFloat32);
  for (const Numerics numerics : kBoth) {
    EXPECT_NEAR(c.Run<float>(numerics)[0], 32 - 2 * (31 - 8) + 0.5f,
                0.44f);  // half a step (1 / 255) by 32 + 2 * 39
    EXPECT_EQ(c.Run<float>(numerics, 1), c.Run<float>(numerics));
  }
  c.inputs[1].quant.block_scale_data = {};
  EXPECT_EQ(c.Error().code(), Code::kInvalidModel);
}

TEST(FullyConnected, Float16RoundsOnceAtTheEnd) {
  ConvCase c;
  c.op = DenseOperator();
  // 2048 + 1 is no half; 2048 + 1 + 1 is.
  c.inputs = {
      TestTensor::Of<uint16_t>(Type::kFloat16, {1, 3}, {0x6800, 0x3C00, 0x3C00}),
      TestTensor::Of<uint16_t>(Type::kFloat16, {1, 3}, {0x3C00, 0x3C00, 0x3C00}).Constant()};
  c.output = TestTensor::Output(Type::kFloat16);
  for (const Numerics numerics : kBoth) EXPECT_EQ(c.Run<uint16_t>(numerics)[0], 0x6801);
}

}  // namespace
}  // namespace heddle::core
