// SPDX-License-Identifier: Apache-2.0
// What a caller of Engine, Model and Outputs is promised, errors included.
#include <gtest/gtest.h>

#include <chrono>

#include "digits.h"
#include "support/model_builder.h"

namespace heddle {
namespace {

using testing::DigitsFile;
using testing::Fill;
using testing::HashOf;

class Run : public ::testing::Test {
 protected:
  void SetUp() override {
    auto loaded = engine_.Load(DigitsFile(false));
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    model_.emplace(std::move(loaded).value());
  }
  void ExpectError(std::span<const TensorView> inputs, Code code, const char* text,
                   const RunOptions& options = {}) {
    const auto out = model_->Run(inputs, options);
    ASSERT_FALSE(out.ok()) << "expected: " << text;
    EXPECT_EQ(out.status().code(), code) << out.status().message();
    EXPECT_NE(out.status().message().find(text), std::string_view::npos) << out.status().message();
  }
  Engine engine_;
  std::optional<Model> model_;
};

TEST_F(Run, ViewsAndCallerMemoryHoldTheSameAnswer) {
  const auto in = Fill(*model_, 1, 7);
  const auto views = model_->Run({in.view});
  ASSERT_TRUE(views.ok()) << views.status().message();
  const std::span<const float> scores = (*views)[0].As<float>();
  ASSERT_EQ(scores.size(), 10u);
  std::vector<float> mine(10, -1.0f);
  TensorView out(nullptr, mine);
  ASSERT_TRUE(model_->RunInto(std::span(&in.view, 1), std::span(&out, 1)).ok());
  EXPECT_EQ(std::vector<float>(scores.begin(), scores.end()), mine);
  EXPECT_EQ(out.rank, 2);
  EXPECT_EQ(out.dims[1], 10);
  EXPECT_TRUE(views->Find((*views)[0].name).ok());
  EXPECT_EQ(views->Find("nothing").status().code(), Code::kNotFound);
}

TEST_F(Run, EveryRowOfABatchIsTheSingleAnswer) {
  const auto batch = Fill(*model_, 3, 11);
  const auto all = model_->Run({batch.view});
  ASSERT_TRUE(all.ok()) << all.status().message();
  const size_t row = batch.bytes.size() / 3;
  for (size_t b = 0; b < 3; ++b) {
    auto one = Fill(*model_, 1, 0);
    std::copy_n(batch.bytes.begin() + static_cast<long>(b * row), row, one.bytes.begin());
    const auto single = model_->Run({one.view});
    ASSERT_TRUE(single.ok());
    const auto want = (*single)[0].As<float>(), got = (*all)[0].As<float>().subspan(b * 10, 10);
    EXPECT_TRUE(std::equal(want.begin(), want.end(), got.begin())) << "row " << b;
  }
}

TEST_F(Run, BadInputsAreNamed) {
  const auto good = Fill(*model_, 1, 1);
  TensorView wrong_name = good.view;
  wrong_name.name = "nothing";
  ExpectError(std::span(&wrong_name, 1), Code::kNotFound, "input 'nothing'");
  TensorView wrong_type = good.view;
  wrong_type.type = HEDDLE_INT8;
  ExpectError(std::span(&wrong_type, 1), Code::kInvalidArgument, "is int8, expected float32");
  TensorView short_data = good.view;
  short_data.bytes -= 4;
  ExpectError(std::span(&short_data, 1), Code::kInvalidArgument, "expected 256");
  TensorView crooked = good.view;
  crooked.data = static_cast<char*>(crooked.data) + 1;
  ExpectError(std::span(&crooked, 1), Code::kInvalidArgument, "not aligned");
  TensorView deep = good.view;
  deep.rank = 9;
  ExpectError(std::span(&deep, 1), Code::kInvalidArgument, "rank 9");
  TensorView negative = good.view;
  negative.dims[1] = -3;
  ExpectError(std::span(&negative, 1), Code::kInvalidArgument, "negative");
  ExpectError({}, Code::kInvalidArgument, "is missing");
  const TensorView twice[] = {good.view, good.view};
  ExpectError(twice, Code::kInvalidArgument, "the model has 1 inputs");
}

TEST_F(Run, AShapeThatAnOperatorRefusesNamesTheOperator) {
  const auto in = Fill(*model_, 1, 1);
  TensorView flat = in.view;
  flat.rank = 2, flat.dims[0] = flat.dims[1] = 8;
  ExpectError(std::span(&flat, 1), Code::kInvalidArgument, "of shape 8x8: op 0 CONV_2D");
  TensorView deep = in.view;
  deep.dims[1] = deep.dims[2] = deep.dims[3] = 4;
  ExpectError(std::span(&deep, 1), Code::kUnsupported, "of shape 1x4x4x4: op 0 CONV_2D");
}

TEST_F(Run, AnOutputThatIsTooSmallIsNamed) {
  const auto in = Fill(*model_, 1, 1);
  std::vector<float> small(3);
  TensorView out(nullptr, small);
  const Status status = model_->RunInto(std::span(&in.view, 1), std::span(&out, 1));
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("needs 40 bytes, the caller gives 12"), std::string_view::npos)
      << status.message();
}

TEST_F(Run, AnOutputHasOnePlace) {
  const auto in = Fill(*model_, 1, 1);
  const auto out = model_->Run({in.view});
  ASSERT_TRUE(out.ok());
  std::vector<float> first(10), second(10);
  TensorView twice[] = {TensorView(nullptr, first), TensorView((*out)[0].name, second)};
  const Status status = model_->RunInto(std::span(&in.view, 1), twice);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("' is given twice"), std::string_view::npos) << status.message();
}

