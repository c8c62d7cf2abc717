// SPDX-License-Identifier: Apache-2.0
#include "plan/band_rows.h"

#include <random>
#include <string>

#include "base/isa.h"
#include "plan/run_for_test.h"

namespace heddle::core {
namespace {

size_t Steps(const ModelBuilder& b, ProgramOptions options = {}) {
  return PlanForTest(b, options)->steps.size();
}
size_t StepsWhenOff(const ModelBuilder& b) {
  ProgramOptions options;
  options.band_rows = false;
  return Steps(b, options);
}

// 1xROWSxDEPTH floats, and what is made of them.
class Graph {
 public:
  ModelBuilder b;
  const int32_t rows, depth;
  const int x;

  Graph(int32_t r, int32_t d) : rows(r), depth(d), x(b.Input("x", Type::kFloat32, {1, r, d})) {}

  int Unary(OpCode code, int v) { return Op(code, {v}, b.tensor(v).shape); }
  int Binary(OpCode code, int v, int w) {
    const Shape &s = b.tensor(v).shape, &t = b.tensor(w).shape;
    return Op(code, {v, w}, s.elements() > t.elements() ? s : t);
  }
  int Numbers(Shape shape, float first) {
    std::vector<float> numbers(static_cast<size_t>(shape.elements()));
    for (float& each : numbers) each = first, first = first * 1.01f - 0.01f;
    return b.Constant<float>("c", shape, numbers);
  }
  int MeanOfRows(int v, int32_t axis = 2) {
    Shape shape = b.tensor(v).shape;
    shape[axis] = 1;
    const int y = b.Make("mean", Type::kFloat32, shape);
    b.Op(OpCode::kMEAN, {v, b.Constant<int32_t>("axes", {1}, {axis})}, {y}, ReduceOptions{true});
    return y;
  }
  int Reshaped(int v, Shape shape) {
    const int y = b.Make("reshaped", Type::kFloat32, shape);
    std::vector<int32_t> sizes(shape.dims().begin(), shape.dims().end());
    b.Op(OpCode::kRESHAPE, {v, b.Constant<int32_t>("sizes", {shape.rank()}, sizes)}, {y});
    return y;
  }
  // As converters write it.
  int Normalised(int v) {
    const int mean = MeanOfRows(v);
    const int variance = MeanOfRows(Binary(OpCode::kSQUARED_DIFFERENCE, v, mean));
    const int root = Unary(OpCode::kRSQRT, Binary(OpCode::kADD, variance, Numbers({}, 1e-6f)));
    const int scale = Binary(OpCode::kMUL, root, Numbers({depth}, 1.5f));
    const int shift =
        Binary(OpCode::kSUB, Numbers({depth}, 0.25f), Binary(OpCode::kMUL, mean, scale));
    return Binary(OpCode::kADD, Binary(OpCode::kMUL, v, scale), shift);
  }

