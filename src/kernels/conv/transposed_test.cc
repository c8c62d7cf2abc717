// SPDX-License-Identifier: Apache-2.0
// Transposed convolutions are the adjoints of convolutions: <conv(x), y> = <x, transposed(y)>.
#include <numeric>
#include <random>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

std::vector<float> Whole(int64_t n, std::mt19937& random) {
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = static_cast<float>(static_cast<int>(random() % 9) - 4);
  return v;
}
TestTensor Tensor(const Shape& shape, std::vector<float> v) {
  return TestTensor::Of<float>(Type::kFloat32, shape, std::move(v)).Constant();
}
TestTensor RunTime(const Shape& shape, std::vector<float> v) {
  return TestTensor::Of<float>(Type::kFloat32, shape, std::move(v));
}
float Inner(const std::vector<float>& a, const std::vector<float>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0f);
}

TestTensor Result(const Operator& op, const std::vector<TestTensor>& inputs, RunConfig config) {
  std::vector<TestTensor> outputs = {TestTensor::Output(Type::kFloat32)};
  const Status status = RunOperation(op, inputs, outputs, config);
  EXPECT_TRUE(status.ok()) << status.message();
  return outputs[0];
}

TEST(TransposeConv, IsTheAdjointOfTheConvolution) {
  for (const Padding padding : {Padding::kSame, Padding::kValid}) {
    for (const auto& [stride_h, stride_w] : {std::pair(1, 1), std::pair(2, 3), std::pair(3, 2)}) {
      std::mt19937 random(11);
      constexpr int32_t kIn = 5, kOut = 19, kH = 3, kW = 4;
      ConvOptions options;
      options.padding = padding, options.stride_h = stride_h, options.stride_w = stride_w;
      const Shape image = {2, 9, 11, kIn};
      const std::vector<float> w = Whole(kOut * kH * kW * kIn, random);
      std::vector<float> turned(w.size());  // [in][h][w][out]
      for (int o = 0; o < kOut; ++o)
        for (int t = 0; t < kH * kW; ++t)
          for (int i = 0; i < kIn; ++i)
            turned[(i * kH * kW + t) * kOut + o] = w[(o * kH * kW + t) * kIn + i];
      const std::vector<float> x = Whole(image.elements(), random);
      const Operator conv = MakeOp(OpCode::kCONV_2D, options);
      const TestTensor cx =
          Result(conv, {RunTime(image, x), Tensor({kOut, kH, kW, kIn}, w)}, RunConfig{});
      const std::vector<float> y = Whole(cx.shape.elements(), random);
      const Operator op = MakeOp(OpCode::kTRANSPOSE_CONV, options);
      for (const auto& [isa, cut] : IsasAndCuts()) {
        const TestTensor ty = Result(
            op, {Ints({2, 9, 11, kIn}), Tensor({kIn, kH, kW, kOut}, turned), RunTime(cx.shape, y)},
            {Numerics::kFast, isa, cut});
        EXPECT_EQ(ty.shape, image);
        EXPECT_EQ(Inner(cx.As<float>(), y), Inner(x, ty.As<float>()))
            << IsaName(isa) << " stride " << stride_h << "x" << stride_w;
      }
    }
  }
}

TEST(TransposeConv, OutputShapeMustFit) {
  const Operator op = MakeOp(OpCode::kTRANSPOSE_CONV, ConvOptions{});
  const auto error = [&](std::vector<int32_t> sizes) {
    std::vector<TestTensor> outputs = {TestTensor::Output(Type::kFloat32)};
    return std::string(
        RunOperation(
            op, {Ints(std::move(sizes)), Tensor({1, 1, 1, 1}, {1}), RunTime({1, 1, 1, 1}, {1})},
            outputs)
            .message());
  };
  EXPECT_NE(error({1, 1, 1}).find("expected 4 sizes"), std::string::npos);
  EXPECT_NE(error({1, 1, 1, 2}).find("expected batch 1 and 1 channels"), std::string::npos);
  EXPECT_NE(error({1, -1, 1, 1}).find("output shape"), std::string::npos);
}

TEST(Conv3dTranspose, IsTheAdjointOfConv3d) {
  for (const Padding padding : {Padding::kSame, Padding::kValid}) {
    std::mt19937 random(5);
    Conv3dOptions options;
    options.padding = padding;
    options.stride_d = 2, options.stride_w = 3, options.dilation_h = 2;
    const Shape image = {2, 5, 7, 8, 3}, weights = {2, 3, 3, 3, 4};
    const TestTensor w = Tensor(weights, Whole(weights.elements(), random));
    const std::vector<float> x = Whole(image.elements(), random);
    const Operator conv = MakeOp(OpCode::kCONV_3D, options);
    const Operator op = MakeOp(OpCode::kCONV_3D_TRANSPOSE, options);
    const TestTensor cx = Result(conv, {RunTime(image, x), w}, RunConfig{});
    const std::vector<float> y = Whole(cx.shape.elements(), random);
    for (const int64_t cut : {0, 1}) {
      const TestTensor ty = Result(op, {Ints({2, 5, 7, 8, 3}), w, RunTime(cx.shape, y)},
                                   {Numerics::kFast, Isa::kPlain, cut});
      EXPECT_EQ(ty.shape, image);
      EXPECT_EQ(Inner(cx.As<float>(), y), Inner(x, ty.As<float>()));
    }
  }
}

}  // namespace
}  // namespace heddle::core