TEST_F(Run, DeadlineAndCancelStopACall) {
  const auto in = Fill(*model_, 1, 1);
  RunOptions late;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  ExpectError(std::span(&in.view, 1), Code::kDeadlineExceeded, "deadline", late);
  CancelToken token;
  RunOptions cancelled;
  cancelled.cancel = &token;
  EXPECT_TRUE(model_->Run({in.view}, cancelled).ok());
  token.Cancel();
  ExpectError(std::span(&in.view, 1), Code::kCancelled, "cancelled", cancelled);
  RunOptions later;
  later.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  EXPECT_TRUE(model_->Run({in.view}, later).ok());
}

TEST_F(Run, UnknownSignaturesFilesAndIsas) {
  const auto in = Fill(*model_, 1, 1);
  RunOptions options;
  options.signature = "nobody";
  ExpectError(std::span(&in.view, 1), Code::kNotFound, "signature 'nobody'", options);
  EXPECT_EQ(engine_.Load("/nowhere/at.all").status().code(), Code::kNotFound);
  LoadOptions load;
  load.isa = "abacus";
  const auto loaded = engine_.Load(DigitsFile(false), load);
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.status().message().find("plain"), std::string_view::npos)
      << loaded.status().message();
}

TEST_F(Run, LimitsHoldBeforeMemoryIsTaken) {
  Options options;
  options.arena_limit_bytes = 1000;
  auto loaded = Engine(options).Load(DigitsFile(false));
  const Status at_load = loaded.ok() ? Status() : loaded.status();
  if (loaded.ok()) {
    const auto in = Fill(*loaded, 1, 1);
    EXPECT_EQ(loaded->Run({in.view}).status().code(), Code::kResourceExhausted);
  } else {
    EXPECT_EQ(at_load.code(), Code::kResourceExhausted);
  }
  options = Options();
  options.mac_limit = 10;
  auto few = Engine(options).Load(DigitsFile(false));
  ASSERT_TRUE(few.ok());
  const auto in = Fill(*few, 1, 1);
  EXPECT_EQ(few->Run({in.view}).status().code(), Code::kResourceExhausted);
}

TEST_F(Run, TheEnginesMemoryLimitCountsCallsInFlight) {
  ASSERT_TRUE(model_->Warm().ok());
  Options options;
  options.memory_limit_bytes = model_->weights_bytes() + model_->arena_bytes() * 5 / 2 + 4 * 4096;
  auto loaded = Engine(options).Load(DigitsFile(false));
  ASSERT_TRUE(loaded.ok());
  const auto in = Fill(*loaded, 1, 1);
  std::vector<Outputs> held;
  Status status;
  for (int i = 0; i < 20 && status.ok(); ++i) {
    auto out = loaded->Run({in.view});
    status = out.status();
    if (out.ok()) held.push_back(std::move(out).value());
  }
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  ASSERT_FALSE(held.empty());
  held.pop_back();
  EXPECT_TRUE(loaded->Run({in.view}).ok());
}

TEST_F(Run, TheEnginesMemoryLimitCountsPackedWeightsUntilTheModelIsFreed) {
  if (model_->weights_bytes() == 0) GTEST_SKIP() << model_->isa() << " packs nothing";
  Options options;
  options.memory_limit_bytes = model_->weights_bytes() * 3 / 2;
  const Engine engine(options);
  {
    const auto first = engine.Load(DigitsFile(false));
    EXPECT_TRUE(first.ok());
    const auto second = engine.Load(DigitsFile(false));
    EXPECT_EQ(second.status().code(), Code::kResourceExhausted);
  }
  EXPECT_TRUE(engine.Load(DigitsFile(false)).ok());
}

