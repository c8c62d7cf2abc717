// SPDX-License-Identifier: Apache-2.0
// Operators that address elements by values: what the suites do not show, such as tiles in pieces,
// columns past one tile and the texts of errors.
#include <limits>

#include "kernels/index/combine.h"
#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

constexpr Type kF32 = Type::kFloat32, kI32 = Type::kInt32, kI64 = Type::kInt64;

TestTensor I32(const Shape& shape, std::vector<int32_t> values) {
  return TestTensor::Of<int32_t>(kI32, shape, std::move(values));
}
TestTensor I64(const Shape& shape, std::vector<int64_t> values) {
  return TestTensor::Of<int64_t>(kI64, shape, std::move(values));
}
TestTensor F32(const Shape& shape, std::vector<float> values) {
  return TestTensor::Of<float>(kF32, shape, std::move(values));
}

TEST(CombineTest, IntegersWrapAndBoolsStayBools) {
  int8_t small = 127;
  const int8_t one = 1;
  FindCombine(Combine::kAdd, Type::kInt8)(&small, 1, &one, 1, 1);
  EXPECT_EQ(small, -128);
  int64_t wide = std::numeric_limits<int64_t>::min();
  const int64_t minus = -1;
  FindCombine(Combine::kMul, kI64)(&wide, 1, &minus, 1, 1);
  EXPECT_EQ(wide, std::numeric_limits<int64_t>::min());
  uint8_t truth[3] = {1, 0, 1};
  const uint8_t other[3] = {1, 1, 0};
  FindCombine(Combine::kAdd, Type::kBool)(truth, 1, other, 1, 3);
  EXPECT_EQ(truth[0] + truth[1] + truth[2], 3);
  EXPECT_EQ(FindCombine(Combine::kAdd, Type::kString), nullptr);
  EXPECT_EQ(FindCombine(Combine::kAssign, Type::kInt4), nullptr);
}

TEST(GatherNdTest, RowsOfManyTiles) {
  const Nd in = Nd::Numbered({5, 3, 700});
  std::vector<int32_t> tuples;
  Nd out{{40, 700}, {}};
  for (int i = 0; i < 40; ++i) {
    const int32_t a = i * 7 % 5, b = i * 5 % 3;
    tuples.insert(tuples.end(), {a, b});
    for (int k = 0; k < 700; ++k) out.values.push_back(in.values[(a * 3 + b) * 700 + k]);
  }
  for (const Type type : {Type::kInt8, kF32, kI64, Type::kComplex128}) {
    ExpectOutputs(MakeOp(OpCode::kGATHER_ND), {in.As(type), I32({40, 2}, tuples)}, {out.As(type)});
  }
}

TEST(GatherNdTest, IndicesOutside) {
  const TestTensor in = F32({2, 2}, {1, 2, 3, 4});
  const Operator op = MakeOp(OpCode::kGATHER_ND);
  ExpectError(op, {in, I32({2, 2}, {0, 1, 0, 2})}, kF32, Code::kInvalidArgument,
              "an index points outside its tensor: element 3 of 't' is 2, expected 0 to 1");
  ExpectError(op, {in, I32({1, 2}, {-1, 0})}, kF32, Code::kInvalidArgument,
              "element 0 of 't' is -1, expected 0 to 1");
  ExpectError(op, {in, I32({1, 3}, {0, 0, 0})}, kF32, Code::kInvalidModel, "at most 2");
  ExpectError(op, {in, F32({1, 1}, {0})}, kF32, Code::kInvalidModel, "float32");
}

TEST(ScatterNdTest, DuplicatesAddInOrderAcrossColumns) {
  constexpr int kInner = 1100;  // more than two tiles of columns
  std::vector<float> updates, expected(3 * kInner, 0.0f);
  const std::vector<int32_t> rows = {2, 0, 2, 2};
  for (size_t i = 0; i < rows.size(); ++i) {
    for (int k = 0; k < kInner; ++k) {
      updates.push_back(i == 2 ? 1e8f : static_cast<float>(k) + 0.5f);
      expected[rows[i] * kInner + k] += updates.back();
    }
  }
  ExpectOutputs(MakeOp(OpCode::kSCATTER_ND),
                {I32({4, 1}, rows), F32({4, kInner}, updates), Ints({3, kInner})},
                {F32({3, kInner}, expected)});
}

