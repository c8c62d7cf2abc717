// SPDX-License-Identifier: Apache-2.0
#include <random>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

struct MatMulCase {
  Type lhs, rhs, output;
  Shape x, y;
  bool adj_x = false, adj_y = false, constant = false;
};

// Small whole numbers, exact in every type and sum.
TestTensor Small(Type type, const Shape& shape, std::mt19937& random, float scale, int32_t zero) {
  TestTensor t{type, shape, std::vector<std::byte>(TypeBytes(type, shape.elements())), {}, false};
  for (int64_t i = 0; i < shape.elements(); ++i) {
    const int v = static_cast<int>(random() % 15) - 7;
    if (type == Type::kFloat32) reinterpret_cast<float*>(t.data.data())[i] = static_cast<float>(v);
    if (type == Type::kInt8) reinterpret_cast<int8_t*>(t.data.data())[i] = static_cast<int8_t>(v);
    if (type == Type::kInt16)
      reinterpret_cast<int16_t*>(t.data.data())[i] = static_cast<int16_t>(v);
  }
  if (type != Type::kFloat32) t.quant.scale = {scale}, t.quant.zero_point = {zero};
  return t;
}

std::vector<std::byte> Compute(const MatMulCase& c, Numerics numerics) {
  const Operator op = MakeOp(OpCode::kBATCH_MATMUL, BatchMatMulOptions{c.adj_x, c.adj_y, false});
  std::vector<std::byte> first;
  for (const auto& [isa, cut] : IsasAndCuts()) {
    std::mt19937 random(7);
    const int32_t zero = c.lhs == Type::kInt8 ? 3 : 0;
    const TestTensor x = Small(c.lhs, c.x, random, 0.5f, zero);
    TestTensor y = Small(c.rhs, c.y, random, 0.25f, 0);
    y.constant = c.constant;
    const bool stored = c.output == Type::kInt8 || c.output == Type::kInt16;
    std::vector<TestTensor> outputs = {stored ? TestTensor::Output(c.output, 0.75f)
                                              : TestTensor::Output(c.output)};
    const Status status = RunOperation(op, {x, y}, outputs, {numerics, isa, cut});
    EXPECT_TRUE(status.ok()) << status.message();
    if (first.empty()) first = outputs[0].data;
    EXPECT_EQ(first, outputs[0].data) << IsaName(isa) << " cut " << cut;
  }
  return first;
}

TEST(BatchMatMul, EveryIsaAndSplitGivesTheSameBits) {
  using enum Type;
  const MatMulCase cases[] = {
      {kFloat32, kFloat32, kFloat32, {2, 1, 5, 33}, {1, 3, 33, 19}},
      {kFloat32, kFloat32, kFloat32, {3, 33, 5}, {19, 33}, true, true, true},
      {kInt8, kInt8, kInt8, {2, 17, 35}, {35, 40}, false, false, true},
      {kInt8, kInt8, kInt8, {7, 3}, {2, 21, 7}, true, true},
      {kInt16, kInt16, kInt16, {4, 9}, {2, 9, 18}},
      {kInt16, kInt8, kInt16, {4, 9}, {18, 9}, false, true, true},
      {kFloat32, kInt8, kFloat32, {2, 6, 21}, {21, 18}, false, false, true},
      {kFloat32, kFloat32, kFloat32, {2, 0}, {0, 3}},
  };
  for (const MatMulCase& c : cases) {
    for (const Numerics numerics : {Numerics::kFast, Numerics::kReference}) Compute(c, numerics);
  }
}

TEST(BatchMatMul, TransposedOperandsAndBroadcastBatches) {
  const Operator op = MakeOp(OpCode::kBATCH_MATMUL, BatchMatMulOptions{true, true, false});
  // [[1 2] [3 4] [5 6]]^T times, for both batches, ([[1 0 2]]^T as a row of 3).
  const TestTensor x = TestTensor::Of<float>(Type::kFloat32, {3, 2}, {1, 2, 3, 4, 5, 6});
  const TestTensor y = TestTensor::Of<float>(Type::kFloat32, {2, 1, 3}, {1, 0, 2, 0, 1, 0});
  std::vector<TestTensor> outputs = {TestTensor::Output(Type::kFloat32)};
  const Status status = RunOperation(op, {x, y}, outputs);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(outputs[0].shape, (Shape{2, 2, 1}));
  EXPECT_EQ(outputs[0].As<float>(), (std::vector<float>{11, 14, 3, 4}));
}

TEST(BatchMatMul, Int32OutputsAreSumsOfStoredValues) {
  const Operator op = MakeOp(OpCode::kBATCH_MATMUL, BatchMatMulOptions{});
  const TestTensor x = TestTensor::Of<int8_t>(Type::kInt8, {1, 3}, {-128, 127, 5}, 1.0f, 9);
  const TestTensor y = TestTensor::Of<int8_t>(Type::kInt8, {3, 1}, {-128, -128, 2}, 1.0f, 4);
  std::vector<TestTensor> outputs = {TestTensor::Output(Type::kInt32)};
  for (const auto& [isa, cut] : IsasAndCuts()) {
    ASSERT_TRUE(RunOperation(op, {x, y}, outputs, {Numerics::kFast, isa, cut}).ok());
    EXPECT_EQ(outputs[0].As<int32_t>(), (std::vector<int32_t>{128 * 128 - 127 * 128 + 10}));
  }
}

TEST(BatchMatMul, ShapesThatDoNotFitAreNamed) {
  const Operator op = MakeOp(OpCode::kBATCH_MATMUL, BatchMatMulOptions{});
  const auto error = [&](const Shape& x, const Shape& y) {
    std::mt19937 random(1);
    std::vector<TestTensor> outputs = {TestTensor::Output(Type::kFloat32)};
    return std::string(
        RunOperation(
            op, {Small(Type::kFloat32, x, random, 1, 0), Small(Type::kFloat32, y, random, 1, 0)},
            outputs)
            .message());
  };
  EXPECT_NE(error({2, 3}, {4, 5}).find("3 columns by 4 rows"), std::string::npos);
  EXPECT_NE(error({2, 2, 3}, {3, 3, 5}).find("do not broadcast"), std::string::npos);
  EXPECT_NE(error({3}, {3, 5}).find("rank 2"), std::string::npos);
}

}  // namespace
}  // namespace heddle::core
