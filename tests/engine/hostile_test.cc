// SPDX-License-Identifier: Apache-2.0
// Broken and mutated model files, changed states: an answer or an error, in bounded time and
// memory. Run under the sanitizers too. HEDDLE_MUTATIONS: how many mutations of each model (`make
// fuzz` sets 100,000 in all).
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "base/hash.h"
#include "digits.h"
#include "stateful_models.h"
#include "support/model_builder.h"

namespace heddle {
namespace {

using Bytes = std::vector<std::byte>;
using std::chrono::steady_clock;

Bytes ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto* p = reinterpret_cast<const std::byte*>(text.data());
  return Bytes(p, p + text.size());
}

// Shapes from values, aliases, a gather whose index is data, quantisation.
Bytes OddModel() {
  using core::OpCode;
  using core::Type;
  core::ModelBuilder b;
  const int x = b.Input("x", Type::kInt8, {2, 6}, core::Quant(0.5f, 3));
  const int index = b.Input("index", Type::kInt32, {2});
  const int f = b.Make("f", Type::kFloat32, {2, 6});
  b.Op(OpCode::kDEQUANTIZE, {x}, {f});
  const int r = b.Make("r", Type::kFloat32, {3, 4});
  b.Op(OpCode::kRESHAPE, {f, b.Constant<int32_t>("shape", {2}, {3, 4})}, {r});
  const int g = b.Make("g", Type::kFloat32, {2, 4});
  b.Op(OpCode::kGATHER, {r, index}, {g}, core::GatherOptions{});
  const int p = b.Make("p", Type::kFloat32, {3, 6});
  b.Op(OpCode::kPAD, {g, b.Constant<int32_t>("pads", {2, 2}, {0, 1, 1, 1})}, {p});
  const int s = b.Make("s", Type::kFloat32, {3, 6});
  b.Op(OpCode::kSOFTMAX, {p}, {s}, core::SoftmaxOptions{1.0f});
  const int t = b.Make("t", Type::kFloat32, {6, 3});
  b.Op(OpCode::kTRANSPOSE, {s, b.Constant<int32_t>("perm", {2}, {1, 0})}, {t});
  b.Output(t);
  return b.Build();
}

// Float activations with int8 weights: a phased step, and a convolution through offsets.
Bytes HybridModel() {
  using core::OpCode;
  using core::Type;
  core::ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1, 5, 5, 3});
  core::Quantization channels;
  channels.scale = {0.1f, 0.2f};
  channels.zero_point = {0, 0};
  const int w = b.Constant<int8_t>("w", {2, 3, 3, 3}, std::vector<int8_t>(54, 7), channels);
  const int c = b.Constant<float>("c", {2}, {1, -1});
  const int y = b.Make("y", Type::kFloat32, {1, 3, 3, 2});
  core::ConvOptions conv;
  conv.stride_h = conv.stride_w = 2;
  b.Op(OpCode::kCONV_2D, {x, w, c}, {y}, conv);
  const int z = b.Make("z", Type::kFloat32, {1, 4});
  const int f = b.Constant<int8_t>("f", {4, 18}, std::vector<int8_t>(72, -3), core::Quant(0.05f));
  b.Op(OpCode::kFULLY_CONNECTED, {y, f, -1}, {z}, core::FullyConnectedOptions{});
  b.Output(z);
  return b.Build();
}

// Pools, a resize, a concatenation and a mean.
Bytes ImageModel() {
  using core::OpCode;
  using core::Type;
  core::ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1, 6, 6, 2});
  core::PoolOptions pool;
  pool.stride_h = pool.stride_w = pool.filter_h = pool.filter_w = 2;
  const int m = b.Make("m", Type::kFloat32, {1, 3, 3, 2}),
            a = b.Make("a", Type::kFloat32, {1, 3, 3, 2});
  b.Op(OpCode::kMAX_POOL_2D, {x}, {m}, pool);
  b.Op(OpCode::kAVERAGE_POOL_2D, {x}, {a}, pool);
  const int j = b.Make("j", Type::kFloat32, {1, 3, 3, 4});
  b.Op(OpCode::kCONCATENATION, {m, a}, {j}, core::ConcatOptions{3});
  const int r = b.Make("r", Type::kFloat32, {1, 5, 4, 4});
  b.Op(OpCode::kRESIZE_BILINEAR, {j, b.Constant<int32_t>("size", {2}, {5, 4})}, {r},
       core::ResizeOptions{});
  const int y = b.Make("y", Type::kFloat32, {1, 4});
  b.Op(OpCode::kMEAN, {r, b.Constant<int32_t>("axes", {2}, {1, 2})}, {y}, core::ReduceOptions{});
  b.Output(y);
  return b.Build();
}

// A loop of four turns, for inputs of ones.
Bytes LoopModel() { return testing::Looping(-0.25f, 8); }

std::vector<Bytes> AllModels() {
  return {OddModel(),
          HybridModel(),
          ImageModel(),
          LoopModel(),
          testing::Remembering(),
          ReadAll(testing::DigitsFile(true)),
          ReadAll(testing::DigitsFile(false))};
}

class Hostile : public ::testing::Test {
 protected:
  static Options Limits() {
    Options options;
    options.memory_limit_bytes = 64 << 20;
    options.arena_limit_bytes = 32 << 20;
    options.mac_limit = 200'000'000;
    return options;
  }

