// SPDX-License-Identifier: Apache-2.0
#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

constexpr Type kF32 = Type::kFloat32;

void ExpectReshape(const Shape& from, std::vector<int32_t> to, const Shape& expected) {
  const Nd nd = Nd::Numbered(from);
  const std::vector<TestTensor> outputs = {Nd{expected, nd.values}.As(kF32)};
  const Operator by_option = MakeOp(OpCode::kRESHAPE, ReshapeOptions{true, to});
  const Operator by_operand = MakeOp(OpCode::kRESHAPE, ReshapeOptions{true, {77}});
  ExpectOutputs(by_operand, {nd.As(kF32), Ints(to)}, outputs);
  ExpectOutputs(by_operand, {nd.As(kF32), AtRunTime(Ints(to))}, outputs);
  if (to != std::vector<int32_t>{0}) ExpectOutputs(by_option, {nd.As(kF32)}, outputs);
}

TEST(ReshapeTest, ResolvesTheShape) {
  ExpectReshape({2, 6}, {3, 4}, {3, 4});
  ExpectReshape({2, 6}, {3, -1}, {3, 4});
  ExpectReshape({2, 6}, {-1}, {12});
  ExpectReshape({1, 1}, {}, Shape{});
  ExpectReshape({}, {1, 1}, {1, 1});
  ExpectReshape({0, 4}, {2, -1}, {2, 0});
  ExpectReshape({0, 4}, {0, -1}, {0, 4});
  ExpectReshape({0, 4}, {4, 0}, {4, 0});
}

TEST(ReshapeTest, AZeroOptionIsAScalarAndAZeroOperandIsNot) {
  const TestTensor one = Nd::Numbered({1}).As(kF32);
  const Operator op = MakeOp(OpCode::kRESHAPE, ReshapeOptions{true, {0}});
  TestTensor scalar = one;
  scalar.shape = {};
  ExpectOutputs(op, {one}, {scalar});
  ExpectError(op, {one, Ints({0})}, kF32, Code::kInvalidModel,
              "the new shape 0 has 0 elements, expected 1");
}

TEST(ReshapeTest, AnOperandThatIsNoVectorIsIgnored) {
  const TestTensor t = Nd::Numbered({4}).As(kF32);
  TestTensor expected = t;
  expected.shape = {2, 2};
  TestTensor matrix = Ints({4, 1});
  matrix.shape = {1, 2};
  ExpectOutputs(MakeOp(OpCode::kRESHAPE, ReshapeOptions{true, {2, 2}}), {t, matrix}, {expected});
}

TEST(ReshapeTest, SaysWhoseFaultAWrongShapeIs) {
  const TestTensor t = Nd::Numbered({2, 3}).As(kF32);
  const Operator op = MakeOp(OpCode::kRESHAPE);
  const struct {
    std::vector<int32_t> to;
    const char* text;
  } cases[] = {
      {{4, 2}, "the new shape 4x2 has 8 elements, expected 6 (input shape 2x3)"},
      {{-1, -1}, "several sizes of -1"},
      {{-1, 4}, "the new shape 1x4 has 4 elements, expected 6"},
      {{-2, 3}, "size 0 of the new shape is -2"},
      {{2147483647, 2147483647, 2147483647}, "too many elements"},
  };
  for (const auto& c : cases) {
    ExpectError(op, {t, Ints(c.to)}, kF32, Code::kInvalidModel, c.text);
    ExpectError(op, {t, AtRunTime(Ints(c.to))}, kF32, Code::kInvalidArgument, c.text);
  }
  ExpectError(op, {t, Ints({1, 1, 1, 1, 1, 1, 1, 2, 3})}, kF32, Code::kUnsupported, "8 dimensions");
}

TEST(SqueezeTest, DropsAxesOfSizeOne) {
  const TestTensor t = Nd::Numbered({1, 3, 1, 2}).As(Type::kInt8);
  const auto expect = [&](std::vector<int32_t> axes, Shape shape) {
    TestTensor expected = t;
    expected.shape = shape;
    ExpectOutputs(MakeOp(OpCode::kSQUEEZE, SqueezeOptions{axes}), {t}, {expected});
  };
  expect({}, {3, 2});
  expect({0}, {3, 1, 2});
  expect({-2}, {1, 3, 2});
  expect({2, 0, -4}, {3, 2});
  ExpectError(MakeOp(OpCode::kSQUEEZE, SqueezeOptions{{1}}), {t}, Type::kInt8, Code::kInvalidModel,
              "axis 1 has size 3, expected 1");
  ExpectError(MakeOp(OpCode::kSQUEEZE, SqueezeOptions{{4}}), {t}, Type::kInt8, Code::kInvalidModel,
              "axis 4 is outside input shape 1x3x1x2");
}

TEST(ExpandDimsTest, AddsAnAxis) {
  const TestTensor t = Nd::Numbered({2, 3}).As(kF32);
  const Operator op = MakeOp(OpCode::kEXPAND_DIMS);
  const Shape shapes[] = {{1, 2, 3}, {2, 1, 3}, {2, 3, 1}};
  for (int axis = 0; axis < 3; ++axis) {
    TestTensor expected = t;
    expected.shape = shapes[axis];
    ExpectOutputs(op, {t, Scalar(axis)}, {expected});
    ExpectOutputs(op, {t, AtRunTime(Ints({axis - 3}))}, {expected});
  }
  ExpectError(op, {t, Scalar(3)}, kF32, Code::kInvalidModel, "axis is 3, expected -3 to 2");
  ExpectError(op, {t, AtRunTime(Scalar(-4))}, kF32, Code::kInvalidArgument, "axis is -4");
  ExpectError(op, {t, Ints({0, 1})}, kF32, Code::kInvalidModel, "has 2 values, expected 1");
}

TEST(ShapeTest, WritesTheShape) {
  const TestTensor t = Nd::Numbered({2, 0, 5}).As(kF32);
  ExpectOutputs(MakeOp(OpCode::kSHAPE), {t},
                {TestTensor::Of<int32_t>(Type::kInt32, {3}, {2, 0, 5})});
  ExpectOutputs(MakeOp(OpCode::kSHAPE), {t},
                {TestTensor::Of<int64_t>(Type::kInt64, {3}, {2, 0, 5})});
  ExpectOutputs(MakeOp(OpCode::kSHAPE), {Nd::Numbered({}).As(kF32)},
                {TestTensor::Of<int32_t>(Type::kInt32, {0}, {})});
}

}  // namespace
}  // namespace heddle::core
