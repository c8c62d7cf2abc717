// SPDX-License-Identifier: Apache-2.0
// Loops: values that change places, no turn at all, and what stops one that would not end.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "heddle/engine.h"
#include "stateful_models.h"

namespace heddle {
namespace {

using Values = std::vector<float>;

Result<Outputs> RunLoop(const Model& model, float turns, const RunOptions& options = {}) {
  const Values i = {turns}, x = {1, 2, 3}, p = {4, 5, 6}, q = {7, 8, 9};
  return model.Run({{"i", i}, {"x", x}, {"p", p}, {"q", q}}, options);
}

Values Get(const Outputs& out, size_t k) {
  const auto values = out[k].As<float>();
  return {values.begin(), values.end()};
}

TEST(ControlFlow, LoopsPassTheirValuesOn) {
  const Engine engine;
  auto model = engine.LoadBytes(testing::Looping(-1, 3));
  ASSERT_TRUE(model.ok()) << model.status().message();
  for (const int turns : {0, 1, 2, 5, 0, 4}) {
    const auto out = RunLoop(*model, static_cast<float>(turns));
    ASSERT_TRUE(out.ok()) << out.status().message();
    const float scale = static_cast<float>(1 << turns);
    EXPECT_EQ(Get(*out, 0), (Values{0}));
    EXPECT_EQ(Get(*out, 1), (Values{scale, 2 * scale, 3 * scale})) << turns;
    EXPECT_EQ(Get(*out, 2), turns % 2 ? (Values{7, 8, 9}) : (Values{4, 5, 6})) << turns;
    EXPECT_EQ(Get(*out, 3), turns % 2 ? (Values{4, 5, 6}) : (Values{7, 8, 9})) << turns;
  }
}

TEST(ControlFlow, DeadlineAndCancelEndALoop) {
  const Engine engine;
  auto model = engine.LoadBytes(testing::Looping(0, 3));
  ASSERT_TRUE(model.ok()) << model.status().message();
  RunOptions options;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  EXPECT_EQ(RunLoop(*model, 1, options).status().code(), Code::kDeadlineExceeded);
  CancelToken token;
  RunOptions cancelled;
  cancelled.cancel = &token;
  std::thread caller(
      [&] { EXPECT_EQ(RunLoop(*model, 1, cancelled).status().code(), Code::kCancelled); });
  token.Cancel();
  caller.join();
}

// An initialiser may loop as well: the call that runs it keeps its deadline.
TEST(ControlFlow, DeadlineEndsAnInitialiser) {
  core::ModelBuilder b;
  const int x = b.Input("x", core::Type::kFloat32, {1});
  const int y = b.Make("y", core::Type::kFloat32, {1});
  b.Op(core::OpCode::kCALL_ONCE, {}, {}, core::SubgraphOptions{1, -1, {}});
  b.Op(core::OpCode::kADD, {x, x}, {y}, core::BinaryOptions{});
  b.Output(y);
  b.Begin("init");
  const int go = b.Data("go", core::Type::kBool, {1}, {std::byte{1}});
  const int end = b.Make("end", core::Type::kBool, {1});
  b.Op(core::OpCode::kWHILE, {go}, {end}, core::SubgraphOptions{2, 3, {}});
  for (const char* name : {"more", "turn"}) {
    b.Begin(name);
    b.Output(b.Input("go", core::Type::kBool, {1}));
  }
  const Engine engine;
  auto model = engine.LoadBytes(b.Build());
  ASSERT_TRUE(model.ok()) << model.status().message();
  RunOptions options;
  options.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  const Values one = {1};
  EXPECT_EQ(model->Run({{"x", one}}, options).status().code(), Code::kDeadlineExceeded);
}

TEST(ControlFlow, BranchesMustFitTheirNode) {
  core::ModelBuilder b;
  const int condition = b.Input("condition", core::Type::kBool, {1});
  const int x = b.Input("x", core::Type::kFloat32, {2});
  const int y = b.Make("y", core::Type::kFloat32, {2});
  b.Op(core::OpCode::kIF, {condition, x}, {y}, core::SubgraphOptions{1, 2, {}});
  b.Output(y);
  for (const core::Type type : {core::Type::kFloat32, core::Type::kInt32}) {
    b.Begin("branch");
    b.Output(b.Input("in", type, {2}));
  }
  const Engine engine;
  const auto model = engine.LoadBytes(b.Build());
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().code(), Code::kInvalidModel);
  EXPECT_NE(model.status().message().find("subgraph 2 is int32, expected float32"),
            std::string::npos)
      << model.status().message();
}

}  // namespace
}  // namespace heddle