TEST_F(Run, IdleMemoryOfOneModelServesAnother) {
  ASSERT_TRUE(model_->Warm().ok());
  Options options;
  options.memory_limit_bytes =
      2 * model_->weights_bytes() + model_->arena_bytes() * 3 / 2 + 4 * 4096;
  const Engine engine(options);
  auto first = engine.Load(DigitsFile(false)), second = engine.Load(DigitsFile(false));
  ASSERT_TRUE(first.ok() && second.ok());
  const auto in = Fill(*first, 1, 1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(first->Run({in.view}).ok());
    EXPECT_TRUE(second->Run({in.view}).ok());
  }
}

TEST_F(Run, ASessionBelongsToItsModel) {
  auto session = model_->NewSession();
  ASSERT_TRUE(session.ok());
  const auto in = Fill(*model_, 1, 1);
  const auto out = session->Run({in.view});
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(HashOf(*out), HashOf(*model_->Run({in.view})));
  EXPECT_TRUE(session->Reset().ok());
}

TEST_F(Run, OutputsOutliveModelAndEngine) {
  std::optional<Outputs> out;
  {
    Engine engine;
    auto model = engine.Load(DigitsFile(true));
    ASSERT_TRUE(model.ok());
    const auto in = Fill(*model, 1, 5);
    auto run = model->Run({in.view});
    ASSERT_TRUE(run.ok()) << run.status().message();
    out.emplace(std::move(run).value());
  }
  EXPECT_EQ((*out)[0].bytes, 10u);
}

TEST_F(Run, NoNameAndTooManyDimsAreErrors) {
  const std::vector<float> pixels(64);
  const TensorView nine("image", pixels, {1, 1, 1, 1, 1, 1, 8, 8, 1});
  EXPECT_TRUE(nine.shape().empty());
  const auto refused = model_->Run({nine});
  EXPECT_EQ(refused.status().code(), Code::kInvalidArgument);
  EXPECT_NE(refused.status().message().find("rank 9"), std::string::npos);
  const auto out = model_->Run({{"image", pixels}});
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ(out->Find(nullptr).status().code(), Code::kInvalidArgument);
}

TEST_F(Run, KeepAllShowsEveryTensor) {
  LoadOptions load;
  load.keep_all = true;
  auto kept = engine_.Load(DigitsFile(false), load);
  ASSERT_TRUE(kept.ok());
  const auto in = Fill(*kept, 1, 5);
  const auto out = kept->Run({in.view});
  ASSERT_TRUE(out.ok()) << out.status().message();
  heddle_tensor_info info{};
  info.struct_size = sizeof(info);
  ASSERT_EQ(heddle_model_input(kept->get(), nullptr, 0, &info), nullptr);
  EXPECT_EQ(HashOf(*out), HashOf(*model_->Run({in.view})));
}

// Up to 32 a call binds without the heap.
TEST(RunOfManyInputs, EachIsTheOneOfItsPlace) {
  for (const size_t count : {size_t{2}, size_t{32}, size_t{33}, size_t{70}}) {
    core::ModelBuilder builder;
    std::vector<int> sources;
    for (size_t k = 0; k < count; ++k)
      sources.push_back(
          builder.Input("in" + std::to_string(k), core::Type::kFloat32, {static_cast<int>(k) + 1}));
    const int all =
        builder.Make("all", core::Type::kFloat32, {static_cast<int>(count * (count + 1) / 2)});
    builder.Op(core::OpCode::kCONCATENATION, sources, {all}, core::ConcatOptions{});
    builder.Output(all);
    Engine engine;
    auto model = engine.LoadBytes(builder.Build());
    ASSERT_TRUE(model.ok()) << model.status().message();
    std::vector<std::vector<float>> values;
    std::vector<TensorView> inputs;
    std::vector<float> expected;
    for (size_t k = 0; k < count; ++k) {
      values.emplace_back(k + 1, static_cast<float>(k));
      expected.insert(expected.end(), values[k].begin(), values[k].end());
    }
    for (const std::vector<float>& value : values) inputs.emplace_back(nullptr, value);
    const auto out = model->Run(inputs);
    ASSERT_TRUE(out.ok()) << out.status().message();
    const std::span<const float> got = (*out)[0].As<float>();
    EXPECT_EQ(std::vector<float>(got.begin(), got.end()), expected) << count << " inputs";
    inputs.pop_back();
    EXPECT_EQ(model->Run(inputs).status().code(), Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace heddle
