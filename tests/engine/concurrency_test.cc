// SPDX-License-Identifier: Apache-2.0
// Many threads, one object per model: the answer is a function of model, input and numerics,
// whatever the load and ISA.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>

#include "base/isa.h"
#include "digits.h"
#include "support/model_builder.h"

namespace heddle {
namespace {

using testing::DigitsFile;
using testing::Fill;
using testing::HashOf;

constexpr int kThreads = 16;
constexpr int kSeeds = 4;
constexpr int kBatches = 3;

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
constexpr int kRuns = 2000;
#else
constexpr int kRuns = 10000;
#endif
#else
constexpr int kRuns = 10000;
#endif

struct Loaded {
  Model model;
  int answers;  // which models must agree: same file and numerics
};

template <class T, class F>
std::vector<T> Filled(size_t n, F value) {
  std::vector<T> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = static_cast<T>(value(static_cast<int>(i * 37 % 101)));
  return values;
}

// A depthwise convolution, then a dense layer whose weights are int8 and whose rows are quantised
// as they come, then softmax.
std::vector<std::byte> HybridModel() {
  using core::OpCode;
  using core::Type;
  const auto real = [](int i) { return static_cast<float>(i - 50) / 64.0f; };
  core::ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1, 6, 6, 16});
  const int y = b.Make("y", Type::kFloat32, {1, 6, 6, 16});
  const int z = b.Make("z", Type::kFloat32, {1, 10});
  const int p = b.Make("p", Type::kFloat32, {1, 10});
  const int taps = b.Constant<float>("taps", {1, 3, 3, 16}, Filled<float>(144, real));
  const int bias = b.Constant<float>("bias", {16}, Filled<float>(16, real));
  core::ConvOptions window;
  window.padding = core::Padding::kSame;
  window.stride_h = window.stride_w = window.depth_multiplier = 1;
  b.Op(OpCode::kDEPTHWISE_CONV_2D, {x, taps, bias}, {y}, window);
  const int w = b.Constant<int8_t>(
      "w", {10, 576}, Filled<int8_t>(5760, [](int i) { return i - 50; }), core::Quant(0.01f));
  b.Op(OpCode::kFULLY_CONNECTED, {y, w, -1}, {z}, core::FullyConnectedOptions{});
  b.Op(OpCode::kSOFTMAX, {z}, {p}, core::SoftmaxOptions{1.0f});
  b.Output(p);
  return b.Build();
}

std::vector<std::byte> Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

// Of this process, but for files that it maps.
uint64_t ReadOnlyBytes() {
  std::ifstream maps("/proc/self/maps");
  uint64_t bytes = 0;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::string range, rights, offset, device, path;
    uint64_t inode = 0;
    fields >> range >> rights >> offset >> device >> inode >> path;
    if (rights != "r--p" || inode != 0 || !path.empty()) continue;
    const size_t dash = range.find('-');
    bytes += std::stoull(range.substr(dash + 1), nullptr, 16) - std::stoull(range, nullptr, 16);
  }
  return bytes;
}

// Every file with both numerics on every ISA. `read_only`: the bytes that nothing may write then.
std::vector<Loaded> LoadAll(const Engine& engine, uint64_t* read_only) {
  std::vector<Loaded> all;
  int answers = 0;
  for (const auto& file : {Read(DigitsFile(false)), Read(DigitsFile(true)), HybridModel()}) {
    for (Numerics numerics : {Numerics::kFast, Numerics::kReference}) {
      for (core::Isa isa : core::SupportedIsas()) {
        LoadOptions options;
        options.numerics = numerics;
        options.isa = core::IsaName(isa);
        auto model = engine.LoadBytes(file, options);
        if (!model.ok()) {
          ADD_FAILURE() << model.status().message();
          continue;
        }
        *read_only += file.size() + model->weights_bytes();
        all.push_back({std::move(model).value(), answers});
      }
      ++answers;
    }
  }
  return all;
}

TEST(Concurrency, OneAnswerPerModelInputAndNumerics) {
  const unsigned seed = testing::Seed();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("HEDDLE_SEED=" + std::to_string(seed));
  const Engine engine;
  const uint64_t read_only_before = ReadOnlyBytes();
  uint64_t read_only = 0;
  const std::vector<Loaded> models = LoadAll(engine, &read_only);
  ASSERT_FALSE(models.empty());
  std::map<std::tuple<int, int, int>, uint64_t> expected;
  for (const Loaded& m : models) {
    for (int batch = 1; batch <= kBatches; ++batch) {
      for (int s = 0; s < kSeeds; ++s) {
        const auto in = Fill(m.model, batch, static_cast<uint32_t>(s));
        const auto out = m.model.Run({in.view});
        ASSERT_TRUE(out.ok()) << out.status().message();
        const auto [it, first] = expected.emplace(std::tuple(m.answers, batch, s), HashOf(*out));
        EXPECT_EQ(it->second, HashOf(*out))
            << "isa " << m.model.isa() << " batch " << batch << " input " << s;
      }
    }
  }
  std::atomic<int> runs{0}, wrong{0}, failed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(seed + static_cast<unsigned>(t));
      while (runs.fetch_add(1) < kRuns) {
        const Loaded& m = models[random() % models.size()];
        const int batch = 1 + static_cast<int>(random() % kBatches),
                  s = static_cast<int>(random() % kSeeds);
        const auto in = Fill(m.model, batch, static_cast<uint32_t>(s));
        const auto out = m.model.Run({in.view});
        if (!out.ok())
          ++failed;
        else if (HashOf(*out) != expected[std::tuple(m.answers, batch, s)])
          ++wrong;
      }
    });
  }
  EXPECT_GE(ReadOnlyBytes() - read_only_before, read_only) << "packed weights can be written";
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(wrong, 0);
}

TEST(Concurrency, CallersThatAskForANewShapeAtOnceAllGetIt) {
  const Engine engine;
  auto model = engine.Load(DigitsFile(false));
  ASSERT_TRUE(model.ok());
  std::atomic<int> failed{0};
  for (int batch = 1; batch <= 24; ++batch) {  // more shapes than the cache of Plans holds
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        const auto in = Fill(*model, batch, 3);
        const auto out = model->Run({in.view});
        if (!out.ok() || (*out)[0].dims[0] != batch) ++failed;
      });
    }
    for (std::thread& t : threads) t.join();
  }
  EXPECT_EQ(failed, 0);
}

}  // namespace
}  // namespace heddle
