// SPDX-License-Identifier: Apache-2.0
// STABLEHLO_REDUCE_WINDOW against a naive loop over the dilated, padded and cropped tensor.
#include <random>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

struct Case {
  Shape shape;
  StablehloReduceWindowOptions options;
};

// The element of the dilated and padded tensor at `place`, or `init`.
int32_t ElementAt(const Case& c, const std::vector<int32_t>& in, const std::vector<int64_t>& place,
                  int32_t init) {
  int64_t flat = 0;
  for (int d = 0; d < c.shape.rank(); ++d) {
    const int64_t at = place[d] - c.options.padding[2 * d];
    if (at < 0 || at % c.options.base_dilations[d] != 0) return init;
    if (at / c.options.base_dilations[d] >= c.shape[d]) return init;
    flat = flat * c.shape[d] + at / c.options.base_dilations[d];
  }
  return in[flat];
}

Shape OutputOf(const Case& c) {
  Shape out = c.shape;
  for (int d = 0; d < out.rank(); ++d) {
    const int64_t padded = (c.shape[d] - 1) * c.options.base_dilations[d] + 1 +
                           c.options.padding[2 * d] + c.options.padding[2 * d + 1];
    const int64_t reach = (c.options.dims[d] - 1) * c.options.dilations[d] + 1;
    out[d] = padded < reach ? 0 : static_cast<int32_t>((padded - reach) / c.options.strides[d] + 1);
  }
  return out;
}

std::vector<int32_t> Expected(const Case& c, const std::vector<int32_t>& in, int32_t init) {
  std::vector<int32_t> out;
  Shape window = c.shape;
  for (int d = 0; d < window.rank(); ++d) window[d] = static_cast<int32_t>(c.options.dims[d]);
  ForEachIndex(OutputOf(c), [&](const Index& at) {
    int32_t sum = init;
    ForEachIndex(window, [&](const Index& tap) {
      std::vector<int64_t> place;
      for (int d = 0; d < window.rank(); ++d)
        place.push_back(at[d] * c.options.strides[d] + tap[d] * c.options.dilations[d]);
      sum += ElementAt(c, in, place, init);
    });
    out.push_back(sum);
  });
  return out;
}

TEST(ReduceWindowTest, RandomGeometries) {
  constexpr unsigned kSeed = 20260;
  std::mt19937 random(kSeed);
  const auto pick = [&](int low, int high) {
    return low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
  };
  Subgraph body;
  body.operators.push_back(MakeOp(OpCode::kSTABLEHLO_ADD));
  const std::vector<Subgraph> subgraphs = {body};
  for (int i = 0; i < 300; ++i) {
    Case c;
    c.options.body = 0;
    const int rank = pick(1, 3);
    for (int d = 0; d < rank; ++d) {
      c.shape.Append(pick(1, 6));
      c.options.dims.push_back(pick(1, 3));
      c.options.strides.push_back(pick(1, 3));
      c.options.base_dilations.push_back(pick(1, 3));
      c.options.dilations.push_back(pick(1, 2));
      c.options.padding.push_back(pick(-2, 3));
      c.options.padding.push_back(pick(-2, 3));
    }
    std::vector<int32_t> in;
    for (int64_t k = 0; k < c.shape.elements(); ++k) in.push_back(pick(-99, 99));
    std::vector<TestTensor> outputs = {TestTensor::Output(Type::kInt32)};
    const Status status =
        RunOperation(MakeOp(OpCode::kSTABLEHLO_REDUCE_WINDOW, c.options),
                     {TestTensor::Of<int32_t>(Type::kInt32, c.shape, in), Scalar(3)}, outputs,
                     {.tiles_per_call = i % 2, .subgraphs = subgraphs});
    ASSERT_TRUE(status.ok()) << status.c_str();
    ASSERT_EQ(outputs[0].shape, OutputOf(c)) << "seed " << kSeed << ", case " << i;
    ASSERT_EQ(outputs[0].As<int32_t>(), Expected(c, in, 3)) << "seed " << kSeed << ", case " << i;
  }
}

TEST(ReduceWindowTest, OptionsThatMakeNoSense) {
  const TestTensor in = TestTensor::Of<int32_t>(Type::kInt32, {3}, {1, 2, 3});
  const auto one = [](int64_t v) {
    return TestTensor::Of<int64_t>(Type::kInt64, {1}, {v}).Constant();
  };
  const Operator add = MakeOp(OpCode::kREDUCE_WINDOW, ReduceWindowOptions{ReduceFunction::kAdd});
  ExpectOutputs(add, {in, Scalar(0), one(2), one(1), one(1)},
                {TestTensor::Of<int32_t>(Type::kInt32, {2}, {3, 5})});
  ExpectError(add, {in, Scalar(0), one(2), one(0), one(1)}, Type::kInt32, Code::kInvalidModel,
              "stride of axis 0 is 0");
  ExpectError(MakeOp(OpCode::kREDUCE_WINDOW), {in, Scalar(0), one(2), one(1), one(1)}, Type::kInt32,
              Code::kUnsupported, "reduce function 0");
}

}  // namespace
}  // namespace heddle::core
