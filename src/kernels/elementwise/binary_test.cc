// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <complex>
#include <limits>
#include <numeric>

#include "kernels/elementwise/broadcast.h"
#include "kernels/quant.h"
#include "support/run_operation.h"

namespace heddle::core {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kMax = std::numeric_limits<float>::max();

Operator Binary(OpCode code, Activation activation = Activation::kNone, bool pot = false) {
  Operator op;
  op.code = code;
  op.options = BinaryOptions{activation, pot};
  return op;
}

template <class T>
std::vector<T> Computed(const Operator& op, const TestTensor& a, const TestTensor& b,
                        const TestTensor& out, const RunConfig& config = {},
                        Shape* shape = nullptr) {
  std::vector<TestTensor> outputs{out};
  const Status status = RunOperation(op, {a, b}, outputs, config);
  EXPECT_TRUE(status.ok()) << status.c_str();
  if (shape != nullptr) *shape = outputs[0].shape;
  return outputs[0].As<T>();
}

std::string ErrorOf(const Operator& op, const TestTensor& a, const TestTensor& b,
                    const TestTensor& out) {
  std::vector<TestTensor> outputs{out};
  const Status status = RunOperation(op, {a, b}, outputs);
  EXPECT_FALSE(status.ok());
  return std::string(status.message());
}

TestTensor Counting(const Shape& shape, int32_t start) {
  std::vector<int32_t> v(shape.elements());
  std::iota(v.begin(), v.end(), start);
  return TestTensor::Of<int32_t>(Type::kInt32, shape, v);
}

// The element of a tensor of this shape that index `at` of the result meets.
size_t ElementAt(const Shape& shape, const std::vector<int32_t>& at) {
  const int rank = static_cast<int>(at.size()), skipped = rank - shape.rank();
  int64_t flat = 0;
  for (int i = skipped; i < rank; ++i) {
    const int32_t size = shape[i - skipped];
    flat = flat * size + (size == 1 ? 0 : at[i]);
  }
  return static_cast<size_t>(flat);
}

// a - 2^shift b at every index, by the definition.
template <class T>
void ExpectDifference(Type type, int shift, const Shape& sa, const Shape& sb,
                      const RunConfig& config) {
  std::vector<T> a(static_cast<size_t>(sa.elements())), b(static_cast<size_t>(sb.elements()));
  std::iota(a.begin(), a.end(), T(1));
  std::iota(b.begin(), b.end(), T(1));
  for (T& v : b) v *= static_cast<T>(1 << shift);
  Shape shape;
  const auto got =
      Computed<T>(Binary(OpCode::kSUB), TestTensor::Of<T>(type, sa, a),
                  TestTensor::Of<T>(type, sb, b), TestTensor::Output(type), config, &shape);
  ASSERT_EQ(shape.rank(), std::max(sa.rank(), sb.rank()));
  std::vector<int32_t> at(shape.rank(), 0);
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i], a[ElementAt(sa, at)] - b[ElementAt(sb, at)])
        << sa.ToString() << " - " << sb.ToString() << " element " << i;
    for (int k = shape.rank() - 1; k >= 0 && ++at[k] == shape[k]; --k) at[k] = 0;
  }
  ASSERT_EQ(static_cast<int64_t>(got.size()), shape.elements());
}

void ExpectBroadcast(const Shape& a, const Shape& b, int64_t tiles_per_call = 0) {
  RunConfig config;
  config.tiles_per_call = tiles_per_call;
  ExpectDifference<int32_t>(Type::kInt32, 16, a, b, config);
}

std::vector<Shape> SmallShapes() {
  std::vector<Shape> shapes{Shape{}};
  for (size_t i = 0; i < shapes.size() && shapes[i].rank() < 4; ++i)
    for (int32_t size : {1, 2, 3}) {
      Shape s;
      s.Append(size);
      for (int32_t d : shapes[i].dims()) s.Append(d);
      shapes.push_back(s);
    }
  return shapes;
}

TEST(Broadcast, EveryPairOfSmallShapes) {
  const auto shapes = SmallShapes();
  int64_t ran = 0;
  for (const Shape& a : shapes)
    for (const Shape& b : shapes) {
      Operand oa, ob;
      oa.shape = a, ob.shape = b;
      if (!BroadcastShape(oa, ob).ok()) continue;
      ExpectBroadcast(a, b);
      ++ran;
    }
  EXPECT_GT(ran, 3000);
}

TEST(Broadcast, EightAxes) {
  ExpectBroadcast({2, 1, 2, 1, 2, 1, 2, 3}, {1, 2, 1, 3, 1, 2, 1, 1});
  ExpectBroadcast({2, 1, 2, 2, 1, 1, 2, 3}, {3, 1, 1});
}

TEST(Broadcast, AnySplitOfTheTiles) {
  for (int64_t tiles : {0, 1, 2, 3}) {
    ExpectBroadcast({5, 7, 333}, {5, 7, 333}, tiles);
    ExpectBroadcast({5, 7, 333}, {333}, tiles);
    ExpectBroadcast({5, 7, 333}, {5, 7, 1}, tiles);
    ExpectBroadcast({1, 7, 333}, {5, 1, 333}, tiles);
    ExpectBroadcast({12345}, {}, tiles);
  }
}