TEST(ScatterNdTest, WhatDoesNotFit) {
  const Operator op = MakeOp(OpCode::kSCATTER_ND);
  ExpectError(op, {I32({1, 1}, {3}), F32({1}, {1}), Ints({3})}, kF32, Code::kInvalidArgument,
              "element 0 of 't' is 3, expected 0 to 2");
  ExpectError(op, {I32({1, 1}, {0}), F32({2}, {1, 2}), Ints({3})}, kF32, Code::kInvalidModel,
              "expected 1 (indices 1x1");
  ExpectError(op, {I32({1, 1}, {0}), F32({1}, {1}), AtRunTime(Ints({-3}))}, kF32,
              Code::kInvalidArgument, "-3");
}

TEST(SparseToDenseTest, LaterValuesWin) {
  ExpectOutputs(MakeOp(OpCode::kSPARSE_TO_DENSE),
                {I64({3, 2}, {0, 1, 1, 0, 0, 1}), Ints({2, 2}), F32({3}, {5, 6, 7}), F32({}, {-1})},
                {F32({2, 2}, {-1, 7, 6, -1})});
}

TEST(OneHotTest, EveryAxisAndCut) {
  const std::vector<int64_t> indices = {0, 3, -1, 2, 1, 7};
  for (int axis = -1; axis <= 2; ++axis) {
    constexpr int kDepth = 2000;
    const int at = axis < 0 ? 2 : axis;
    Shape shape = at == 0   ? Shape{kDepth, 2, 3}
                  : at == 1 ? Shape{2, kDepth, 3}
                            : Shape{2, 3, kDepth};
    std::vector<float> expected;
    ForEachIndex(shape, [&](const Index& i) {
      const int row = at == 0 ? i[1] : i[0], column = at == 2 ? i[1] : i[2];
      expected.push_back(indices[row * 3 + column] == i[at] ? 4.0f : -2.0f);
    });
    ExpectOutputs(MakeOp(OpCode::kONE_HOT, OneHotOptions{axis}),
                  {I64({2, 3}, indices), Scalar(kDepth), F32({}, {4}), F32({}, {-2})},
                  {F32(shape, expected)});
  }
  ExpectError(MakeOp(OpCode::kONE_HOT, OneHotOptions{2}),
              {I64({1}, {0}), Scalar(2), F32({}, {1}), F32({}, {0})}, kF32, Code::kInvalidModel,
              "axis 2");
}

TEST(WhereTest, NanCountsAndMinusZeroDoesNot) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  ExpectOutputs(MakeOp(OpCode::kWHERE), {F32({2, 2}, {nan, -0.0f, 0.0f, 1e-40f})},
                {I64({2, 2}, {0, 0, 1, 1})});
  ExpectOutputs(MakeOp(OpCode::kWHERE), {F32({0, 3}, {})}, {I64({0, 2}, {})});
}

