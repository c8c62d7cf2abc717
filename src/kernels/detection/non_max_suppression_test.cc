// SPDX-License-Identifier: Apache-2.0
#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

TestTensor F32(const Shape& shape, std::vector<float> values) {
  return TestTensor::Of<float>(Type::kFloat32, shape, std::move(values));
}

// Two boxes with an overlap of one half, a third far away, and the first again from other corners.
std::vector<TestTensor> Inputs(int32_t most, float sigma) {
  std::vector<TestTensor> inputs = {F32({4, 4}, {0, 0, 3, 1, 1, 0, 4, 1, 9, 9, 8, 8, 3, 1, 0, 0}),
                                    F32({4}, {3, 2, 1, 3}), Scalar(most), F32({}, {0.75f}),
                                    F32({}, {0.5f})};
  if (sigma >= 0) inputs.push_back(F32({}, {sigma}));
  return inputs;
}

TEST(NonMaxSuppressionTest, OfEqualScoresTheFirstBox) {
  std::vector<TestTensor> outputs(2, TestTensor::Output(Type::kInt32));
  const Operator op = MakeOp(OpCode::kNON_MAX_SUPPRESSION_V4);
  Status status = RunOperation(op, Inputs(5, -1), outputs);
  ASSERT_TRUE(status.ok()) << status.c_str();
  EXPECT_EQ(outputs[0].As<int32_t>(), (std::vector<int32_t>{0, 1, 2, 0, 0}));
  EXPECT_EQ(outputs[1].As<int32_t>(), (std::vector<int32_t>{3}));
  status = RunOperation(op, Inputs(2, -1), outputs);
  ASSERT_TRUE(status.ok()) << status.c_str();
  EXPECT_EQ(outputs[0].As<int32_t>(), (std::vector<int32_t>{0, 1}));
}

TEST(NonMaxSuppressionTest, SoftScoresFallAndComeBackInTheirNewOrder) {
  std::vector<TestTensor> outputs = {TestTensor::Output(Type::kInt32),
                                     TestTensor::Output(Type::kFloat32),
                                     TestTensor::Output(Type::kInt32)};
  const Operator op = MakeOp(OpCode::kNON_MAX_SUPPRESSION_V5);
  Status status = RunOperation(op, Inputs(4, 0.125f), outputs);
  ASSERT_TRUE(status.ok()) << status.c_str();
  // The second box's score falls to 2 * exp(-1), behind the third's.
  EXPECT_EQ(outputs[0].As<int32_t>(), (std::vector<int32_t>{0, 2, 1, 0}));
  EXPECT_NEAR(outputs[1].As<float>()[2], 0.7357589f, 1e-6f);
  EXPECT_EQ(outputs[2].As<int32_t>(), (std::vector<int32_t>{3}));
  status = RunOperation(op, Inputs(4, 0), outputs);
  ASSERT_TRUE(status.ok()) << status.c_str();
  EXPECT_EQ(outputs[0].As<int32_t>(), (std::vector<int32_t>{0, 1, 2, 0}));
}

TEST(NonMaxSuppressionTest, WhatDoesNotFit) {
  const Operator op = MakeOp(OpCode::kNON_MAX_SUPPRESSION_V4);
  std::vector<TestTensor> inputs = Inputs(-1, -1);
  ExpectError(op, inputs, Type::kInt32, Code::kInvalidModel, "output size is -1", 2);
  inputs = Inputs(1, -1);
  inputs[1] = F32({3}, {1, 2, 3});
  ExpectError(op, inputs, Type::kInt32, Code::kInvalidModel, "expected 4 (boxes)", 2);
}

}  // namespace
}  // namespace heddle::core
