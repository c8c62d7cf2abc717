// SPDX-License-Identifier: Apache-2.0
// Many threads, one object per model: the answer is a function of model, input and numerics,
// whatever the load and ISA.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>
#include <tuple>

#include "base/isa.h"
#include "digits.h"

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

std::vector<Loaded> LoadAll(const Engine& engine) {
  std::vector<Loaded> all;
  int answers = 0;
  for (bool int8 : {false, true}) {
    for (Numerics numerics : {Numerics::kFast, Numerics::kReference}) {
      for (core::Isa isa : core::SupportedIsas()) {
        LoadOptions options;
        options.numerics = numerics;
        options.isa = core::IsaName(isa);
        auto model = engine.Load(DigitsFile(int8), options);
        if (!model.ok()) {
          ADD_FAILURE() << model.status().message();
          continue;
        }
        all.push_back({std::move(model).value(), answers});
      }
      ++answers;
    }
  }
  return all;
}

TEST(Concurrency, OneAnswerPerModelInputAndNumerics) {
  const unsigned seed = std::random_device()();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  const Engine engine;
  const std::vector<Loaded> models = LoadAll(engine);
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
