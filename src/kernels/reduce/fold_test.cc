// SPDX-License-Identifier: Apache-2.0
// What the conformance cases do not show of the reductions: every instruction set and every cut of
// the tiles gives the same bits, sizes past a block, special floats, errors.
#include <cmath>
#include <limits>
#include <random>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TestTensor Floats(const Shape& shape, std::vector<float> values) {
  return TestTensor::Of<float>(Type::kFloat32, shape, std::move(values));
}

// The elements of each output of a reduction, in memory order.
std::vector<std::vector<int64_t>> Groups(const Shape& in, uint32_t axes) {
  Shape kept = in;
  for (int i = 0; i < in.rank(); ++i) {
    if ((axes >> i & 1) != 0) kept[i] = 1;
  }
  std::vector<std::vector<int64_t>> groups(static_cast<size_t>(kept.elements()));
  ForEachIndex(in, [&](Index at) {
    const int64_t flat = FlatIndex(in, at);
    for (int i = 0; i < in.rank(); ++i) at[i] = (axes >> i & 1) != 0 ? 0 : at[i];
    groups[FlatIndex(kept, at)].push_back(flat);
  });
  return groups;
}

std::vector<int32_t> AxesOf(uint32_t bits, int rank) {
  std::vector<int32_t> axes;
  for (int i = 0; i < rank; ++i) {
    if ((bits >> i & 1) != 0) axes.push_back(i - rank);
  }
  return axes;
}

// Integers of every choice of axes; `join` makes one of two.
template <class T, class F>
void ExpectFold(OpCode code, Type type, T identity, const F& join) {
  std::mt19937 random(5);
  for (const Shape& shape : {Shape{3, 70}, Shape{70, 3}, Shape{2, 3, 1, 5}, Shape{2, 0, 3}}) {
    std::vector<T> in(static_cast<size_t>(shape.elements()));
    for (T& v : in) v = static_cast<T>(random());
    for (uint32_t axes = 0; axes < 1u << shape.rank(); ++axes) {
      std::vector<T> expected;
      Shape out;
      for (const auto& group : Groups(shape, axes)) {
        T value = identity;
        for (const int64_t i : group) value = join(value, in[i]);
        expected.push_back(value);
      }
      for (int i = 0; i < shape.rank(); ++i) {
        if ((axes >> i & 1) == 0) out.Append(shape[i]);
      }
      ExpectOutputs(
          MakeOp(code),
          {TestTensor::Of<T>(type, shape, in), AtRunTime(Ints(AxesOf(axes, shape.rank())))},
          {TestTensor::Of<T>(type, out, expected)}, shape.ToString().c_str());
    }
  }
}

TEST(FoldTest, IntegersOverEveryChoiceOfAxes) {
  ExpectFold<int8_t>(OpCode::kREDUCE_MAX, Type::kInt8, -128,
                     [](int8_t a, int8_t b) { return std::max(a, b); });
  ExpectFold<int64_t>(OpCode::kREDUCE_MIN, Type::kInt64, INT64_MAX,
                      [](int64_t a, int64_t b) { return std::min(a, b); });
  ExpectFold<int32_t>(OpCode::kREDUCE_PROD, Type::kInt32, 1, [](int32_t a, int32_t b) {
    return static_cast<int32_t>(static_cast<uint32_t>(a) * static_cast<uint32_t>(b));
  });
  ExpectFold<int64_t>(OpCode::kSUM, Type::kInt64, 0, [](int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  });
}

TEST(FoldTest, BytesThatAreNotZeroAreTrue) {
  const TestTensor in = TestTensor::Of<uint8_t>(Type::kBool, {2, 3}, {0, 2, 0, 1, 4, 255});
  ExpectOutputs(MakeOp(OpCode::kREDUCE_ANY), {in, Ints({0})},
                {TestTensor::Of<uint8_t>(Type::kBool, {3}, {1, 1, 1})});
  ExpectOutputs(MakeOp(OpCode::kREDUCE_ALL), {in, Ints({1})},
                {TestTensor::Of<uint8_t>(Type::kBool, {2}, {0, 1})});
}

