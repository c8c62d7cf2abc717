// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <random>

#include "kernels/movement/nd_for_test.h"
#include "kernels/recurrent/fixed16.h"

namespace heddle::core {
namespace {

TestTensor Floats(const Shape& shape, std::vector<float> v) {
  return TestTensor::Of<float>(Type::kFloat32, shape, std::move(v));
}
TestTensor Random(const Shape& shape, std::mt19937& random) {
  std::vector<float> v(static_cast<size_t>(shape.elements()));
  for (float& x : v) x = static_cast<float>(random()) * 0x1p-31f - 1;
  return Floats(shape, std::move(v));
}
TestTensor Zeros(const Shape& shape) {
  return Floats(shape, std::vector<float>(static_cast<size_t>(shape.elements())));
}

TEST(Fixed16, IsCloseToTheFunctions) {
  for (int a = -32768; a < 32768; a += 7) {
    const double x = a / 4096.0;
    const auto v = static_cast<int16_t>(a);
    EXPECT_NEAR(Fixed16::Logistic(v, 3) / 32768.0, 1 / (1 + std::exp(-x)), 3e-4) << x;
    EXPECT_NEAR(Fixed16::Tanh(v, 3) / 32768.0, std::tanh(x), 6e-4) << x;
  }
}

TEST(Rnn, StateRunsThroughTimeAndStays) {
  RecurrentOptions options;
  const Operator op = MakeOp(OpCode::kUNIDIRECTIONAL_SEQUENCE_RNN, options);
  std::vector<TestTensor> inputs = {Floats({1, 2, 1}, {1, 2}), Floats({1, 1}, {1}),
                                    Floats({1, 1}, {0.5f}), Floats({1}, {0}), Zeros({1, 1})};
  std::vector<TestTensor> outputs = {TestTensor::Output(Type::kFloat32)};
  ASSERT_TRUE(RunOperation(op, inputs, outputs).ok());
  EXPECT_EQ(outputs[0].As<float>(), (std::vector<float>{1, 2.5f}));
  EXPECT_EQ(inputs[4].As<float>(), (std::vector<float>{2.5f}));
  ASSERT_TRUE(RunOperation(op, inputs, outputs).ok());
  EXPECT_EQ(outputs[0].As<float>(), (std::vector<float>{2.25f, 3.125f}));
}

TEST(Rnn, BackwardRunsFromTheEndAndMergesBehindForward) {
  RecurrentOptions options;
  options.merge_outputs = options.time_major = true;
  const Operator op = MakeOp(OpCode::kBIDIRECTIONAL_SEQUENCE_RNN, options);
  const TestTensor one = Floats({1, 1}, {1}), half = Floats({1, 1}, {0.5f}), none = Zeros({1});
  const std::vector<TestTensor> inputs = {
      Floats({2, 1, 1}, {1, 2}), one, half, none, Zeros({1, 1}), one, half, none, Zeros({1, 1})};
  std::vector<TestTensor> outputs = {TestTensor::Output(Type::kFloat32)};
  const Status status = RunOperation(op, inputs, outputs);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(outputs[0].shape, (Shape{2, 1, 2}));
  EXPECT_EQ(outputs[0].As<float>(), (std::vector<float>{1, 2, 2.5f, 2}));
  EXPECT_EQ(inputs[8].As<float>(), (std::vector<float>{2}));
}

TEST(Svdf, ShiftsItsMemory) {
  const Operator op = MakeOp(OpCode::kSVDF, SvdfOptions{1, Activation::kNone, false});
  const std::vector<TestTensor> inputs = {Floats({1, 1}, {3}), Floats({1, 1}, {1}),
                                          Floats({1, 2}, {10, 1}), TestTensor{},
                                          Floats({1, 2}, {5, 7})};
  std::vector<TestTensor> outputs = {TestTensor::Output(Type::kFloat32)};
  const Status status = RunOperation(op, inputs, outputs);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(outputs[0].As<float>(), (std::vector<float>{73}));
  EXPECT_EQ(inputs[4].As<float>(), (std::vector<float>{7, 3}));
}

// A cell of 3 units over 2 inputs for 4 batch items.
std::vector<TestTensor> LstmInputs(uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<TestTensor> in = {Random({4, 5, 2}, random)};
  for (int g = 0; g < 4; ++g) in.push_back(Random({3, 2}, random));
  for (int g = 0; g < 4; ++g) in.push_back(Random({3, 3}, random));
  in.resize(12);
  for (int g = 0; g < 4; ++g) in.push_back(Random({3}, random));
  in.resize(18);
  in.push_back(Zeros({4, 3}));
  in.push_back(Zeros({4, 3}));
  return in;
}
Operator LstmOp() {
  RecurrentOptions options;
  options.activation = Activation::kTanh;
  return MakeOp(OpCode::kUNIDIRECTIONAL_SEQUENCE_LSTM, options);
}

TEST(Lstm, BatchItemsDoNotMeet) {
  std::vector<TestTensor> all = {TestTensor::Output(Type::kFloat32)}, cut = all;
  ASSERT_TRUE(RunOperation(LstmOp(), LstmInputs(3), all).ok());
  ASSERT_TRUE(RunOperation(LstmOp(), LstmInputs(3), cut, {Numerics::kFast, Isa::kPlain, 1}).ok());
  EXPECT_EQ(all[0].data, cut[0].data);
  EXPECT_EQ(all[0].shape, (Shape{4, 5, 3}));
}

TEST(Lstm, ErrorsNameTheOperand) {
  const auto error = [](int operand, TestTensor to) {
    std::vector<TestTensor> in = LstmInputs(3);
    in[operand] = std::move(to);
    std::vector<TestTensor> outputs = {TestTensor::Output(Type::kFloat32)};
    return std::string(RunOperation(LstmOp(), in, outputs).message());
  };
  EXPECT_NE(error(6, TestTensor{}).find("recurrent weights of the forget gate are absent"),
            std::string::npos);
  EXPECT_NE(error(14, Zeros({4})).find("input 14 't' has shape 4, expected 3"), std::string::npos);
  EXPECT_NE(error(18, Zeros({1, 3})).find("input 18 't' has shape 1x3, expected 4x3"),
            std::string::npos);
}

}  // namespace
}  // namespace heddle::core