 private:
  int Op(OpCode code, std::vector<int32_t> inputs, Shape shape) {
    const int y = b.Make("v", Type::kFloat32, shape);
    b.Op(code, std::move(inputs), {y});
    return y;
  }
};

std::vector<std::byte> AnyFloats(std::mt19937& random, size_t bytes) {
  std::vector<float> numbers(bytes / 4);
  std::uniform_real_distribution<float> any(-3, 3);
  for (float& x : numbers) x = any(random);
  std::vector<std::byte> out(bytes);
  std::memcpy(out.data(), numbers.data(), bytes);
  return out;
}

// The same bits with and without, in every numerics, on every instruction set.
void ExpectSameBits(const ModelBuilder& b, std::mt19937& random) {
  for (const Numerics numerics : {Numerics::kFast, Numerics::kReference}) {
    for (const Isa isa : SupportedIsas()) {
      SCOPED_TRACE(IsaName(isa));
      ProgramOptions options;
      options.numerics = numerics, options.isa = isa;
      const auto banded = PlanForTest(b, options);
      options.band_rows = false;
      const auto plain = PlanForTest(b, options);
      const auto x = static_cast<size_t>(plain->program->inputs()[0]);
      const std::vector<std::byte> input = AnyFloats(random, plain->values[x].bytes);
      EXPECT_EQ(RunPlanForTest(*banded, {input}), RunPlanForTest(*plain, {input}));
    }
  }
}

TEST(BandRows, ANormalisationOfRowsIsOneStep) {
  for (const int32_t rows : {2, 99, 128, 1031}) {
    for (const int32_t depth : {16, 250}) {
      if (rows * depth < 4096) continue;
      SCOPED_TRACE(std::to_string(rows) + " of " + std::to_string(depth));
      Graph g(rows, depth);
      g.b.Output(g.Normalised(g.x));
      EXPECT_EQ(Steps(g.b), 1u);
      EXPECT_EQ(StepsWhenOff(g.b), 10u);
      std::mt19937 random(7);
      ExpectSameBits(g.b, random);
    }
  }
}

TEST(BandRows, WhatIsInsideHasNoMemory) {
  Graph g(128, 250);
  g.b.Output(g.Normalised(g.x));
  const auto plan = PlanForTest(g.b);
  EXPECT_EQ(plan->arena_bytes, size_t{128 * 250 * 4});  // of the output alone
  EXPECT_LE(plan->scratch_bytes, size_t{5 * 8192});
  EXPECT_EQ(NameOf(*plan, plan->steps[0]), "MEAN to ADD (10)");
  EXPECT_EQ(std::vector<int>({g.x}).size() + 5, InputsOf(*plan, plan->steps[0]).size());
}

TEST(BandRows, TilesInAnyOrder) {
  Graph g(99, 250);
  g.b.Output(g.Normalised(g.x));
  const auto plan = PlanForTest(g.b);
  const Step& step = plan->steps.at(0).step;
  const int64_t tiles = step.phases.at(0).tiles;
  ASSERT_GT(tiles, 5);
  std::mt19937 random(5);
  const std::vector<std::byte> input = AnyFloats(random, 99 * 250 * 4);
  std::vector<std::byte> output(input.size()), scratch(step.scratch_bytes + 64);
  std::vector<const void*> inputs;
  for (uint32_t i = 0; i < plan->steps[0].inputs; ++i) {
    const Location& l = plan->operands[plan->steps[0].first_input + i];
    inputs.push_back(l.place == Place::kInput ? input.data() : l.constant);
  }
  void* out = output.data();
  std::byte* aligned = scratch.data() + 64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64;
  const TileArgs args{inputs.data(), &out, nullptr, nullptr, aligned};
  for (int64_t t = tiles; t > 0; --t)
    ASSERT_EQ(step.phases[0].tile(step.params.get(), args, {t - 1, t}), TileCode::kOk);
  EXPECT_EQ(RunPlanForTest(*plan, {input})[0], output);
}

TEST(BandRows, AValueThatOthersReadIsWritten) {
  Graph g(128, 128);
  const int sum = g.Binary(OpCode::kADD, g.x, g.Numbers({128}, 2));
  const int square = g.Unary(OpCode::kSQUARE, sum);
  g.b.Output(g.Binary(OpCode::kMUL, g.Unary(OpCode::kTANH, square), sum));
  g.b.Output(square);
  const auto plan = PlanForTest(g.b);
  ASSERT_EQ(plan->steps.size(), 1u);
  EXPECT_EQ(plan->steps[0].outputs, 2u);
  std::mt19937 random(3);
  ExpectSameBits(g.b, random);
}

TEST(BandRows, NotAcrossRows) {
  Graph g(128, 128);
  const int square = g.Unary(OpCode::kSQUARE, g.x);
  g.b.Output(g.Binary(OpCode::kSUB, square, g.MeanOfRows(square, 1)));
  EXPECT_EQ(Steps(g.b), 3u);
  Graph table(128, 128);  // a row of it for each row
  table.b.Output(table.Binary(OpCode::kADD, table.Unary(OpCode::kSQUARE, table.x),
                              table.Numbers({128, 128}, 1)));
  EXPECT_EQ(Steps(table.b), 2u);
}

TEST(BandRows, NotWhereNothingIsSpared) {
  Graph small(4, 128);
  small.b.Output(small.Normalised(small.x));
  EXPECT_EQ(Steps(small.b), 10u);
  Graph kept(128, 128);
  const int square = kept.Unary(OpCode::kSQUARE, kept.x);
  kept.b.Output(square);
  kept.b.Output(kept.Unary(OpCode::kTANH, square));
  EXPECT_EQ(Steps(kept.b), 2u);
  Graph wide(2, 1 << 16);
  wide.b.Output(wide.Normalised(wide.x));
  EXPECT_EQ(Steps(wide.b), 10u);
}

TEST(BandRows, AnyNumberOfSteps) {
  Graph g(128, 128);
  int v = g.x;
  for (int i = 0; i < 150; ++i) v = g.Unary(OpCode::kABS, v);
  g.b.Output(v);
  EXPECT_EQ(Steps(g.b), 3u);  // of 64 at most
  std::mt19937 random(1);
  ExpectSameBits(g.b, random);
}

TEST(BandRows, NotWhenEverythingIsKept) {
  Graph g(128, 128);
  g.b.Output(g.Normalised(g.x));
  ProgramOptions options;
  options.keep_all = true;
  EXPECT_EQ(Steps(g.b, options), 10u);
}

// Any mix of what keeps rows apart and what does not.
Graph AnyGraph(std::mt19937& random) {
  const auto below = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  const int32_t rows = 3 + below(120), depth = below(3) == 0 ? rows : 64 + below(300);
  Graph g(rows, depth);
  std::vector<int> values = {g.x};
  const auto any = [&] {
    return values[values.size() - 1 -
                  static_cast<size_t>(below(std::min<int>(3, static_cast<int>(values.size()))))];
  };
  constexpr OpCode kUnary[] = {OpCode::kSQUARE, OpCode::kTANH, OpCode::kABS, OpCode::kLOGISTIC};
  constexpr OpCode kBinary[] = {OpCode::kADD, OpCode::kSUB, OpCode::kMUL, OpCode::kMAXIMUM};
  const Shape whole{1, rows, depth}, flat{rows, depth}, column{1, rows, 1};
  for (int i = 0; i < 12; ++i) {
    const int v = any();
    switch (below(6)) {
      case 0:
        values.push_back(g.Unary(kUnary[below(4)], v));
        break;
      case 1:
        values.push_back(g.Binary(kBinary[below(4)], v, g.x));
        break;
      case 2:
        values.push_back(
            g.Binary(kBinary[below(4)], v, g.Numbers(below(2) == 0 ? Shape{depth} : column, 0.7f)));
        break;
      case 3:
        values.push_back(g.Binary(OpCode::kSUB, v, g.MeanOfRows(v, 1 + below(2))));
        break;
      case 4:
        values.push_back(g.Unary(OpCode::kSOFTMAX, v));
        break;
      default:
        values.push_back(g.Reshaped(g.Unary(OpCode::kSQUARE, g.Reshaped(v, flat)), whole));
    }
  }
  for (int i = 0; i < 2; ++i) g.b.Output(values[values.size() - 1 - static_cast<size_t>(below(4))]);
  return g;
}

TEST(BandRows, TheBitsAreThoseOfTheSteps) {
  size_t spared = 0;
  for (uint32_t seed = 0; seed < 60 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const Graph g = AnyGraph(random);
    ExpectSameBits(g.b, random);
    spared += StepsWhenOff(g.b) - Steps(g.b);
  }
  EXPECT_GT(spared, 150u);
}

}  // namespace
}  // namespace heddle::core