TEST(FoldTest, SpecialFloats) {
  const TestTensor in = Floats({2, 3}, {kNan, 1, 2, -kInf, kNan, -kInf});
  ExpectOutputs(MakeOp(OpCode::kREDUCE_MAX), {in, Ints({1})}, {Floats({2}, {2, -kInf})});
  const TestTensor none = Floats({2, 0}, {});
  ExpectOutputs(MakeOp(OpCode::kREDUCE_MIN), {none, Ints({1})}, {Floats({2}, {kInf, kInf})});
  std::vector<TestTensor> outputs = {TestTensor::Output(Type::kFloat32)};
  const Status status = RunOperation(MakeOp(OpCode::kREDUCE_MAX), {none, Ints({1})}, outputs,
                                     {.numerics = Numerics::kReference});
  ASSERT_TRUE(status.ok()) << status.c_str();
  EXPECT_EQ(outputs[0].As<float>(), std::vector<float>(2, std::numeric_limits<float>::lowest()));
}

TEST(FoldTest, RefusesOtherTypes) {
  const TestTensor t = TestTensor::Of<uint8_t>(Type::kUInt8, {2}, {1, 2});
  ExpectError(MakeOp(OpCode::kREDUCE_ANY), {t, Ints({0})}, Type::kUInt8, Code::kInvalidModel,
              "is uint8, expected bool");
  ExpectError(MakeOp(OpCode::kREDUCE_PROD), {t, Ints({0})}, Type::kUInt8, Code::kUnsupported,
              "is uint8, expected float32");
  ExpectError(MakeOp(OpCode::kREDUCE_MAX), {t, Ints({1})}, Type::kUInt8, Code::kInvalidModel,
              "axis 0 of 't' is 1, expected -1 to 0");
  ExpectError(MakeOp(OpCode::kREDUCE_PROD),
              {TestTensor::Of<int8_t>(Type::kInt8, {1}, {1}), Ints({0})}, Type::kInt8,
              Code::kInvalidModel, "without scale");
}

TEST(SumTest, ASumOfNothingIsTheRealZero) {
  TestTensor in = TestTensor::Of<int8_t>(Type::kInt8, {2, 0}, {}, 0.5f, 7);
  ExpectOutputs(MakeOp(OpCode::kSUM), {in, Ints({1})},
                {TestTensor::Of<int8_t>(Type::kInt8, {2}, {-3, -3}, 0.25f, -3)});
}

TEST(QuantisedProdTest, OfRealNumbers) {
  // 3, -2, 0.5 along the kept and the reduced innermost axis; one output scale for the product.
  const TestTensor rows = TestTensor::Of<int8_t>(Type::kInt8, {1, 3}, {13, -7, 3}, 0.25f, 1);
  const TestTensor columns = TestTensor::Of<int8_t>(Type::kInt8, {3, 1}, {13, -7, 3}, 0.25f, 1);
  const TestTensor product = TestTensor::Of<int8_t>(Type::kInt8, {1}, {-19}, 0.125f, 5);
  ExpectOutputs(MakeOp(OpCode::kREDUCE_PROD), {rows, Ints({1})}, {product});
  ExpectOutputs(MakeOp(OpCode::kREDUCE_PROD), {columns, Ints({0})}, {product});
}

