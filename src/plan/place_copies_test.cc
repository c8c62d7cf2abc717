// SPDX-License-Identifier: Apache-2.0
#include "plan/place_copies.h"

#include <random>
#include <string>

#include "plan/run_for_test.h"

namespace heddle::core {
namespace {

std::shared_ptr<const Plan> PlanFor(const ModelBuilder& b, bool place_copies,
                                    bool keep_all = false) {
  ProgramOptions options;
  options.place_copies = place_copies, options.keep_all = keep_all;
  return PlanForTest(b, options);
}
size_t Steps(const ModelBuilder& b, bool place_copies = true, bool keep_all = false) {
  return PlanFor(b, place_copies, keep_all)->steps.size();
}

// Rows of `channels` numbers: 1xROWSxCHANNELS.
class Rows {
 public:
  ModelBuilder b;

  Rows(Type type, int32_t channels) : type_(type), channels_(channels) {}
  int Input(int32_t rows) { return Sized(b.Input("x", type_, Of(rows), Scale()), rows); }
  int Relu(int v) {
    const int y = Make(rows(v));
    b.Op(OpCode::kRELU, {v}, {y});
    return y;
  }
  int Joined(const std::vector<int>& parts) {
    int32_t sum = 0;
    for (const int v : parts) sum += rows(v);
    const int y = Make(sum);
    b.Op(OpCode::kCONCATENATION, std::vector<int32_t>(parts.begin(), parts.end()), {y},
         ConcatOptions{1, Activation::kNone});
    return y;
  }
  std::vector<int> Split(int v, int32_t parts) {
    std::vector<int> out;
    for (int32_t i = 0; i < parts; ++i) out.push_back(Make(rows(v) / parts));
    b.Op(OpCode::kSPLIT, {b.Constant<int32_t>("axis", {}, {1}), v},
         std::vector<int32_t>(out.begin(), out.end()), SplitOptions{parts});
    return out;
  }
  int Slice(int v, int32_t first, int32_t n) {
    const int y = Make(n);
    b.Op(OpCode::kSLICE,
         {v, b.Constant<int32_t>("begin", {3}, {0, first, 0}),
          b.Constant<int32_t>("size", {3}, {1, n, channels_})},
         {y});
    return y;
  }
  int32_t rows(int v) const { return rows_[static_cast<size_t>(v)]; }

 private:
  Shape Of(int32_t rows) const { return {1, rows, channels_}; }
  Quantization Scale() const {
    return type_ == Type::kFloat32 ? Quantization{} : Quant(0.5f, type_ == Type::kUInt8 ? 128 : 3);
  }
  int Make(int32_t rows) { return Sized(b.Make("v", type_, Of(rows), Scale()), rows); }
  int Sized(int v, int32_t rows) {
    rows_.resize(static_cast<size_t>(v) + 1);
    rows_.back() = rows;
    return v;
  }

