// SPDX-License-Identifier: Apache-2.0
// Who packs a model's weights, and what is given back once nobody reads it any more.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/temp_tree.h"
#include "engine/background.h"
#include "engine/loaded_model.h"
#include "support/model_builder.h"

namespace heddle::core {
namespace {

constexpr int64_t kHoweverYoung = -1'000'000'000;  // the files of a test are
constexpr int kWide = 2000, kWords = 5000;
// Of the instruction sets that pack.
const Isa kBest = SupportedIsas().back();

// y = w x, z = table[i]: the weights are packed, the table is read where it lies.
std::string ModelBytes(float weight = 0.5f) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1, 64});
  std::vector<float> values(size_t{kWide} * 64);
  for (size_t i = 0; i < values.size(); ++i) values[i] = weight * static_cast<float>(i % 17) - 3;
  const int w = b.Constant<float>("w", {kWide, 64}, values);
  const int y = b.Make("y", Type::kFloat32, {1, kWide});
  b.Op(OpCode::kFULLY_CONNECTED, {x, w, -1}, {y}, FullyConnectedOptions{});
  std::vector<float> words(size_t{kWords} * 4);
  for (size_t i = 0; i < words.size(); ++i) words[i] = static_cast<float>(i);
  const int table = b.Constant<float>("table", {kWords, 4}, words);
  const int z = b.Make("z", Type::kFloat32, {1, 4});
  b.Op(OpCode::kGATHER, {table, b.Input("i", Type::kInt32, {1})}, {z}, GatherOptions{});
  b.Output(y);
  b.Output(z);
  const std::vector<std::byte> bytes = b.Build();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<float> Answer(LoadedModel& loaded) {
  std::vector<float> x(64, 0.25f), all;
  int32_t i = kWords / 2;
  heddle_tensor inputs[2] = {};
  for (heddle_tensor& t : inputs) t.struct_size = sizeof(t), t.rank = HEDDLE_SHAPE_OF_MODEL;
  inputs[0].data = x.data(), inputs[0].bytes = x.size() * sizeof(float);
  inputs[1].type = HEDDLE_INT32, inputs[1].data = &i, inputs[1].bytes = sizeof(i);
  RunRequest request;
  request.inputs = inputs;
  request.input_count = 2;
  Result<Call> call = loaded.Run(request);
  EXPECT_TRUE(call.ok()) << call.status().message();
  if (!call.ok()) return {};
  for (size_t k = 0; k < 2; ++k) {
    heddle_tensor out{};
    out.struct_size = sizeof(out);
    call->Describe(k, &out);
    const auto* values = static_cast<const float*>(out.data);
    all.insert(all.end(), values, values + out.bytes / sizeof(float));
  }
  return all;
}

class ModelWeights : public testing::Test {
 protected:
  std::shared_ptr<const Model> Read() const {
    auto model = Model::ReadFile(path_, kHoweverYoung);
    EXPECT_TRUE(model.ok()) << model.status().message();
    return *model;
  }
  static Result<std::shared_ptr<LoadedModel>> Load(std::shared_ptr<const Model> model,
                                                   const EngineOptions& options = {},
                                                   bool keep_all = false, Isa isa = kBest) {
    return LoadedModel::Load(std::make_shared<EngineCore>(options), std::move(model),
                             Numerics::kFast, IsaName(isa), keep_all);
  }
  static std::span<const std::byte> Constant(const Model& model, std::string_view name) {
    for (const Tensor& t : model.subgraphs()[0].tensors)
      if (t.name == name) return t.data;
    ADD_FAILURE() << "no tensor " << name;
    return {};
  }
  static bool InMemory(const Model& model, std::string_view name) {
    const std::span<const std::byte> data = Constant(model, name);
    const std::span<const std::byte> middle = data.subspan(data.size() / 4, data.size() / 2);
    return std::ranges::any_of(middle, [](std::byte b) { return b != std::byte{0}; });
  }

  const TempTree tree_;
  const std::string path_ = tree_.Write("m.tflite", ModelBytes());
  const std::vector<float> right_ = [] {
    const std::string bytes = ModelBytes();
    return Answer(**Load(Model::ReadBytes(std::as_bytes(std::span(bytes))).value()));
  }();
};

