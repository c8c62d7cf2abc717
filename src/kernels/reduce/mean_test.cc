// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <random>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

constexpr Type kF32 = Type::kFloat32;

std::vector<TestTensor> Compute(const std::vector<TestTensor>& inputs, bool keep_dims,
                                TestTensor output, Numerics numerics) {
  std::vector<TestTensor> first;
  for (const auto& [isa, cut] : IsasAndCuts()) {
    std::vector<TestTensor> outputs = {output};
    const Status status =
        RunOperation(MakeOp(OpCode::kMEAN, ReduceOptions{keep_dims}), inputs, outputs,
                     {.numerics = numerics, .isa = isa, .tiles_per_call = cut});
    EXPECT_TRUE(status.ok()) << status.c_str();
    if (isa == Isa::kPlain && cut == 0) first = outputs;
    EXPECT_TRUE(first[0].data == outputs[0].data) << IsaName(isa) << " cut " << cut;
  }
  return first;
}

// The elements of each output, in memory order, with their index along the run of reduced innermost
// axes.
struct Group {
  std::vector<int64_t> at, lane_index;
};

struct Reduction {
  Shape shape, kept_dims;
  std::vector<Group> groups;
};

Reduction Reduce(const Shape& in, uint32_t axes) {
  Reduction r;
  for (int i = 0; i < in.rank(); ++i) {
    const bool reduced = (axes >> i & 1) != 0;
    r.kept_dims.Append(reduced ? 1 : in[i]);
    if (!reduced) r.shape.Append(in[i]);
  }
  r.groups.resize(static_cast<size_t>(r.kept_dims.elements()));
  int inner = in.rank();
  while (inner > 0 && ((axes >> (inner - 1) & 1) != 0 || in[inner - 1] == 1)) --inner;
  const int64_t run = in.Product(inner, in.rank());
  ForEachIndex(in, [&](Index at) {
    const int64_t flat = FlatIndex(in, at);
    for (int i = 0; i < in.rank(); ++i) at[i] = (axes >> i & 1) != 0 ? 0 : at[i];
    Group& g = r.groups[FlatIndex(r.kept_dims, at)];
    g.at.push_back(flat);
    g.lane_index.push_back(flat % run);
  });
  return r;
}

bool InnerReduced(const Shape& in, uint32_t axes) {
  for (int i = in.rank() - 1; i >= 0; --i) {
    if (in[i] > 1) return (axes >> i & 1) != 0;
  }
  return false;
}

float OrderedSum(const std::vector<float>& in, const Group& g, bool lanes) {
  if (!lanes) {
    float sum = 0;
    for (const int64_t at : g.at) sum += in[at];
    return sum;
  }
  float lane[16] = {};
  for (size_t i = 0; i < g.at.size(); ++i) lane[g.lane_index[i] % 16] += in[g.at[i]];
  const auto pair = [&](int j) { return lane[j] + lane[j + 8]; };
  const auto four = [&](int j) { return pair(j) + pair(j + 4); };
  return (four(0) + four(2)) + (four(1) + four(3));
}

std::vector<int32_t> AxesOf(uint32_t bits, int rank) {
  std::vector<int32_t> axes;
  for (int i = 0; i < rank; ++i) {
    if ((bits >> i & 1) == 0) continue;
    axes.push_back(i);
    axes.push_back(i - rank);
  }
  return axes;
}

TEST(MeanTest, FloatsOverEveryChoiceOfAxesInThePromisedOrder) {
  std::mt19937 random(3);
  for (const Shape& shape : {Shape{5}, Shape{3, 40}, Shape{2, 3, 1, 70}, Shape{2, 3, 4, 5, 2},
                             Shape{37, 21}, Shape{1, 1}}) {
    std::vector<float> in(static_cast<size_t>(shape.elements()));
    for (float& v : in) v = static_cast<float>(random()) * 0x1p-31f - 1;
    const TestTensor input = TestTensor::Of<float>(kF32, shape, in);
    for (uint32_t bits = 0; bits < 1u << shape.rank(); ++bits) {
      const Reduction r = Reduce(shape, bits);
      const std::vector<int32_t> axes = AxesOf(bits, shape.rank());
      for (const Numerics numerics : {Numerics::kReference, Numerics::kFast}) {
        for (const bool constant : {true, false}) {
          const bool fast = numerics == Numerics::kFast;
          const bool xnn = fast && constant && !axes.empty() && axes.size() <= 6;
          std::vector<float> expected;
          for (const Group& g : r.groups) {
            const float sum = OrderedSum(in, g, fast && InnerReduced(shape, bits));
            const float n = static_cast<float>(g.at.size());
            expected.push_back(xnn ? sum * (1 / n) : sum / n);
          }
          const TestTensor operand = constant ? Ints(axes) : AtRunTime(Ints(axes));
          const auto out = Compute({input, operand}, constant, TestTensor::Output(kF32), numerics);
          EXPECT_EQ(out[0].shape, constant ? r.kept_dims : r.shape);
          EXPECT_EQ(out[0].As<float>(), expected)
              << shape.ToString() << " axes " << bits << " fast " << fast;
        }
      }
    }
  }
}