  Type type_;
  int32_t channels_;
  std::vector<int32_t> rows_;  // by value
};

TEST(PlaceCopies, AConcatenationIsMadeInPlace) {
  Rows g(Type::kFloat32, 5);
  const int x = g.Input(2);
  const int a = g.Relu(x), b = g.Relu(x);
  g.b.Output(g.Relu(g.Joined({a, b})));
  const auto plan = PlanFor(g.b, true);
  EXPECT_EQ(plan->steps.size(), 3u);
  EXPECT_EQ(plan->values[static_cast<size_t>(b)].location.index,
            plan->values[static_cast<size_t>(a)].location.index + 40);
  EXPECT_EQ(Steps(g.b, false), 4u);
  EXPECT_EQ(Steps(g.b, true, true), 4u);
}

TEST(PlaceCopies, AlsoInTheCallersMemory) {
  Rows g(Type::kFloat32, 5);
  const int x = g.Input(2);
  const int a = g.Relu(x), b = g.Relu(x);
  g.b.Output(g.Joined({a, b}));
  const auto plan = PlanFor(g.b, true);
  EXPECT_EQ(plan->steps.size(), 2u);
  EXPECT_EQ(plan->values[static_cast<size_t>(b)].location.place, Place::kOutput);
  EXPECT_EQ(plan->values[static_cast<size_t>(b)].location.offset, 40);
}

TEST(PlaceCopies, PartsOfAnInputAreReadWhereTheyLie) {
  Rows g(Type::kFloat32, 5);
  const std::vector<int> parts = g.Split(g.Input(4), 2);
  g.b.Output(g.Relu(parts[0]));
  g.b.Output(g.Relu(parts[1]));
  const auto plan = PlanFor(g.b, true);
  EXPECT_EQ(plan->steps.size(), 2u);
  EXPECT_EQ(plan->values[static_cast<size_t>(parts[1])].location.place, Place::kInput);
  EXPECT_EQ(plan->values[static_cast<size_t>(parts[1])].location.offset, 40);
}

TEST(PlaceCopies, NotOfWhatOthersOwn) {
  Rows twice(Type::kFloat32, 5);
  const int a = twice.Relu(twice.Input(2));
  twice.b.Output(twice.Relu(twice.Joined({a, a})));
  EXPECT_EQ(Steps(twice.b), 3u);
  Rows input(Type::kFloat32, 5);
  const int x = input.Input(2);
  input.b.Output(input.Relu(input.Joined({input.Relu(x), x})));
  EXPECT_EQ(Steps(input.b), 3u);
  Rows output(Type::kFloat32, 5);
  const int y = output.Input(2);
  const int c = output.Relu(y);
  output.b.Output(c);
  output.b.Output(output.Joined({c, output.Relu(y)}));
  EXPECT_EQ(Steps(output.b), 3u);
}

TEST(PlaceCopies, ASmallPartDoesNotKeepALargeWhole) {
  for (const int32_t rows : {100, 100000}) {
    Rows g(Type::kFloat32, 5);
    g.b.Output(g.Relu(g.Slice(g.Relu(g.Input(rows)), 3, 2)));
    EXPECT_EQ(Steps(g.b), rows == 100 ? 2u : 3u);
  }
}

// Any mix of parts and wholes.
Rows AnyGraph(std::mt19937& random, Type type) {
  const auto below = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  Rows g(type, static_cast<int32_t>(1 + below(5)));
  std::vector<int> values = {g.Input(4)};
  const auto any = [&] { return values[below(values.size())]; };
  for (int i = 0; i < 14; ++i) {
    const int v = any();
    switch (below(5)) {
      case 0:
      case 1:
        values.push_back(g.Relu(v));
        break;
      case 2: {
        std::vector<int> parts = {v};
        while (parts.size() < 3 && g.rows(parts.back()) < 30) parts.push_back(any());
        values.push_back(g.Joined(parts));
        break;
      }
      case 3: {
        const std::vector<int> parts = g.Split(v, g.rows(v) % 2 == 0 ? 2 : 1);
        values.insert(values.end(), parts.begin(), parts.end());
        break;
      }
      default: {
        const auto n = static_cast<int32_t>(1 + below(static_cast<size_t>(g.rows(v))));
        const size_t room = static_cast<size_t>(g.rows(v)) + 1 - static_cast<size_t>(n);
        const auto first = static_cast<int32_t>(below(room));
        values.push_back(g.Slice(v, first, n));
      }
    }
  }
  for (int i = 0; i < 3; ++i) g.b.Output(values[values.size() - 1 - below(6)]);
  return g;
}

TEST(PlaceCopies, TheBitsAreThoseOfCopies) {
  size_t spared = 0;
  for (const Type type : {Type::kFloat32, Type::kInt8, Type::kUInt8}) {
    for (uint32_t seed = 0; seed < 200 && !testing::Test::HasFailure(); ++seed) {
      SCOPED_TRACE(seed);
      std::mt19937 random(seed);
      const Rows g = AnyGraph(random, type);
      const auto placed = PlanFor(g.b, true), copied = PlanFor(g.b, false);
      const auto x = static_cast<size_t>(placed->program->inputs()[0]);
      std::vector<std::byte> input(placed->values[x].bytes);
      for (std::byte& byte : input) byte = static_cast<std::byte>(random());
      EXPECT_EQ(RunPlanForTest(*placed, {input}), RunPlanForTest(*copied, {input}));
      EXPECT_LE(placed->steps.size(), copied->steps.size());
      spared += copied->steps.size() - placed->steps.size();
    }
  }
  EXPECT_GT(spared, 600u);
}

}  // namespace
}  // namespace heddle::core