TEST_F(ModelWeights, WhatIsPackedIsGivenBackAndTheRestIsRead) {
  const auto model = Read();
  const auto loaded = Load(model);
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  EXPECT_FALSE(InMemory(*model, "w"));
  EXPECT_TRUE(InMemory(*model, "table"));
  EXPECT_EQ(Answer(**loaded), right_);
  EXPECT_EQ(Answer(**loaded), right_);
}

TEST_F(ModelWeights, OneThatKeepsAllComesToReadIt) {
  const auto model = Read();
  const auto loaded = Load(model);
  const auto twin = (*loaded)->KeepingAll();
  ASSERT_TRUE(twin.ok()) << twin.status().message();
  EXPECT_TRUE(InMemory(*model, "w"));
  EXPECT_EQ(Answer(**twin), right_);
  EXPECT_EQ(Answer(**loaded), right_);
}

TEST_F(ModelWeights, NothingIsGivenBackThatAnotherProgramReads) {
  const auto model = Read();
  const auto plain = Load(model, {}, false, Isa::kPlain);
  const auto fast = Load(model);
  ASSERT_TRUE(plain.ok() && fast.ok());
  EXPECT_TRUE(InMemory(*model, "w"));
  EXPECT_EQ(Answer(**plain), right_);
  EXPECT_EQ(Answer(**fast), right_);
}

TEST_F(ModelWeights, AnotherFileIsNotReadInItsPlace) {
  const auto loaded = Load(Read());
  ASSERT_TRUE(loaded.ok());
  tree_.Write("m.tflite", ModelBytes(0.25f));
  const Status refused = (*loaded)->KeepingAll().status();
  EXPECT_EQ(refused.code(), Code::kFailedPrecondition);
  EXPECT_NE(refused.message().find("has changed"), std::string_view::npos) << refused.message();
  EXPECT_EQ(Answer(**loaded), right_) << "calls need nothing of it";
}

TEST_F(ModelWeights, WhatWillBeKeptStaysUntilItIs) {
  EngineOptions options;
  options.cache = PackedCache(
      {.folder = tree_.path("cache"), .smallest_bytes = 0, .settled_ns = kHoweverYoung});
  const auto first = Read(), second = Read();
  const auto packed = Load(first, options);
  ASSERT_TRUE(packed.ok());
  EXPECT_TRUE(InMemory(*first, "w"));
  std::latch done(1);
  Background::OfProcess().Post([&](const std::atomic<bool>&) { done.count_down(); });
  done.wait();
  const auto found = Load(second, options);
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE(InMemory(*second, "w"));
  EXPECT_EQ(Answer(**packed), right_);
  EXPECT_EQ(Answer(**found), right_);
}

// A pool of an application.
struct Pool {
  std::atomic<int> runs{0};
  heddle_executor AsExecutor() {
    return {sizeof(heddle_executor), 3,
            [](void* arg, int32_t parts, void (*part)(void* work), void* work) {
              ++static_cast<Pool*>(arg)->runs;
              std::vector<std::jthread> threads;
              for (int i = 0; i < parts; ++i) threads.emplace_back(part, work);
            },
            this};
  }
};

TEST_F(ModelWeights, ThreadsOfAnApplicationHelpToPack) {
  Pool pool;
  EngineOptions options;
  options.executor = pool.AsExecutor();
  const auto loaded = Load(Read(), options);
  ASSERT_TRUE(loaded.ok());
  EXPECT_GT(pool.runs, 0);
  EXPECT_EQ(Answer(**loaded), right_);
}

// Helpers pack what they are asked to, while calls run and other models are loaded: for the
// thread sanitizer.
TEST_F(ModelWeights, LoadsAtTheSameTimeGiveTheSameBits) {
  const auto engine = std::make_shared<EngineCore>(EngineOptions());
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        auto loaded = LoadedModel::Load(engine, Read(), Numerics::kFast, IsaName(kBest), false);
        ASSERT_TRUE(loaded.ok()) << loaded.status().message();
        EXPECT_EQ(Answer(**loaded), right_);
      }
    });
  }
}

}  // namespace
}  // namespace heddle::core
