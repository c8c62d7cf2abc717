// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

constexpr Type kI32 = Type::kInt32;

TestTensor I32(const Shape& shape, std::vector<int32_t> values) {
  return TestTensor::Of<int32_t>(kI32, shape, std::move(values));
}

TEST(SegmentTest, EveryReduction) {
  constexpr int32_t kLow = std::numeric_limits<int32_t>::min();
  constexpr int32_t kHigh = std::numeric_limits<int32_t>::max();
  const std::vector<TestTensor> inputs = {I32({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}),
                                          I32({4}, {2, -1, 0, 2}), Scalar(3)};
  const auto expect = [&](OpCode code, std::vector<int32_t> values) {
    ExpectOutputs(MakeOp(code), inputs, {I32({3, 2}, std::move(values))});
  };
  expect(OpCode::kUNSORTED_SEGMENT_SUM, {5, 6, 0, 0, 8, 10});
  expect(OpCode::kUNSORTED_SEGMENT_PROD, {5, 6, 1, 1, 7, 16});
  expect(OpCode::kUNSORTED_SEGMENT_MAX, {5, 6, kLow, kLow, 7, 8});
  expect(OpCode::kUNSORTED_SEGMENT_MIN, {5, 6, kHigh, kHigh, 1, 2});
}

TEST(SegmentTest, IdsThatBreakTheRules) {
  const TestTensor data = I32({3}, {1, 2, 3});
  ExpectError(MakeOp(OpCode::kUNSORTED_SEGMENT_SUM), {data, I32({3}, {0, 1, 2}), Scalar(2)}, kI32,
              Code::kInvalidArgument, "element 2 of 't' is 2, expected 0 to 1");
  ExpectError(MakeOp(OpCode::kUNSORTED_SEGMENT_SUM), {data, I32({2}, {0, 1}), Scalar(2)}, kI32,
              Code::kInvalidModel, "first axes");
  const Operator sum = MakeOp(OpCode::kSEGMENT_SUM);
  ExpectOutputs(sum, {data, I32({3}, {0, 0, 1})}, {I32({2}, {3, 3})});
  ExpectError(sum, {data, I32({3}, {1, 1, 1})}, kI32, Code::kInvalidArgument, "id 0 is 1");
  ExpectError(sum, {data, I32({3}, {0, 2, 2})}, kI32, Code::kInvalidArgument, "expected 0 or 1");
  ExpectError(sum, {data, I32({3}, {0, 1, 0})}, kI32, Code::kInvalidArgument, "id 2 is 0");
}

}  // namespace
}  // namespace heddle::core