TEST(Broadcast, AnOperandThatRepeatsItself) {
  const std::pair<Shape, Shape> shapes[] = {{{31, 97, 3}, {3}},
                                            {{4, 7, 90, 5}, {4, 1, 1, 5}},
                                            {{1, 7, 700, 2}, {3, 1, 1, 2}},
                                            {{23, 128}, {128}},
                                            {{23, 129}, {129}},
                                            {{1, 1025, 2}, {7, 1, 2}},
                                            {{11, 3, 70, 64}, {1, 64}}};
  for (const auto& [a, b] : shapes)
    for (Isa isa : SupportedIsas())
      for (int64_t tiles : {0, 1, 3}) {
        RunConfig config;
        config.isa = isa;
        config.tiles_per_call = tiles;
        ExpectDifference<float>(Type::kFloat32, 2, a, b, config);
        ExpectDifference<float>(Type::kFloat32, 2, b, a, config);
      }
}

TEST(Broadcast, JoinsShortRunsOnly) {
  const auto repeated = [](const Shape& a, const Shape& b) {
    Broadcast<2> walk({a, b});
    return walk.JoinRepeats() ? std::pair(walk.repeated(), walk.period())
                              : std::pair(-1, int64_t{1});
  };
  using P = std::pair<int, int64_t>;
  EXPECT_EQ(repeated({31, 97, 3}, {3}), P(1, 3));
  EXPECT_EQ(repeated({2, 1, 128}, {2, 17, 128}), P(0, 128));
  EXPECT_EQ(repeated({23, 129}, {129}), P(-1, 1));           // long enough as it is
  EXPECT_EQ(repeated({23, 3}, {3}), P(-1, 1));               // too little in all
  EXPECT_EQ(repeated({100, 50, 1}, {100, 1, 3}), P(-1, 1));  // stands still along the run
  EXPECT_EQ(repeated({100, 100}, {100, 100}), P(-1, 1));
}

TEST(Broadcast, NothingToDo) {
  const auto empty = TestTensor::Of<int32_t>(Type::kInt32, {3, 0, 2}, {});
  Shape shape;
  Computed<int32_t>(Binary(OpCode::kADD), empty, Counting({2}, 0), TestTensor::Output(Type::kInt32),
                    {}, &shape);
  EXPECT_EQ(shape, (Shape{3, 0, 2}));
}

TEST(Broadcast, NamesTheShapesThatDoNotFit) {
  EXPECT_EQ(ErrorOf(Binary(OpCode::kADD), Counting({2, 3}, 0), Counting({2, 4}, 0),
                    TestTensor::Output(Type::kInt32)),
            "'t' of 2x3 and 't' of 2x4 do not broadcast");
}

TestTensor Floats(std::vector<float> v) {
  const auto n = static_cast<int32_t>(v.size());
  return TestTensor::Of<float>(Type::kFloat32, {n}, std::move(v));
}

TEST(BinaryFloat, FastKeepsInfinity) {
  const auto a = Floats({1.5f, kInf, kMax, -kMax, kNaN, -3});
  const auto b = Floats({2, 1, kMax, -kMax, 1, 1});
  const auto out = TestTensor::Output(Type::kFloat32);
  const auto got = Computed<float>(Binary(OpCode::kADD), a, b, out);
  EXPECT_EQ(got[0], 3.5f);
  EXPECT_EQ(got[1], kInf);
  EXPECT_EQ(got[2], kInf);
  EXPECT_EQ(got[3], -kInf);
  EXPECT_TRUE(std::isnan(got[4]));
  EXPECT_EQ(got[5], -2);
}

TEST(BinaryFloat, ReferenceClampsToFiniteNumbers) {
  const RunConfig reference{Numerics::kReference};
  const auto out = TestTensor::Output(Type::kFloat32);
  const auto got = Computed<float>(Binary(OpCode::kMUL), Floats({kInf, -kMax, kNaN, 3}),
                                   Floats({2, 2, 1, 5}), out, reference);
  EXPECT_EQ(got[0], kMax);
  EXPECT_EQ(got[1], -kMax);
  EXPECT_TRUE(std::isnan(got[2]));
  EXPECT_EQ(got[3], 15);
}

