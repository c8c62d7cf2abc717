// SPDX-License-Identifier: Apache-2.0
// LOG_SOFTMAX, L2_NORMALIZATION, LOCAL_RESPONSE_NORMALIZATION by their definitions, in any split.
#include <gtest/gtest.h>

#include <cmath>

#include "support/run_operation.h"

namespace heddle::core {
namespace {

constexpr int kRows = 300, kDepth = 37;

Operator Of(OpCode code, Options options = NoOptions{}) {
  Operator op;
  op.code = code;
  op.options = std::move(options);
  return op;
}

std::vector<float> Values() {
  std::vector<float> v(kRows * kDepth);
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<float>(i * 7919 % 2003) / 200 - 5;
  return v;
}

std::vector<float> Computed(const Operator& op, const RunConfig& config) {
  std::vector<TestTensor> outputs{TestTensor::Output(Type::kFloat32)};
  const Status status = RunOperation(
      op, {TestTensor::Of<float>(Type::kFloat32, {kRows, kDepth}, Values())}, outputs, config);
  EXPECT_TRUE(status.ok()) << status.c_str();
  return outputs[0].As<float>();
}

// Against want(row, i), in both numerics, all tiles at once and one by one.
template <class F>
void ExpectRows(const Operator& op, F want) {
  const std::vector<float> x = Values();
  for (const Numerics numerics : {Numerics::kFast, Numerics::kReference}) {
    RunConfig config;
    config.numerics = numerics;
    const std::vector<float> got = Computed(op, config);
    ASSERT_EQ(got.size(), x.size());
    for (int i = 0; i < kRows * kDepth; ++i) {
      const double expected = want(&x[i / kDepth * kDepth], i % kDepth);
      ASSERT_NEAR(static_cast<double>(got[i]), expected, 1e-5 * std::max(1.0, std::fabs(expected)))
          << i;
    }
    config.tiles_per_call = 1;
    EXPECT_EQ(Computed(op, config), got);
  }
}

double Wide(float x) { return static_cast<double>(x); }

TEST(LogSoftmax, IsTheLogarithmOfTheShare) {
  ExpectRows(Of(OpCode::kLOG_SOFTMAX), [](const float* row, int at) {
    double sum = 0;
    for (int i = 0; i < kDepth; ++i) sum += std::exp(Wide(row[i]));
    return Wide(row[at]) - std::log(sum);
  });
}

TEST(L2Normalization, DividesByTheLength) {
  ExpectRows(Of(OpCode::kL2_NORMALIZATION), [](const float* row, int at) {
    double sum = 0;
    for (int i = 0; i < kDepth; ++i) sum += Wide(row[i]) * Wide(row[i]);
    return Wide(row[at]) / std::sqrt(sum);
  });
}

// The last window reaches past the row on both sides.
TEST(LocalResponse, DividesByAPowerOfTheWindow) {
  const LocalResponseOptions all[] = {
      {3, 1, 0.5f, 0.75f}, {0, 2, 1, 1}, {5, 0.5f, 0.1f, 0.5f}, {1000, 1, 0.01f, -0.25f}};
  for (const LocalResponseOptions& o : all) {
    ExpectRows(Of(OpCode::kLOCAL_RESPONSE_NORMALIZATION, o), [&](const float* row, int at) {
      double sum = 0;
      for (int i = 0; i < kDepth; ++i)
        if (std::abs(i - at) <= o.radius) sum += Wide(row[i]) * Wide(row[i]);
      return Wide(row[at]) * std::pow(Wide(o.bias) + Wide(o.alpha) * sum, -Wide(o.beta));
    });
  }
}

TEST(Normalise, QuantisedOutputsHaveOneScale) {
  const auto x = TestTensor::Of<int8_t>(Type::kInt8, {2}, {1, 2}, 0.1f, 0);
  for (const OpCode code : {OpCode::kLOG_SOFTMAX, OpCode::kL2_NORMALIZATION}) {
    std::vector<TestTensor> outputs{TestTensor::Output(Type::kInt8, 0.1f, 0)};
    const Status status = RunOperation(Of(code), {x}, outputs);
    EXPECT_NE(std::string(status.message()).find("with scale 0.1"), std::string::npos)
        << status.c_str();
  }
}

}  // namespace
}  // namespace heddle::core