TEST(MeanTest, WideIntegersTruncate) {
  const TestTensor narrow =
      TestTensor::Of<int32_t>(Type::kInt32, {2, 2}, {2147483647, 2147483646, -3, -4});
  auto out =
      Compute({narrow, Ints({1})}, false, TestTensor::Output(Type::kInt32), Numerics::kReference);
  EXPECT_EQ(out[0].As<int32_t>(), (std::vector<int32_t>{2147483646, -3}));
  const TestTensor wide = TestTensor::Of<int64_t>(Type::kInt64, {3}, {int64_t{1} << 40, 1, 1});
  out = Compute({wide, Scalar(0)}, true, TestTensor::Output(Type::kInt64), Numerics::kFast);
  EXPECT_EQ(out[0].As<int64_t>(), (std::vector<int64_t>{((int64_t{1} << 40) + 2) / 3}));
}

// XNNPACK's form rounds once. The builtin form keeps only as many bits as 1/count takes before it
// rounds again; the exact integers of both are those of LiteRT's conformance cases.
template <class T>
void ExpectQuantisedMean(Type type, int32_t in_zero, int32_t out_zero) {
  const Shape shape = {2, 5, 3, 67};
  TestTensor input = Nd::Numbered(shape).As(type);
  const float in_scale = 0.03f, out_scale = 0.017f;
  input.quant.scale = {in_scale};
  input.quant.zero_point = {in_zero};
  const std::vector<T> in = input.As<T>();
  for (const uint32_t bits : {0b0110u, 0b1000u, 0b1111u, 0b0101u}) {
    const Reduction r = Reduce(shape, bits);
    for (const Numerics numerics : {Numerics::kReference, Numerics::kFast}) {
      const auto out = Compute({input, Ints(AxesOf(bits, 4))}, false,
                               TestTensor::Output(type, out_scale, out_zero), numerics);
      const std::vector<T> got = out[0].As<T>();
      const bool xnn = numerics == Numerics::kFast && type != Type::kInt16;
      for (size_t k = 0; k < r.groups.size(); ++k) {
        double sum = 0;
        for (const int64_t at : r.groups[k].at)
          sum += in_scale * (static_cast<double>(in[at]) - in_zero);
        const double real = sum / static_cast<double>(r.groups[k].at.size()) / out_scale + out_zero;
        const double held =
            std::clamp<double>(real, std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
        EXPECT_NEAR(got[k], held, xnn ? 0.51 : 0.8) << "axes " << bits << " output " << k;
      }
    }
  }
}

TEST(MeanTest, QuantisedTensors) {
  ExpectQuantisedMean<int8_t>(Type::kInt8, -5, 11);
  ExpectQuantisedMean<uint8_t>(Type::kUInt8, 120, 3);
  ExpectQuantisedMean<int16_t>(Type::kInt16, 0, 0);
}

TEST(MeanTest, ATieIsRoundedAsTheNumericsSay) {
  // The mean of 2 and 3: away from zero in the builtin kernels, to even in XNNPACK.
  const TestTensor t = TestTensor::Of<int8_t>(Type::kInt8, {2}, {2, 3}, 1.0f, 0);
  const TestTensor output = TestTensor::Output(Type::kInt8, 1.0f, 0);
  EXPECT_EQ(Compute({t, Ints({0})}, false, output, Numerics::kReference)[0].As<int8_t>()[0], 3);
  EXPECT_EQ(Compute({t, Ints({0})}, false, output, Numerics::kFast)[0].As<int8_t>()[0], 2);
  EXPECT_EQ(Compute({t, AtRunTime(Ints({0}))}, false, output, Numerics::kFast)[0].As<int8_t>()[0],
            3);
}

TEST(MeanTest, MeansOfNothing) {
  const TestTensor t = TestTensor::Of<float>(kF32, {2, 0, 3}, {});
  auto out = Compute({t, Ints({1})}, false, TestTensor::Output(kF32), Numerics::kFast);
  EXPECT_EQ(out[0].shape, (Shape{2, 3}));
  for (const float v : out[0].As<float>()) EXPECT_TRUE(std::isnan(v));
  const TestTensor i = TestTensor::Of<int32_t>(Type::kInt32, {0, 2}, {});
  out = Compute({i, Ints({0})}, false, TestTensor::Output(Type::kInt32), Numerics::kReference);
  EXPECT_EQ(out[0].As<int32_t>(), (std::vector<int32_t>{0, 0}));
  out = Compute({i, Ints({1})}, true, TestTensor::Output(Type::kInt32), Numerics::kReference);
  EXPECT_EQ(out[0].shape, (Shape{0, 1}));
}

TEST(MeanTest, RefusesWrongAxes) {
  const TestTensor t = TestTensor::Of<float>(kF32, {1, 2}, {1, 2});
  const Operator op = MakeOp(OpCode::kMEAN);
  ExpectError(op, {t, Ints({2})}, kF32, Code::kInvalidModel,
              "axis 0 of 't' is 2, expected -2 to 1");
  ExpectError(op, {t, AtRunTime(Ints({0, -3}))}, kF32, Code::kInvalidArgument,
              "axis 1 of 't' is -3");
  ExpectError(op, {TestTensor::Of<int8_t>(Type::kInt8, {1}, {1}), Ints({0})}, Type::kInt8,
              Code::kInvalidModel, "expected positive ones");
}

}  // namespace
}  // namespace heddle::core