TEST(UniqueTest, ManyValuesInOrder) {
  std::vector<float> in, values;
  std::vector<int32_t> numbers;
  for (int i = 0; i < 5000; ++i) {
    const int number = i < 1000 ? i : i * 37 % 1000;
    in.push_back(static_cast<float>(number) * 0.5f - 9);
    if (i < 1000) values.push_back(in.back());
    numbers.push_back(number);
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  in.insert(in.end(), {-0.0f, nan, -nan});
  ASSERT_EQ(values[18], 0);
  numbers.insert(numbers.end(), {18, 1000, 1000});
  values.push_back(nan);
  ExpectOutputs(MakeOp(OpCode::kUNIQUE), {F32({5003}, in)},
                {F32({1001}, values), I32({5003}, numbers)});
}

TEST(BucketizeTest, BoundariesBelongToTheNextBucket) {
  const float inf = std::numeric_limits<float>::infinity();
  const Operator op = MakeOp(OpCode::kBUCKETIZE, BucketizeOptions{{-1, 0, 0, 2}});
  ExpectOutputs(op, {F32({6}, {-inf, -1, -0.0f, 1, inf, inf - inf})},
                {I32({6}, {0, 1, 3, 3, 4, 4})});
  ExpectError(MakeOp(OpCode::kBUCKETIZE, BucketizeOptions{{1, 0}}), {F32({1}, {0})}, kI32,
              Code::kInvalidModel, "boundary 1");
}

TEST(MatrixDiagTest, TallWideAndEmpty) {
  const auto set = MakeOp(OpCode::kMATRIX_SET_DIAG);
  ExpectOutputs(set, {I32({3, 2}, {1, 2, 3, 4, 5, 6}), I32({2}, {8, 9})},
                {I32({3, 2}, {8, 2, 3, 9, 5, 6})});
  ExpectOutputs(set, {I32({2, 3}, {1, 2, 3, 4, 5, 6}), I32({2}, {8, 9})},
                {I32({2, 3}, {8, 2, 3, 4, 9, 6})});
  ExpectOutputs(set, {I32({0, 3}, {}), I32({0}, {})}, {I32({0, 3}, {})});
  ExpectError(set, {I32({2, 3}, {1, 2, 3, 4, 5, 6}), I32({3}, {1, 2, 3})}, kI32,
              Code::kInvalidModel, "expected 2 (input 2x3)");
  ExpectOutputs(MakeOp(OpCode::kMATRIX_DIAG), {I32({2, 2}, {1, 2, 3, 4})},
                {I32({2, 2, 2}, {1, 0, 0, 2, 3, 0, 0, 4})});
}

TEST(DensifyTest, OnlyOfConstants) {
  ExpectError(MakeOp(OpCode::kDENSIFY), {F32({1}, {0})}, kF32, Code::kInvalidModel, "computed");
}

std::vector<Subgraph> BodyOf(OpCode code) {
  Subgraph body;
  body.operators.push_back(MakeOp(code));
  return {Subgraph{}, body};
}

TestTensor Scattered(const StablehloScatterOptions& options, OpCode body,
                     const std::vector<TestTensor>& inputs, Status* status) {
  const std::vector<Subgraph> subgraphs = BodyOf(body);
  std::vector<TestTensor> outputs = {TestTensor::Output(inputs[0].type)};
  *status = RunOperation(MakeOp(OpCode::kSTABLEHLO_SCATTER, options), inputs, outputs,
                         {.subgraphs = subgraphs});
  return outputs[0];
}

TEST(StablehloScatterTest, WindowsThatStandOutLoseOnlyWhatIsOutside) {
  // Windows of 2x2 at (-1, 1) and (1, 2) of a 3x3 operand; then the same with the windows' axes
  // first, so that the innermost axis counts windows.
  const std::vector<int32_t> starts = {-1, 1, 1, 2};
  const std::vector<int32_t> expected = {0, 3, 4, 0, 0, 5, 0, 0, 7};
  Status status;
  const StablehloScatterOptions last{{1, 2}, {}, {0, 1}, 1, 1};
  const TestTensor zeros = I32({3, 3}, std::vector<int32_t>(9, 0));
  EXPECT_EQ(
      Scattered(last, OpCode::kSTABLEHLO_ADD,
                {zeros, I32({2, 2}, starts), I32({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8})}, &status)
          .As<int32_t>(),
      expected)
      << status.c_str();
  const StablehloScatterOptions first{{0, 1}, {}, {0, 1}, 1, 1};
  EXPECT_EQ(
      Scattered(first, OpCode::kSTABLEHLO_ADD,
                {zeros, I32({2, 2}, starts), I32({2, 2, 2}, {1, 5, 2, 6, 3, 7, 4, 8})}, &status)
          .As<int32_t>(),
      expected)
      << status.c_str();
}

TEST(StablehloScatterTest, IndicesNearTheEndOfInt64AndForeignBodies) {
  const StablehloScatterOptions options{{1}, {}, {0}, 1, 1};
  const std::vector<TestTensor> inputs = {I32({2}, {1, 2}),
                                          I64({2, 1}, {std::numeric_limits<int64_t>::max(), -9}),
                                          I32({2, 2}, {1, 1, 1, 1})};
  Status status;
  EXPECT_EQ(Scattered(options, OpCode::kSTABLEHLO_MAXIMUM, inputs, &status).As<int32_t>(),
            (std::vector<int32_t>{1, 2}));
  Scattered(options, OpCode::kCONV_2D, inputs, &status);
  EXPECT_EQ(status.code(), Code::kUnsupported);
  EXPECT_NE(status.message().find("CONV_2D"), std::string_view::npos) << status.c_str();
}

TEST(StablehloGatherTest, WindowsMoveBackInside) {
  // Slices of 2 along axis 1, which stands first in the output.
  StablehloGatherOptions options;
  options.offset_dims = {0};
  options.collapsed_slice_dims = {0};
  options.start_index_map = {1, 0};
  options.slice_sizes = {1, 2};
  options.index_vector_dim = 0;
  const TestTensor operand = I32({2, 3}, {1, 2, 3, 4, 5, 6});
  ExpectOutputs(MakeOp(OpCode::kSTABLEHLO_GATHER, options),
                {operand, I32({2, 3}, {0, 9, -5, 0, 1, 7})}, {I32({2, 3}, {1, 5, 4, 2, 6, 5})});
  options.slice_sizes = {1, 4};
  ExpectError(MakeOp(OpCode::kSTABLEHLO_GATHER, options), {operand, I32({2, 1}, {0, 0})}, kI32,
              Code::kInvalidModel, "slice size of axis 1");
}

}  // namespace
}  // namespace heddle::core
