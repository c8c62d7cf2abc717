// SPDX-License-Identifier: Apache-2.0
// How graphs become Plans: folding, aliases, places of outputs, Plans that continue where values
// decide shapes, limits.
#include "plan/plan.h"

#include <gtest/gtest.h>

#include "plan/sparse.h"
#include "support/model_builder.h"

namespace heddle::core {
namespace {

Result<std::shared_ptr<const Program>> Compile(const ModelBuilder& b, ProgramOptions options = {}) {
  HEDDLE_ASSIGN(auto model, Model::ReadBytes(b.Build()));
  return Program::Compile(std::move(model), 0, options, std::make_shared<WeightStore>(1 << 24));
}

TEST(MakeWeightStore, TheFileIsNoExpansion) {
  const auto model = *Model::ReadBytes(ModelBuilder().Build());
  const auto bytes = static_cast<size_t>(model->size_bytes());
  Limits limits;
  limits.arena_bytes = 1000;
  const auto nothing = [](std::byte*) {};
  const auto store = MakeWeightStore(*model, limits);
  EXPECT_TRUE(store->Pack(&bytes, "a", 8 * bytes, nothing).ok());
  EXPECT_TRUE(store->Pack(&bytes, "b", 1000, nothing).ok());
  EXPECT_EQ(store->Pack(&bytes, "c", 1, nothing).status().code(), Code::kResourceExhausted);
  limits.arena_bytes = ~uint64_t{0};
  EXPECT_TRUE(MakeWeightStore(*model, limits)->Pack(&bytes, "a", 8, nothing).ok());
}

TEST(Plan, AReshapeBetweenStepsCostsNoStep) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {2, 3});
  const int h = b.Make("h", Type::kFloat32, {2, 3});
  const int r = b.Make("r", Type::kFloat32, {6});
  const int y = b.Make("y", Type::kFloat32, {6});
  b.Op(OpCode::kRELU, {x}, {h});
  b.Op(OpCode::kRESHAPE, {h, b.Constant<int32_t>("shape", {1}, {6})}, {r});
  b.Op(OpCode::kRELU, {r}, {y});
  b.Output(y);
  auto program = Compile(b);
  ASSERT_TRUE(program.ok()) << program.status().message();
  const Shape in{2, 3};
  auto plan = MakePlan(*program, {&in, 1});
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ((*plan)->steps.size(), 2u);
  EXPECT_EQ((*plan)->values[h].location.index, (*plan)->values[r].location.index);
  EXPECT_EQ((*plan)->values[y].location.place, Place::kOutput);
  EXPECT_TRUE((*plan)->copies.empty());
}

TEST(Plan, OutputsThatNoStepWritesAreCopied) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {4});
  const int c = b.Constant<float>("c", {2}, {1, 2});
  const int r = b.Make("r", Type::kFloat32, {2, 2});
  b.Op(OpCode::kRESHAPE, {x, b.Constant<int32_t>("shape", {2}, {2, 2})}, {r});
  b.Output(x);
  b.Output(c);
  b.Output(r);
  auto program = Compile(b);
  ASSERT_TRUE(program.ok()) << program.status().message();
  const Shape in{4};
  auto plan = MakePlan(*program, {&in, 1});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ((*plan)->copies.size(), 3u);
}

TEST(Plan, ConstantsAreFoldedWhenTheProgramIsMade) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {2});
  const int s = b.Make("s", Type::kFloat32, {2});
  const int y = b.Make("y", Type::kFloat32, {2});
  b.Op(OpCode::kADD, {b.Constant<float>("a", {2}, {1, 2}), b.Constant<float>("b", {2}, {10, 20})},
       {s});
  b.Op(OpCode::kADD, {x, s}, {y});
  b.Output(y);
  auto program = Compile(b);
  ASSERT_TRUE(program.ok()) << program.status().message();
  EXPECT_EQ((*program)->nodes().size(), 1u);
  const auto* folded = reinterpret_cast<const float*>((*program)->values()[s].constant);
  ASSERT_NE(folded, nullptr);
  EXPECT_EQ(folded[1], 22.0f);
}

