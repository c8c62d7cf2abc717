// SPDX-License-Identifier: Apache-2.0
// An application's own threads in place of Heddle's.
#include <gtest/gtest.h>

#include <atomic>
#include <string_view>
#include <thread>
#include <vector>

#include "digits.h"
#include "heddle/engine.h"

namespace heddle::testing {
namespace {

class ThreadsOfItsOwn final : public Executor {
 public:
  int threads() const override { return 3; }
  void Run(int parts, const std::function<void()>& part) override {
    ++runs;
    std::vector<std::jthread> threads;
    for (int i = 0; i < parts; ++i) threads.emplace_back(part);
  }
  std::atomic<int> runs{0};
};

// All of its threads are busy with something else.
class Busy final : public Executor {
 public:
  int threads() const override { return 8; }
  void Run(int, const std::function<void()>&) override { ++runs; }
  std::atomic<int> runs{0};
};

uint64_t HashOfRun(Executor* executor, bool int8) {
  Options options;
  options.executor = executor;
  const Engine engine(options);
  auto model = engine.Load(DigitsFile(int8));
  EXPECT_TRUE(model.ok()) << model.status().message();
  const FilledInput input = Fill(*model, 1024, 7);
  auto out = model->Run({input.view});
  EXPECT_TRUE(out.ok()) << out.status().message();
  return HashOf(*out);
}

TEST(Executor, TheSameBitsOnAnyThreads) {
  for (const bool int8 : {false, true}) {
    const uint64_t expected = HashOfRun(nullptr, int8);
    ThreadsOfItsOwn threads;
    EXPECT_EQ(HashOfRun(&threads, int8), expected);
    EXPECT_GT(threads.runs, 0);
    Busy busy;
    EXPECT_EQ(HashOfRun(&busy, int8), expected);
    EXPECT_GT(busy.runs, 0);
  }
}

TEST(Executor, TheEnginesCapHoldsForIt) {
  ThreadsOfItsOwn threads;
  Options options;
  options.executor = &threads;
  options.cores = 1;
  const Engine engine(options);
  auto model = engine.Load(DigitsFile(false));
  ASSERT_TRUE(model.ok());
  const FilledInput input = Fill(*model, 1024, 7);
  EXPECT_TRUE(model->Run({input.view}).ok());
  EXPECT_EQ(threads.runs, 0);
}

std::string_view Refusal(const heddle_executor& executor, heddle_status** status) {
  heddle_engine_options options{};
  options.struct_size = sizeof(options);
  options.executor = &executor;
  heddle_engine* engine = nullptr;
  *status = heddle_engine_create(&options, &engine);
  heddle_engine_free(engine);
  return *status == nullptr ? "" : heddle_status_message(*status);
}

TEST(Executor, WrongOnesAreRefused) {
  heddle_executor executor{sizeof(heddle_executor), 2,
                           [](void*, int32_t, void (*)(void*), void*) {}, nullptr};
  heddle_status* status = nullptr;
  EXPECT_EQ(Refusal(executor, &status), "");
  executor.threads = 0;
  EXPECT_EQ(Refusal(executor, &status), "executor's threads is 0, expected 1 or more");
  heddle_status_free(status);
  executor.threads = 2;
  executor.run = nullptr;
  EXPECT_EQ(Refusal(executor, &status), "executor's run is NULL");
  heddle_status_free(status);
  executor.struct_size = 1;
  EXPECT_NE(Refusal(executor, &status), "");
  heddle_status_free(status);
}

}  // namespace
}  // namespace heddle::testing