  // Loads and, where that works, runs with a deadline; inputs are ones where they are floats, else
  // zeros.
  void Try(std::span<const std::byte> file) {
    const auto start = steady_clock::now();
    auto model = engine_.LoadBytes(file);
    EXPECT_LT(steady_clock::now() - start,
              std::chrono::seconds(20));  // 1 s on a machine without sanitizers
    if (!model.ok()) {
      EXPECT_FALSE(model.status().message().empty());
      ++refused_;
      return;
    }
    ++loaded_;
    std::vector<std::vector<uint64_t>> data;
    std::vector<TensorView> inputs;
    size_t count = 0;
    heddle_status_free(heddle_model_input_count(model->get(), nullptr, &count));
    for (size_t k = 0; k < count; ++k) {
      heddle_tensor_info info{};
      info.struct_size = sizeof(info);
      heddle_status_free(heddle_model_input(model->get(), nullptr, k, &info));
      uint64_t bits = heddle_type_bits(info.type);
      for (int i = 0; i < info.rank && bits < (uint64_t{1} << 30); ++i)
        bits *= static_cast<uint64_t>(info.dims[i] < 0 ? 1 : info.dims[i]);
      if (bits > (uint64_t{1} << 28)) return;
      data.emplace_back(bits / 64 + 1, info.type == HEDDLE_FLOAT32 ? 0x3F8000003F800000u : 0);
      TensorView view;
      view.type = info.type;
      view.data = data.back().data();
      view.bytes = (bits + 7) / 8;
      inputs.push_back(view);
    }
    RunOptions options;
    options.deadline = steady_clock::now() + std::chrono::milliseconds(250);
    options.fresh_state = true;
    const auto out = model->Run(inputs, options);
    if (!out.ok()) EXPECT_FALSE(out.status().message().empty());
    EXPECT_LT(steady_clock::now() - start, std::chrono::seconds(30));
  }

  Engine engine_{Limits()};
  int loaded_ = 0, refused_ = 0;
};

TEST_F(Hostile, EveryTruncationIsAnError) {
  const bool all = std::getenv("HEDDLE_MUTATIONS") != nullptr;
  for (const Bytes& file : AllModels()) {
    // Without that: of large files the ends, where structure lies, and a stride between.
    for (size_t n = 0; n < file.size(); n += all || n < 600 || n + 2000 > file.size() ? 1 : 97)
      Try(std::span(file).first(n));
  }
  EXPECT_EQ(loaded_, 0);
}

int Mutations() {
  const char* wanted = std::getenv("HEDDLE_MUTATIONS");
  return wanted != nullptr ? std::atoi(wanted) : 800;
}

TEST_F(Hostile, MutatedModelsAnswerOrAreRefused) {
  const int each = Mutations();
  const unsigned seed = testing::Seed();
  SCOPED_TRACE("HEDDLE_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  for (const Bytes& good :
       {OddModel(), LoopModel(), testing::Remembering(), ReadAll(testing::DigitsFile(true)),
        ReadAll(testing::DigitsFile(false))}) {
    for (int i = 0; i < each; ++i) {
      Bytes file = good;
      for (uint32_t flips = 1 + random() % 4; flips > 0; --flips) {
        // Weights are most of a file and structure is at its ends: half of the mutations go there.
        const size_t size = file.size(), end = std::min<size_t>(size, 4096);
        const size_t at = random() % 2
                              ? random() % size
                              : (random() % 2 ? random() % end : size - 1 - random() % end);
        file[at] = static_cast<std::byte>(random() % 3 ? random() : (random() % 2 ? 0xFF : 0x00));
      }
      Try(file);
    }
  }
  EXPECT_GT(loaded_, 0);
  EXPECT_GT(refused_, 0);
}

// Whoever changes a saved state can also make its hash fit. What is restored then is a state.
TEST_F(Hostile, ChangedStatesAreRestoredOrRefused) {
  constexpr size_t kHash = 16, kBody = 24;
  const unsigned seed = testing::Seed();
  SCOPED_TRACE("HEDDLE_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<float> x = {1, 2, 3, 4};
  int restored = 0, refused = 0;
  for (const Bytes& file : {testing::Remembering(), testing::Translating(), testing::Listing()}) {
    auto model = engine_.LoadBytes(file);
    ASSERT_TRUE(model.ok()) << model.status().message();
    Session session = model->NewSession().value();
    ASSERT_TRUE(session.Run({{"x", x}}).ok());
    const Bytes good = session.Save().value();
    for (int i = 0; i < Mutations(); ++i) {
      Bytes state = good;
      for (uint32_t flips = 1 + random() % 3; flips > 0; --flips)
        state[kBody + random() % (state.size() - kBody)] =
            static_cast<std::byte>(random() % 3 ? random() % 8 : random());
      if (random() % 8 == 0) state.resize(kBody + random() % (state.size() - kBody));
      const uint64_t hash = core::ContentHash(std::span(state).subspan(kBody));
      std::memcpy(state.data() + kHash, &hash, sizeof(hash));
      const Status status = session.Restore(state);
      ++(status.ok() ? restored : refused);
      const auto out = session.Run({{"x", x}});
      if (!out.ok()) EXPECT_FALSE(out.status().message().empty());
      ASSERT_TRUE(session.Restore(good).ok());
      ASSERT_TRUE(session.Run({{"x", x}}).ok());
    }
  }
  EXPECT_GT(restored, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace heddle