TEST(BinaryFloat, EveryIsaGivesTheBitsOfPlain) {
  const std::vector<float> values{0,    -0.0f, 1,    -1,     1e-40f, 3e38f,
                                  kInf, -kInf, 0.3f, -7e-3f, 123456, 1e-20f};
  for (OpCode code : {OpCode::kADD, OpCode::kSUB, OpCode::kMUL, OpCode::kDIV})
    for (int32_t n : {1, 7, 16, 35, 1000})
      for (int moves : {1, 2, 3}) {
        std::vector<float> a, b;
        for (int32_t i = 0; i < ((moves & 1) != 0 ? n : 1); ++i) a.push_back(values[i * 5 % 12]);
        for (int32_t i = 0; i < ((moves & 2) != 0 ? n : 1); ++i) b.push_back(values[i * 7 % 11]);
        const auto in_a = TestTensor::Of(Type::kFloat32, {static_cast<int32_t>(a.size())}, a);
        const auto in_b = TestTensor::Of(Type::kFloat32, {static_cast<int32_t>(b.size())}, b);
        const auto bits = [&](Isa isa) {
          RunConfig config;
          config.isa = isa;
          std::vector<uint32_t> v;
          for (float y : Computed<float>(Binary(code, Activation::kRelu6), in_a, in_b,
                                         TestTensor::Output(Type::kFloat32), config))
            v.push_back(std::isnan(y) ? 0x7fc00000u : std::bit_cast<uint32_t>(y));
          return v;
        };
        const auto plain = bits(Isa::kPlain);
        for (Isa isa : SupportedIsas())
          ASSERT_EQ(bits(isa), plain) << OpName(code) << " " << IsaName(isa) << " " << n;
      }
}

TEST(BinaryFloat, FusedActivations) {
  const auto a = Floats({-2, -0.5f, 0.5f, 9}), b = Floats({0, 0, 0, 0});
  const auto out = TestTensor::Output(Type::kFloat32);
  using V = std::vector<float>;
  EXPECT_EQ(Computed<float>(Binary(OpCode::kADD, Activation::kRelu), a, b, out),
            (V{0, 0, 0.5f, 9}));
  EXPECT_EQ(Computed<float>(Binary(OpCode::kADD, Activation::kRelu6), a, b, out),
            (V{0, 0, 0.5f, 6}));
  EXPECT_EQ(Computed<float>(Binary(OpCode::kSUB, Activation::kReluN1To1), a, b, out),
            (V{-1, -0.5f, 0.5f, 1}));
  EXPECT_EQ(ErrorOf(Binary(OpCode::kMUL, Activation::kTanh), a, b, out), "fused activation TANH");
}

TEST(BinaryFloat, HalfIsComputedInFloat) {
  // 1 + 2^-11 is a tie between 1 and 1 + 2^-10.
  const auto a = TestTensor::Of<uint16_t>(Type::kFloat16, {3}, {0x3c00, 0x3c01, 0x7bff});
  const auto b = TestTensor::Of<uint16_t>(Type::kFloat16, {3}, {0x1000, 0x1000, 0x7bff});
  EXPECT_EQ(Computed<uint16_t>(Binary(OpCode::kADD), a, b, TestTensor::Output(Type::kFloat16)),
            (std::vector<uint16_t>{0x3c00, 0x3c02, 0x7c00}));
}

TEST(BinaryInteger, Wraps) {
  constexpr int32_t kLo = std::numeric_limits<int32_t>::min();
  constexpr int32_t kHi = std::numeric_limits<int32_t>::max();
  const auto a = TestTensor::Of<int32_t>(Type::kInt32, {3}, {kHi, kLo, 65536});
  const auto b = TestTensor::Of<int32_t>(Type::kInt32, {3}, {1, -1, 65537});
  const auto out = TestTensor::Output(Type::kInt32);
  using V = std::vector<int32_t>;
  EXPECT_EQ(Computed<int32_t>(Binary(OpCode::kADD), a, b, out), (V{kLo, kHi, 131073}));
  EXPECT_EQ(Computed<int32_t>(Binary(OpCode::kMUL), a, b, out), (V{kHi, kLo, 65536}));
  EXPECT_EQ(Computed<int32_t>(Binary(OpCode::kSUB, Activation::kRelu6), a, b, out), (V{6, 0, 0}));
}

TEST(BinaryInteger, OtherTypes) {
  const auto a64 = TestTensor::Of<int64_t>(Type::kInt64, {2}, {int64_t{1} << 40, -5});
  EXPECT_EQ(Computed<int64_t>(Binary(OpCode::kMUL), a64, a64, TestTensor::Output(Type::kInt64)),
            (std::vector<int64_t>{0, 25}));
  const auto u32 = TestTensor::Of<uint32_t>(Type::kUInt32, {2}, {4000000000u, 3});
  EXPECT_EQ(Computed<uint32_t>(Binary(OpCode::kMUL), u32, u32, TestTensor::Output(Type::kUInt32)),
            (std::vector<uint32_t>{4000000000u * 4000000000u, 9}));
  using C = std::complex<float>;
  const auto c64 = TestTensor::Of<C>(Type::kComplex64, {1}, {C(1, 2)});
  EXPECT_EQ(Computed<C>(Binary(OpCode::kMUL), c64, c64, TestTensor::Output(Type::kComplex64)),
            (std::vector<C>{C(-3, 4)}));
  EXPECT_EQ(ErrorOf(Binary(OpCode::kADD), c64, c64, TestTensor::Output(Type::kComplex64)),
            "'t' is complex64: no kernel for this type");
}

}  // namespace
}  // namespace heddle::core
