// SPDX-License-Identifier: Apache-2.0
#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

constexpr Type kF32 = Type::kFloat32, kF16 = Type::kFloat16, kI32 = Type::kInt32;

TestTensor F32(const Shape& shape, std::vector<float> values) {
  return TestTensor::Of<float>(kF32, shape, std::move(values));
}
TestTensor I32(const Shape& shape, std::vector<int32_t> values) {
  return TestTensor::Of<int32_t>(kI32, shape, std::move(values));
}

TEST(EmbeddingLookupTest, RowsOfFourBitsThatBeginInAByte) {
  // Rows of three: 1 -2 7, -8 0 5.
  TestTensor table = TestTensor::Of<uint8_t>(Type::kInt4, {2, 3}, {0xE1, 0x87, 0x50});
  table.quant.scale = {0.5f, 2.0f};
  table.quant.zero_point = {0, 0};
  const Operator op = MakeOp(OpCode::kEMBEDDING_LOOKUP);
  ExpectOutputs(op, {I32({3}, {1, 0, 1}), table},
                {F32({3, 3}, {-16, 0, 10, 0.5f, -1, 3.5f, -16, 0, 10})});
  table.quant.zero_point = {0, 1};
  ExpectError(op, {I32({1}, {0}), table}, kF32, Code::kInvalidModel, "zero point 1");
  table.quant = {};
  ExpectError(op, {I32({1}, {0}), table}, kF32, Code::kInvalidModel, "no scale");
}

TEST(EmbeddingLookupTest, BlocksAndHalfFloats) {
  TestTensor table = TestTensor::Of<uint8_t>(Type::kInt4, {2, 4}, {0x21, 0x43, 0xFF, 0x88});
  const std::vector<uint16_t> scales = {0x3C00, 0x4000, 0x3800, 0x3C00};  // 1 2 0.5 1
  table.quant.block = 2;
  table.quant.block_scale_data = std::as_bytes(std::span(scales));
  const Operator op = MakeOp(OpCode::kEMBEDDING_LOOKUP);
  ExpectOutputs(op, {I32({2}, {1, 0}), table}, {F32({2, 4}, {-0.5f, -0.5f, -8, -8, 1, 2, 6, 8})});
  ExpectOutputs(op, {I32({1}, {0}), table},
                {TestTensor::Of<uint16_t>(kF16, {1, 4}, {0x3C00, 0x4000, 0x4600, 0x4800})});
  const TestTensor halves = TestTensor::Of<uint16_t>(kF16, {2, 1}, {0x3C00, 0xC000});
  ExpectOutputs(op, {I32({2}, {1, 0}), halves}, {F32({2, 1}, {-2, 1})});
}

TEST(EmbeddingLookupTest, IndicesOutside) {
  const TestTensor table = F32({2, 1}, {1, 2});
  for (const int32_t bad : {-1, 2}) {
    const std::string text = "element 1 of 't' is " + std::to_string(bad) + ", expected 0 to 1";
    ExpectError(MakeOp(OpCode::kEMBEDDING_LOOKUP), {I32({2}, {1, bad}), table}, kF32,
                Code::kInvalidArgument, text.c_str());
  }
  const Operator sparse = MakeOp(OpCode::kEMBEDDING_LOOKUP_SPARSE);
  const TestTensor weights = F32({2}, {1, 1}), tuples = I32({2, 2}, {0, 0, 1, 0});
  ExpectError(sparse, {I32({2}, {0, 2}), tuples, Ints({2, 1}), weights, table}, kF32,
              Code::kInvalidArgument, "element 1 of 't' is 2, expected 0 to 1");
  ExpectError(sparse, {I32({2}, {0, 1}), tuples, Ints({1, 1}), weights, table}, kF32,
              Code::kInvalidArgument, "element 2 of 't' is 1, expected 0 to 0");
}

TEST(EmbeddingLookupSparseTest, CombinersAndEmptyRows) {
  constexpr int kInner = 600;  // more than one tile of columns
  std::vector<float> table;
  for (int i = 0; i < 2 * kInner; ++i) table.push_back(static_cast<float>(i / kInner + 1));
  const std::vector<TestTensor> inputs = {I32({3}, {0, 1, 1}), I32({3, 2}, {0, 0, 0, 5, 2, 1}),
                                          Ints({3, 9}), F32({3}, {3, 4, 2}),
                                          F32({2, kInner}, table)};
  const auto expect = [&](Combiner combiner, float first, float last) {
    std::vector<float> expected(kInner, first);
    expected.resize(2 * kInner, 0.0f);
    expected.resize(3 * kInner, last);
    ExpectOutputs(MakeOp(OpCode::kEMBEDDING_LOOKUP_SPARSE, EmbeddingSparseOptions{combiner}),
                  inputs, {F32({3, kInner}, expected)});
  };
  expect(Combiner::kSum, 11, 4);
  expect(Combiner::kMean, 11.0f / 7.0f, 2);
  expect(Combiner::kSqrtN, 11.0f / 5.0f, 2);
}

TEST(HashtableLookupTest, MissingKeysAreZeros) {
  std::vector<TestTensor> outputs = {TestTensor::Output(kF32), TestTensor::Output(Type::kUInt8)};
  const Status status =
      RunOperation(MakeOp(OpCode::kHASHTABLE_LOOKUP),
                   {I32({3}, {7, -5, 8}), I32({2}, {-5, 7}), F32({2, 2}, {1, 2, 3, 4})}, outputs);
  ASSERT_TRUE(status.ok()) << status.c_str();
  EXPECT_EQ(outputs[0].As<float>(), (std::vector<float>{3, 4, 1, 2, 0, 0}));
  EXPECT_EQ(outputs[1].As<uint8_t>(), (std::vector<uint8_t>{1, 1, 0}));
}

}  // namespace
}  // namespace heddle::core
