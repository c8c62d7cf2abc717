// SPDX-License-Identifier: Apache-2.0
// The same bits however many threads help: 0 to 16 of them, on our own models and on a sample of
// the zoo where HEDDLE_SUITES names a folder that has it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "crew/crew.h"
#include "digits.h"

namespace heddle {
namespace {

using testing::DigitsFile;
using testing::FilledInput;
using testing::FillInput;
using testing::HashOf;

constexpr int kMostHelpers = 16;
#ifdef HEDDLE_EMULATED  // an instruction costs fifty
constexpr size_t kAllModels = 15;
constexpr uintmax_t kSmallFile = 200'000;
#else
constexpr size_t kAllModels = 50;
constexpr uintmax_t kSmallFile = 4'000'000;
#endif

// HEDDLE_ZOO_MODELS: fewer, for a sample.
size_t ZooModels() {
  const char* fewer = std::getenv("HEDDLE_ZOO_MODELS");
  return fewer == nullptr ? kAllModels : static_cast<size_t>(std::atoi(fewer));
}

// Machines of 1 to 17 cores, taken for the process's own one after another.
class HelpersTest : public ::testing::Test {
 protected:
  HelpersTest() {
    for (int helpers = 0; helpers <= kMostHelpers; ++helpers) {
      core::Crew::Options options;
      options.most_threads = kMostHelpers;
      options.read_budget = [helpers] { return core::CoreBudget(helpers + 1); };
      options.thread_cpu = &core::SystemClock();  // nothing else seems to run on them
      crews_[helpers] = std::make_unique<core::Crew>(std::move(options));
    }
    own_ = core::Crew::ReplaceForTest(nullptr);
  }
  ~HelpersTest() override { core::Crew::ReplaceForTest(own_); }

  static std::vector<FilledInput> InputsOf(const Model& model, int batch) {
    size_t count = 0;
    heddle_status_free(heddle_model_input_count(model.get(), nullptr, &count));
    std::vector<FilledInput> inputs;
    for (size_t k = 0; k < count; ++k) inputs.push_back(FillInput(model, k, batch, 7));
    return inputs;
  }
  // False: the model does not run on such inputs; why is the same for all.
  bool SameWithAll(const Model& model, int batch) {
    const std::vector<FilledInput> inputs = InputsOf(model, batch);
    std::vector<TensorView> views;
    for (const FilledInput& input : inputs) views.push_back(input.view);
    RunOptions run;
    run.fresh_state = true;
    uint64_t expected = 0;
    for (int helpers = 0; helpers <= kMostHelpers; ++helpers) {
      core::Crew::ReplaceForTest(crews_[helpers].get());
      const auto outputs = model.Run(std::span<const TensorView>(views), run);
      if (!outputs.ok() && helpers == 0) return false;
      EXPECT_TRUE(outputs.ok()) << outputs.status().message();
      if (!outputs.ok()) return false;
      if (helpers == 0) expected = HashOf(*outputs);
      EXPECT_EQ(HashOf(*outputs), expected) << helpers << " helpers";
    }
    return true;
  }
  uint64_t Helped(int helpers) const { return crews_[helpers]->counters().helped_regions; }
  // By all that may: on a busy machine a single helper may come too late each time.
  uint64_t HelpedInAll() const {
    uint64_t all = 0;
    for (int helpers = 1; helpers <= kMostHelpers; ++helpers) all += Helped(helpers);
    return all;
  }

  std::array<std::unique_ptr<core::Crew>, kMostHelpers + 1> crews_;
  core::Crew* own_ = nullptr;
};

TEST_F(HelpersTest, OwnModelsHaveOneAnswer) {
  const Engine engine;
  for (const bool int8 : {false, true}) {
    for (const Numerics numerics : {Numerics::kFast, Numerics::kReference}) {
      LoadOptions options;
      options.numerics = numerics;
      const auto model = engine.Load(DigitsFile(int8), options);
      ASSERT_TRUE(model.ok()) << model.status().message();
      for (const int batch : {1, 16, 61}) EXPECT_TRUE(SameWithAll(*model, batch));
    }
  }
  EXPECT_EQ(Helped(0), 0u);
  EXPECT_GT(HelpedInAll(), 0u);
}

// Small files, spread over all there are.
std::vector<std::string> ZooSample(const std::string& zoo, size_t models) {
  std::vector<std::string> all, sample;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(zoo))
    if (entry.is_regular_file() && entry.path().extension() == ".tflite" &&
        entry.file_size() < kSmallFile)
      all.push_back(entry.path().string());
  std::sort(all.begin(), all.end());
  const size_t wanted = models + models / 5 + 1;  // some do not run on inputs made up
  for (size_t i = 0; i < wanted && !all.empty(); ++i)
    sample.push_back(all[i * all.size() / wanted]);
  return sample;
}

TEST_F(HelpersTest, ZooModelsHaveOneAnswer) {
  const char* suites = std::getenv("HEDDLE_SUITES");
  const std::string zoo = std::string(suites != nullptr ? suites : "") + "/zoo/models";
  if (suites == nullptr || !std::filesystem::is_directory(zoo))
    GTEST_SKIP() << "HEDDLE_SUITES names no folder with a zoo";
  const Engine engine;
  const size_t models = ZooModels();
  size_t ran = 0;
  for (const std::string& path : ZooSample(zoo, models)) {
    if (ran == models) break;
    SCOPED_TRACE(path);
    const auto model = engine.Load(path);
    if (model.ok() && SameWithAll(*model, 1)) ++ran;
  }
  EXPECT_EQ(ran, models);
  if (models == kAllModels) EXPECT_GT(HelpedInAll(), 0u) << "of so many some are worth help";
}

}  // namespace
}  // namespace heddle
