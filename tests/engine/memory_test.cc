// SPDX-License-Identifier: Apache-2.0
// What a concurrent caller costs: its activations and nothing of the weights, by the kernel's own
// count.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "digits.h"
#include "engine/c_objects.h"
#include "support/model_builder.h"

namespace heddle {
namespace {

uint64_t PssBytes() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::string line;
  while (std::getline(file, line))
    if (line.starts_with("Pss:")) return std::stoull(line.substr(4)) * 1024;
  return 0;
}

// 8 convolutions of 64 channels over 64x64: 1 MB an activation, and a fully connected layer of 8 MB
// of weights.
std::vector<std::byte> BigModel() {
  using core::OpCode;
  using core::Type;
  core::ModelBuilder b;
  int at = b.Input("x", Type::kFloat32, {1, 64, 64, 64});
  const std::vector<float> filter(64 * 64, 0.01f), bias(64, 0.1f);
  for (int layer = 0; layer < 8; ++layer) {
    const std::string n = std::to_string(layer);
    const int w = b.Constant<float>("w" + n, {64, 1, 1, 64}, filter);
    const int c = b.Constant<float>("b" + n, {64}, bias);
    const int y = b.Make("y" + n, Type::kFloat32, {1, 64, 64, 64});
    b.Op(OpCode::kCONV_2D, {at, w, c}, {y}, core::ConvOptions{});
    at = y;
  }
  const int mean = b.Make("mean", Type::kFloat32, {1, 64});
  b.Op(OpCode::kMEAN, {at, b.Constant<int32_t>("axes", {2}, {1, 2})}, {mean},
       core::ReduceOptions{});
  const int wide = b.Make("wide", Type::kFloat32, {1, 32768});
  b.Op(OpCode::kFULLY_CONNECTED,
       {mean, b.Constant<float>("wf", {32768, 64}, std::vector<float>(32768 * 64, 0.5f)), -1},
       {wide}, core::FullyConnectedOptions{});
  b.Output(wide);
  return b.Build();
}

// Without helpers, whose own memory is taken when they help for the first time.
TEST(Memory, ACallerCostsItsArenaAndNoWeights) {
  const Engine engine({.cores = 1});
  auto model = engine.LoadBytes(BigModel());
  ASSERT_TRUE(model.ok()) << model.status().message();
  const auto in = testing::Fill(*model, 1, 1);
  std::vector<Outputs> held;
  held.reserve(16);
  auto first = model->Run({in.view});
  ASSERT_TRUE(first.ok()) << first.status().message();
  held.push_back(std::move(first).value());
  const uint64_t one = PssBytes();
  constexpr int kMore =
      8;  // calls whose outputs are held keep their Contexts: so many callers at once
  for (int i = 0; i < kMore; ++i) {
    auto out = model->Run({in.view});
    ASSERT_TRUE(out.ok());
    held.push_back(std::move(out).value());
  }
  const double each = static_cast<double>(PssBytes() - one) / kMore;
  const auto arena = static_cast<double>(model->arena_bytes());
  EXPECT_GT(arena, 2e6);
  EXPECT_GT(each, 0.2 * arena) << "the count counts nothing";
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) && \
    !__has_feature(thread_sanitizer)
  EXPECT_LT(each, 1.2 * arena) << "arena " << arena;
#endif
}

TEST(Memory, ContextsOfABurstAreGivenBack) {
  const Engine engine;
  auto model = engine.LoadBytes(BigModel());
  ASSERT_TRUE(model.ok());
  const auto in = testing::Fill(*model, 1, 1);
  {
    std::vector<Outputs> burst;
    for (int i = 0; i < 10; ++i) burst.push_back(std::move(model->Run({in.view})).value());
  }
  [[maybe_unused]] const uint64_t after_burst = PssBytes();
  std::vector<uint8_t> mine(32768 * 4);
  for (int i = 0; i < 1100; ++i) {
    // Refused for its size before any step runs: a call for the pool, at no cost of time.
    TensorView out;
    out.type = HEDDLE_FLOAT32;
    out.data = mine.data();
    out.bytes = 4;
    ASSERT_EQ(model->RunInto(std::span(&in.view, 1), std::span(&out, 1)).code(),
              Code::kInvalidArgument);
  }
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  EXPECT_LT(PssBytes() + 5 * model->arena_bytes(), after_burst);
#endif
  EXPECT_TRUE(model->Run({in.view}).ok());
}

TEST(Memory, ContextsOfShapesThatNobodyRunsAnyMoreAreGivenBack) {
  const Engine engine;
  auto model = engine.Load(testing::DigitsFile(false));
  ASSERT_TRUE(model.ok()) << model.status().message();
  const auto one = testing::Fill(*model, 1, 1), many = testing::Fill(*model, 50, 1);
  ASSERT_TRUE(model->Run({one.view}).ok());
  const core::MemoryBudget& budget = engine.get()->core->budget();
  const uint64_t before = budget.used();
  {
    std::vector<Outputs> burst;
    for (int i = 0; i < 10; ++i) burst.push_back(std::move(model->Run({many.view})).value());
  }
  const uint64_t of_burst = budget.used() - before;
  ASSERT_GT(of_burst, 10 * 50 * 10 * sizeof(float));
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(model->Run({one.view}).ok());
  EXPECT_EQ(budget.used(), before);
  EXPECT_TRUE(model->Run({many.view}).ok());
}

}  // namespace
}  // namespace heddle
