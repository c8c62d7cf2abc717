// SPDX-License-Identifier: Apache-2.0
// What the three operators refuse, and hostile numbers.
#include <cmath>
#include <limits>

#include "kernels/conv/case_for_test.h"

namespace heddle::core {
namespace {

ConvCase Int8Conv() {
  ConvCase c;
  c.op = WindowOperator(OpCode::kCONV_2D, {});
  c.inputs = {Int8s({1, 2, 2, 2}, std::vector<int8_t>(8, 1), 1.0f),
              Int8s({1, 1, 1, 2}, {1, 1}, 1.0f).Constant(), Int32s({0}).Constant()};
  c.output = TestTensor::Output(Type::kInt8, 1.0f);
  return c;
}

void ExpectError(ConvCase c, Code code, std::string_view text) {
  for (const Numerics numerics : {Numerics::kFast, Numerics::kReference}) {
    const Status status = c.Error(numerics);
    EXPECT_EQ(status.code(), code) << status.message();
    EXPECT_EQ(status.message(), text);
  }
}

TEST(ConvCheck, TheBaseCaseRuns) {
  ConvCase c = Int8Conv();
  EXPECT_EQ(c.Run<int8_t>(Numerics::kFast), (std::vector<int8_t>{2, 2, 2, 2}));
}

TEST(ConvCheck, Shapes) {
  ConvCase c = Int8Conv();
  c.inputs[1] = Int8s({1, 1, 1, 3}, {1, 1, 1}, 1.0f).Constant();
  ExpectError(c, Code::kInvalidModel,
              "weights 't' have 3 channels, expected a divisor of 2 (input channels)");
  c = Int8Conv();
  c.inputs[2] = Int32s({0, 0}).Constant();
  ExpectError(c, Code::kInvalidModel, "bias 't' has 2 values, expected 1 (output channels)");
  c = Int8Conv();
  c.inputs[0].shape = {4, 2};
  ExpectError(c, Code::kInvalidModel, "input 't' has shape 4x2, expected rank 4");
  c = Int8Conv();
  c.inputs[1] = Int8s({1, 3, 1, 2}, std::vector<int8_t>(6, 1), 1.0f).Constant();
  c.op = WindowOperator(OpCode::kCONV_2D, {.padding = Padding::kValid});
  ExpectError(c, Code::kInvalidModel, "input has height 2, expected at least 3 (dilated weights)");
  c = Int8Conv();
  c.op = WindowOperator(OpCode::kDEPTHWISE_CONV_2D, {});
  c.inputs[1] = Int8s({1, 1, 1, 3}, {1, 1, 1}, 1.0f).Constant();
  ExpectError(c, Code::kInvalidModel,
              "weights 't' have 3 channels, expected a multiple of 2 (input channels)");
}

TEST(ConvCheck, Options) {
  ConvCase c = Int8Conv();
  c.op = WindowOperator(OpCode::kCONV_2D, {.stride_w = 0});
  ExpectError(c, Code::kInvalidModel, "stride is 1x0, expected at least 1x1");
  c.op = WindowOperator(OpCode::kCONV_2D, {.dilation_h = -1});
  ExpectError(c, Code::kInvalidModel, "dilation is -1x1, expected at least 1x1");
  c.op = WindowOperator(OpCode::kCONV_2D, {.activation = Activation::kTanh});
  ExpectError(c, Code::kUnsupported,
              "fused activation tanh, expected none, relu, relu_n1_to_1 or relu6");
}

TEST(ConvCheck, Quantisation) {
  ConvCase c = Int8Conv();
  c.inputs[1].quant.zero_point = {9};
  ExpectError(c, Code::kInvalidModel, "weights 't' have zero point 9, expected 0");
  c = Int8Conv();
  c.inputs[1].quant = {};
  ExpectError(c, Code::kInvalidModel, "weights 't' are int8 without a scale");
  c = Int8Conv();
  c.output = TestTensor::Output(Type::kInt8);
  ExpectError(c, Code::kInvalidModel, "output 't' has 0 scales, expected 1");
  c = Int8Conv();
  SetScales(c.inputs[1], {1, 1, 1}, 0);
  ExpectError(c, Code::kInvalidModel,
              "weights 't' have 3 scales, expected 1 or 1 (output channels)");
}

TEST(ConvCheck, Types) {
  ConvCase c = Int8Conv();
  c.inputs[1].type = Type::kUInt8;
  ExpectError(c, Code::kUnsupported,
              "weights 't' are uint8, which does not go with an input of int8");
  c = Int8Conv();
  c.inputs[2] = Floats({1}, {0}).Constant();
  ExpectError(c, Code::kInvalidModel,
              "bias 't' is float32, which does not go with an input of int8");
  c = Int8Conv();
  c.inputs[1] = PackedInts(Type::kInt4, 4, {1, 1, 1, 2}, {1, 1}, 1.0f);
  c.inputs[1].constant = false;
  ExpectError(c, Code::kUnsupported,
              "weights 't' are int4 and made at run time, expected a constant");
  c = Int8Conv();
  c.inputs.pop_back();
  c.inputs.pop_back();
  ExpectError(c, Code::kInvalidModel, "1 inputs, expected 2 or 3");
}

TEST(ConvCheck, Dense) {
  ConvCase c;
  c.op = DenseOperator();
  c.inputs = {Floats({1, 5}, std::vector<float>(5, 1)),
              Floats({2, 3}, std::vector<float>(6, 1)).Constant()};
  c.output = TestTensor::Output(Type::kFloat32);
  ExpectError(c, Code::kInvalidModel,
              "input 't' has 5 values, expected a multiple of 3 (weights 't')");
  c.op = DenseOperator({.keep_num_dims = true});
  ExpectError(c, Code::kInvalidModel,
              "input 't' has shape 1x5, expected 3 as its last size (weights 't')");
  c.op = DenseOperator({.shuffled_weights = true});
  ExpectError(c, Code::kUnsupported, "weights in shuffled 4x16 format");
}

TEST(ConvCheck, HugeDilationAndBiasAreHarmless) {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  ConvCase c = Int8Conv();
  c.op =
      WindowOperator(OpCode::kCONV_2D, {.stride_h = kMax, .dilation_h = kMax, .dilation_w = kMax});
  EXPECT_EQ(c.Run<int8_t>(Numerics::kFast), (std::vector<int8_t>{2, 2}));  // one row of two
  c.inputs[1] = Int8s({1, 2, 1, 2}, {1, 1, 1, 1}, 1.0f).Constant();
  EXPECT_EQ(c.Error().code(), Code::kInvalidModel);

  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  for (const int64_t bias : {kMost, -kMost}) {
    ConvCase wide;
    wide.op = WindowOperator(OpCode::kCONV_2D, {});
    wide.inputs = {TestTensor::Of<int16_t>(Type::kInt16, {1, 1, 1, 1}, {32767}, 1.0f),
                   Int8s({1, 1, 1, 1}, {127}, 1.0f).Constant(),
                   TestTensor::Of<int64_t>(Type::kInt64, {1}, {bias}, 1.0f).Constant()};
    wide.output = TestTensor::Output(Type::kInt16, 1.0f);
    EXPECT_EQ(wide.Run<int16_t>(Numerics::kReference).size(), 1u);
  }
}

}  // namespace
}  // namespace heddle::core