TEST(ArgTest, FirstOfEqualsOfEveryAxis) {
  std::mt19937 random(7);
  for (const Shape& shape : {Shape{7}, Shape{70, 3}, Shape{3, 70}, Shape{2, 5, 66}}) {
    std::vector<float> in(static_cast<size_t>(shape.elements()));
    for (float& v : in) v = static_cast<float>(random() % 4);
    for (int axis = 0; axis < shape.rank(); ++axis) {
      std::vector<int32_t> most, least;
      for (const auto& group : Groups(shape, 1u << axis)) {
        size_t max = 0, min = 0;
        for (size_t i = 1; i < group.size(); ++i) {
          if (in[group[i]] > in[group[max]]) max = i;
          if (in[group[i]] < in[group[min]]) min = i;
        }
        most.push_back(static_cast<int32_t>(max));
        least.push_back(static_cast<int32_t>(min));
      }
      Shape out;
      for (int i = 0; i < shape.rank(); ++i) {
        if (i != axis) out.Append(shape[i]);
      }
      ExpectOutputs(MakeOp(OpCode::kARG_MAX), {Floats(shape, in), AtRunTime(Scalar(axis))},
                    {TestTensor::Of<int32_t>(Type::kInt32, out, most)});
      ExpectOutputs(MakeOp(OpCode::kARG_MIN), {Floats(shape, in), Ints({axis - shape.rank()})},
                    {TestTensor::Of<int32_t>(Type::kInt32, out, least)});
    }
  }
  ExpectError(MakeOp(OpCode::kARG_MAX), {Floats({2, 0}, {}), Scalar(1)}, Type::kInt32,
              Code::kInvalidArgument, "has size 0, expected at least 1");
}

TEST(ArgTest, NanLosesToAnyNumber) {
  const TestTensor in = Floats({2, 3}, {kNan, -kInf, kNan, kNan, kNan, kNan});
  for (const OpCode code : {OpCode::kARG_MAX, OpCode::kARG_MIN}) {
    ExpectOutputs(MakeOp(code), {in, Scalar(1)},
                  {TestTensor::Of<int32_t>(Type::kInt32, {2}, {1, 0})});
    ExpectOutputs(MakeOp(code), {in, Scalar(0)},
                  {TestTensor::Of<int32_t>(Type::kInt32, {3}, {0, 0, 0})});
  }
}

TEST(TopkTest, DescendingFirstOfEqualsFirst) {
  const TestTensor in = Floats({2, 5}, {2, kNan, 3, 2, kInf, 0, 0, -1, 0, -kInf});
  ExpectOutputs(MakeOp(OpCode::kTOPK_V2), {in, AtRunTime(Scalar(4))},
                {Floats({2, 4}, {kInf, 3, 2, 2, 0, 0, 0, -1}),
                 TestTensor::Of<int32_t>(Type::kInt32, {2, 4}, {4, 2, 0, 3, 0, 1, 3, 2})});
  ExpectOutputs(MakeOp(OpCode::kTOPK_V2), {in, Scalar(0)},
                {Floats({2, 0}, {}), TestTensor::Of<int32_t>(Type::kInt32, {2, 0}, {})});
  const Status status = [&] {
    std::vector<TestTensor> outputs = {TestTensor::Output(Type::kFloat32),
                                       TestTensor::Output(Type::kInt32)};
    return RunOperation(MakeOp(OpCode::kTOPK_V2), {in, Scalar(6)}, outputs);
  }();
  EXPECT_NE(status.message().find("is 6 (1 values), expected 0 to 5"), std::string_view::npos)
      << status.c_str();
}

TEST(CumsumTest, AlongEveryAxis) {
  const Shape shape = {3, 4, 67};
  std::vector<int32_t> in;
  for (int64_t i = 0; i < shape.elements(); ++i) in.push_back(static_cast<int32_t>(i * 77777777));
  for (int axis = 0; axis < 3; ++axis) {
    for (int way = 0; way < 4; ++way) {
      const CumsumOptions options{.exclusive = way % 2 == 1, .reverse = way / 2 == 1};
      std::vector<int32_t> expected(in.size());
      for (auto group : Groups(shape, 1u << axis)) {
        if (options.reverse) std::reverse(group.begin(), group.end());
        uint32_t sum = 0;
        for (const int64_t i : group) {
          const uint32_t with = sum + static_cast<uint32_t>(in[i]);
          expected[i] = static_cast<int32_t>(options.exclusive ? sum : with);
          sum = with;
        }
      }
      ExpectOutputs(MakeOp(OpCode::kCUMSUM, options),
                    {TestTensor::Of<int32_t>(Type::kInt32, shape, in), Scalar(axis - 3)},
                    {TestTensor::Of<int32_t>(Type::kInt32, shape, expected)});
    }
  }
}

}  // namespace
}  // namespace heddle::core