// RESHAPE(x, PACK(SHAPE(x)[0], 2)): shapes alone decide, so the Plan is whole.
TEST(Plan, ShapeArithmeticIsDoneWhileThePlanIsMade) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {3, 1, 2});
  const int shape = b.Make("shape", Type::kInt32, {3});
  const int batch = b.Make("batch", Type::kInt32, {});
  const int pack = b.Make("pack", Type::kInt32, {2});
  const int y = b.Make("y", Type::kFloat32, {3, 2});
  b.Op(OpCode::kSHAPE, {x}, {shape}, ShapeOptions{});
  StridedSliceOptions first;
  first.shrink_axis_mask = 1;
  const int zero = b.Constant<int32_t>("zero", {1}, {0}),
            one = b.Constant<int32_t>("one", {1}, {1});
  b.Op(OpCode::kSTRIDED_SLICE, {shape, zero, one, one}, {batch}, first);
  b.Op(OpCode::kPACK, {batch, b.Constant<int32_t>("two", {}, {2})}, {pack}, PackOptions{2, 0});
  b.Op(OpCode::kRESHAPE, {x, pack}, {y});
  b.Output(y);
  auto program = Compile(b);
  ASSERT_TRUE(program.ok()) << program.status().message();
  for (int n : {1, 3, 7}) {
    const Shape in{n, 1, 2};
    auto plan = MakePlan(*program, {&in, 1});
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_LT((*plan)->rest.node, 0);
    EXPECT_EQ((*plan)->values[y].shape, (Shape{n, 2}));
    EXPECT_TRUE((*plan)->steps.empty());
  }
}

TEST(Plan, AShapeFromTheCallersDataIsContinuedWhenItIsKnown) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {6});
  const int s = b.Input("s", Type::kInt32, {2});
  const int h = b.Make("h", Type::kFloat32, {6});
  const int r = b.Make("r", Type::kFloat32, {2, 3});
  const int y = b.Make("y", Type::kFloat32, {2, 3});
  b.Op(OpCode::kRELU, {x}, {h});
  b.Op(OpCode::kRESHAPE, {h, s}, {r});
  b.Op(OpCode::kRELU, {r}, {y});
  b.Output(y);
  auto program = Compile(b);
  ASSERT_TRUE(program.ok()) << program.status().message();
  const Shape in[] = {{6}, {2}};
  auto plan = MakePlan(*program, in);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  EXPECT_EQ((*plan)->rest.node, 1);
  EXPECT_EQ((*plan)->steps.size(), 1u);
  const int32_t wanted[] = {3, 2};
  Found found;
  found.values.push_back(std::as_bytes(std::span(wanted)));
  auto rest = ContinuePlan(*plan, found);
  ASSERT_TRUE(rest.ok()) << rest.status().message();
  EXPECT_LT((*rest)->rest.node, 0);
  EXPECT_EQ((*rest)->values[y].shape, (Shape{3, 2}));
  const int32_t wrong[] = {4, 4};
  found.values[0] = std::as_bytes(std::span(wrong));
  const auto refused = ContinuePlan(*plan, found);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.status().message().find("op 1 RESHAPE"), std::string_view::npos)
      << refused.status().message();
}

TEST(Plan, LimitsAreCheckedBeforeMemoryIsTaken) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1000});
  const int y = b.Make("y", Type::kFloat32, {1000});
  b.Op(OpCode::kRELU, {x}, {y});
  b.Output(y);
  ProgramOptions options;
  options.limits.arena_bytes = 3999;
  auto program = Compile(b, options);
  ASSERT_TRUE(program.ok());
  const Shape in{1000};
  EXPECT_EQ(MakePlan(*program, {&in, 1}).status().code(), Code::kResourceExhausted);
  const Shape huge{2147483647};
  EXPECT_EQ(MakePlan(*program, {&huge, 1}).status().code(), Code::kResourceExhausted);
}

TEST(Program, UnknownOperatorsAndVersionsAreNamed) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {4});
  const int y = b.Make("y", Type::kFloat32, {4});
  b.Op(OpCode::kRELU, {x}, {y}, {}, 99);
  b.Output(y);
  const auto newer = Compile(b);
  ASSERT_FALSE(newer.ok());
  EXPECT_EQ(newer.status().code(), Code::kUnsupported);
  EXPECT_NE(newer.status().message().find("op 0 RELU: version 99"), std::string_view::npos)
      << newer.status().message();
}

TEST(Sparse, RowsOfStoredValuesAreExpanded) {
  // 2x4, rows dense, columns compressed: row 0 holds 5 at column 1; row 1 holds 6, 7 at columns 0
  // and 3.
  Tensor t;
  t.type = Type::kInt8;
  t.shape = Shape{2, 4};
  const int8_t stored[] = {5, 6, 7};
  t.data = std::as_bytes(std::span(stored));
  Sparsity s;
  s.traversal_order = {0, 1};
  s.levels.resize(2);
  s.levels[0].size = 2;
  s.levels[1].dense = false;
  s.levels[1].segments = {0, 1, 3};
  s.levels[1].indices = {1, 0, 3};
  t.sparsity.push_back(s);
  int8_t dense[8];
  ExpandSparse(t, reinterpret_cast<std::byte*>(dense));
  EXPECT_EQ(std::vector<int8_t>(dense, dense + 8), (std::vector<int8_t>{0, 5, 0, 0, 6, 0, 0, 7}));
}

}  // namespace
}  // namespace heddle::core
