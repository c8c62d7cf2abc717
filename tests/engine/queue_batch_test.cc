// SPDX-License-Identifier: Apache-2.0
// Requests for a model that run as one: each with the bits, or the error, that it would get alone.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <optional>

#include "crew/crew.h"
#include "digits.h"
#include "engine/c_objects.h"
#include "serve/model_queue.h"
#include "stateful_models.h"
#include "support/model_builder.h"

namespace heddle::core {
namespace {

using heddle::testing::DigitsFile;
using heddle::testing::Fill;
using heddle::testing::FilledInput;

Crew::Options OneCore() {
  Crew::Options options;
  options.most_threads = 1;
  options.read_budget = [] { return 1; };
  return options;
}

// What is submitted here waits until Go; then the only core there is finds all of it.
class Held {
 public:
  explicit Held(const heddle::Model& model) : loaded_(model.get()->loaded) {
    before_ = Crew::ReplaceForTest(&crew_);
    QueueLimits limits;
    limits.trace = [](void* held, const heddle_event* event) {
      auto& self = *static_cast<Held*>(held);
      if (event->kind == HEDDLE_BEGUN && event->batch > 1 && event->tag == 0 && self.on_batch)
        self.on_batch();
    };
    limits.trace_arg = this;
    queue_ = std::make_shared<ModelQueue>(limits);
    queue_->queue().SetBatching(Batching::kAlways);
    turn_.emplace(crew_, Priority::kNormal, nullptr);
  }
  ~Held() {
    Go();
    EXPECT_TRUE(queue_->queue().Drain(false).ok());
    for (ModelRequest* r : requests_) r->Disown();
    queue_.reset();
    Crew::ReplaceForTest(before_);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  void Submit(const heddle_tensor& input, heddle_tensor* output = nullptr,
              ModelQueue::Terms terms = {}) {
    RunRequest tensors;
    tensors.inputs = &input;
    tensors.input_count = 1;
    tensors.outputs = output;
    tensors.output_count = output != nullptr ? 1 : 0;
    auto request = queue_->Submit(loaded_, tensors, std::move(terms));
    ASSERT_TRUE(request.ok()) << request.status().message();
    requests_.push_back(*request);
  }
  void Go() {
    turn_.reset();
    for (ModelRequest* r : requests_) queue_->queue().Wait(*r, -1);
  }
  ModelRequest& operator[](size_t i) { return *requests_[i]; }
  void Cancel(size_t i) { queue_->queue().Cancel(*requests_[i]); }
  // Once a batch whose first request has the tag 0 has begun, and before its first step.
  std::function<void()> on_batch;
  const QueueCounts& counts() const { return queue_->queue().counts(); }

 private:
  Crew crew_{OneCore()};
  Crew* before_ = nullptr;
  std::shared_ptr<LoadedModel> loaded_;
  std::shared_ptr<ModelQueue> queue_;
  std::optional<Turn> turn_;
  std::vector<ModelRequest*> requests_;
};

// The answer of Run, or its error.
void ExpectAsAlone(const heddle::Model& model, const TensorView& input, ModelRequest& request) {
  const auto alone = model.Run({input});
  ASSERT_EQ(alone.ok(), request.status.ok()) << request.status.message();
  if (!alone.ok()) {
    EXPECT_EQ(alone.status().message(), request.status.message());
    return;
  }
  ASSERT_EQ(alone->size(), request.Count());
  for (size_t k = 0; k < alone->size(); ++k) {
    const TensorView want = (*alone)[k];
    heddle_tensor got{};
    got.struct_size = sizeof(got);
    request.Describe(k, &got);
    ASSERT_EQ(want.bytes, got.bytes);
    ASSERT_EQ(want.rank, got.rank);
    for (int d = 0; d < want.rank; ++d) EXPECT_EQ(want.dims[d], got.dims[d]);
    EXPECT_EQ(std::memcmp(want.data, got.data, want.bytes), 0) << "output " << k;
  }
}

TEST(ModelBatch, EachRequestGetsItsOwnBits) {
  const Engine engine;
  for (const bool int8 : {false, true}) {
    const heddle::Model model = engine.Load(DigitsFile(int8)).value();
    std::vector<FilledInput> inputs;
    for (uint32_t seed = 0; seed < 8; ++seed) inputs.push_back(Fill(model, 1, seed));
    Held held(model);
    for (const FilledInput& in : inputs) held.Submit(in.view);
    held.Go();
    EXPECT_EQ(held.counts().largest_batch.value(), 8u);
    EXPECT_EQ(held.counts().batches_again.value(), 0u);
    for (size_t i = 0; i < inputs.size(); ++i) ExpectAsAlone(model, inputs[i].view, held[i]);
  }
}

TEST(ModelBatch, ShapesAreKeptApart) {
  const Engine engine;
  const heddle::Model model = engine.Load(DigitsFile(false)).value();
  std::vector<FilledInput> inputs;
  for (uint32_t seed = 0; seed < 8; ++seed)
    inputs.push_back(Fill(model, 1 + static_cast<int>(seed % 2), seed));
  Held held(model);
  for (const FilledInput& in : inputs) held.Submit(in.view);
  held.Go();
  EXPECT_EQ(held.counts().batches.value(), 2u);
  EXPECT_EQ(held.counts().largest_batch.value(), 4u);
  for (size_t i = 0; i < inputs.size(); ++i) ExpectAsAlone(model, inputs[i].view, held[i]);
}

// Rows of a table, by the caller's numbers.
std::vector<std::byte> Table() {
  ModelBuilder b;
  const int ids = b.Input("ids", Type::kInt32, {1, 3});
  const int table = b.Constant<float>("table", {4, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  const int rows = b.Make("rows", Type::kFloat32, {1, 3, 2});
  b.Op(OpCode::kGATHER, {table, ids}, {rows}, GatherOptions{});
  b.Output(rows);
  return b.Build();
}

TEST(ModelBatch, ABadRowFailsAlone) {
  const Engine engine;
  const heddle::Model model = engine.LoadBytes(Table()).value();
  std::vector<std::vector<int32_t>> ids = {{0, 1, 2}, {3, 99, 0}, {3, 3, 3}, {2, 1, 0}};
  Held held(model);
  for (auto& row : ids) held.Submit(TensorView("ids", row));
  held.Go();
  EXPECT_EQ(held.counts().batches_again.value(), 1u);
  EXPECT_EQ(held.counts().failed.value(), 1u);
  for (size_t i = 0; i < ids.size(); ++i) ExpectAsAlone(model, TensorView("ids", ids[i]), held[i]);
}

TEST(ModelBatch, WritesIntoTheMemoryOfThoseWhoLendIt) {
  const Engine engine;
  const heddle::Model model = engine.Load(DigitsFile(false)).value();
  std::vector<FilledInput> inputs;
  for (uint32_t seed = 0; seed < 4; ++seed) inputs.push_back(Fill(model, 1, seed));
  std::vector<float> mine(10), small(9);
  TensorView into(nullptr, mine), into_small(nullptr, small);
  {
    Held held(model);
    held.Submit(inputs[0].view);
    held.Submit(inputs[1].view, &into);
    held.Submit(inputs[2].view, &into_small);
    held.Submit(inputs[3].view);
    held.Go();
    EXPECT_EQ(held.counts().largest_batch.value(), 4u);
    for (const size_t i : {0, 1, 3}) ExpectAsAlone(model, inputs[i].view, held[i]);
    heddle_tensor out{};
    out.struct_size = sizeof(out);
    held[1].Describe(0, &out);
    EXPECT_EQ(out.data, mine.data());
    EXPECT_EQ(model.RunInto(std::span(&inputs[2].view, 1), std::span(&into_small, 1)).message(),
              held[2].status.message());
  }
}

TEST(ModelBatch, WhatRemembersIsNoBatch) {
  const Engine engine;
  const heddle::Model model = engine.LoadBytes(heddle::testing::Remembering()).value();
  const std::vector<float> x(4, 1.0f);
  Held held(model);
  ModelQueue::Terms terms;
  terms.fresh_state = true;
  for (int i = 0; i < 4; ++i) held.Submit(TensorView("x", x), nullptr, terms);
  held.Go();
  EXPECT_EQ(held.counts().batches.value(), 0u);
  EXPECT_EQ(held.counts().succeeded.value(), 4u);
}

// Eight requests in the memory of whoever submits them, as one batch, of which some are stopped.
struct Stopped {
  Stopped()
      : model(engine.Load(DigitsFile(false)).value()), outputs(8, std::vector<float>(10, -7)) {
    for (uint32_t seed = 0; seed < 8; ++seed) inputs.push_back(Fill(model, 1, seed));
    held.emplace(model);
    for (size_t i = 0; i < 8; ++i) {
      TensorView into(nullptr, outputs[i]);
      ModelQueue::Terms terms;
      terms.tag = i;
      held->Submit(inputs[i].view, &into, terms);
    }
  }
  void ExpectStopped(size_t i, Code code) {
    EXPECT_EQ((*held)[i].status.code(), code) << i;
    EXPECT_EQ(outputs[i], std::vector<float>(10, -7)) << "what was stopped was written";
  }
  Engine engine;
  heddle::Model model;
  std::vector<FilledInput> inputs;
  std::vector<std::vector<float>> outputs;
  std::optional<Held> held;
};

// As if the time had come while it ran.
void PassDeadline(ModelRequest& request) { request.deadline_ns = 1; }

TEST(ModelBatch, WhoIsStoppedWhileItRunsLosesItsAnswerOnly) {
  Stopped s;
  Held& held = *s.held;
  bool told_early = false;
  held.on_batch = [&] {
    held.Cancel(2);
    held.Cancel(0);
    PassDeadline(held[5]);
    told_early = held[0].done() || held[2].done() || held[5].done();
  };
  held.Go();
  EXPECT_FALSE(told_early) << "its memory is in use until the batch ends";
  EXPECT_EQ(held.counts().largest_batch.value(), 8u);
  EXPECT_EQ(held.counts().batches_again.value(), 0u) << "the others' run was thrown away";
  EXPECT_EQ(held.counts().cancelled_running.value(), 2u);
  EXPECT_EQ(held.counts().expired_running.value(), 1u);
  EXPECT_EQ(held.counts().succeeded.value(), 5u);
  for (const size_t i : {0, 2}) s.ExpectStopped(i, Code::kCancelled);
  s.ExpectStopped(5, Code::kDeadlineExceeded);
  for (const size_t i : {1, 3, 4, 6, 7}) ExpectAsAlone(s.model, s.inputs[i].view, held[i]);
}

TEST(ModelBatch, WhoIsStoppedWhileItWaitsIsToldAtOnce) {
  Stopped s;
  Held& held = *s.held;
  held.Cancel(3);
  EXPECT_TRUE(held[3].done());
  held.Go();
  s.ExpectStopped(3, Code::kCancelled);
  EXPECT_EQ(held.counts().cancelled_waiting.value(), 1u);
  EXPECT_EQ(held.counts().batched.value() % 2, 0u);
  for (const size_t i : {0, 1, 2, 4, 5, 6, 7}) ExpectAsAlone(s.model, s.inputs[i].view, held[i]);
}

// The run ends early, and each with its own reason.
TEST(ModelBatch, ABatchThatNobodyWantsStops) {
  Stopped s;
  Held& held = *s.held;
  held.on_batch = [&] {
    for (size_t i = 0; i < 8; ++i) {
      if (i % 2 == 0)
        held.Cancel(i);
      else
        PassDeadline(held[i]);
    }
  };
  held.Go();
  for (size_t i = 0; i < 8; ++i)
    s.ExpectStopped(i, i % 2 == 0 ? Code::kCancelled : Code::kDeadlineExceeded);
  EXPECT_EQ(held.counts().succeeded.value(), 0u);
  EXPECT_EQ(held.counts().failed.value(), 0u);
  EXPECT_EQ(held.counts().running.value(), 0u);
}

// A batch with a bad row runs again, row by row: who was stopped before does not.
TEST(ModelBatch, WhoIsStoppedInABatchThatFailsIsNotRunAgain) {
  const Engine engine;
  const heddle::Model model = engine.LoadBytes(Table()).value();
  std::vector<std::vector<int32_t>> ids = {{0, 1, 2}, {3, 99, 0}, {3, 3, 3}, {2, 1, 0}};
  Held held(model);
  for (size_t i = 0; i < ids.size(); ++i) {
    ModelQueue::Terms terms;
    terms.tag = i;
    held.Submit(TensorView("ids", ids[i]), nullptr, terms);
  }
  held.on_batch = [&] { held.Cancel(2); };
  held.Go();
  EXPECT_EQ(held.counts().batches_again.value(), 1u);
  EXPECT_EQ(held[2].status.code(), Code::kCancelled);
  for (const size_t i : {0, 1, 3}) ExpectAsAlone(model, TensorView("ids", ids[i]), held[i]);
}

std::vector<std::byte> MeanOf(int width) {
  ModelBuilder b;
  ReduceOptions keep;
  keep.keep_dims = true;
  const int x = b.Input("x", Type::kFloat32, {1, width});
  const int axis = b.Constant<int32_t>("axis", {1}, {1});
  const int mean = b.Make("mean", Type::kFloat32, {1, 1});
  b.Op(OpCode::kMEAN, {x, axis}, {mean}, keep);
  b.Output(mean);
  return b.Build();
}

// What they are gathered in is memory, too.
TEST(ModelBatch, LargeInputsAreNotGathered) {
  const Engine engine;
  for (const bool large : {false, true}) {
    const int width = large ? 9 << 20 : 4;  // 36 MiB
    const heddle::Model model = engine.LoadBytes(MeanOf(width)).value();
    const std::vector<float> x(static_cast<size_t>(width), 1.0f);
    Held held(model);
    for (int i = 0; i < 2; ++i) held.Submit(TensorView("x", x));
    held.Go();
    EXPECT_EQ(held.counts().batches_again.value(), large ? 1u : 0u);
    EXPECT_EQ(held.counts().succeeded.value(), 2u);
  }
}

TEST(ModelBatch, WhatIsNotProvenRunsOneByOne) {
  ModelBuilder b;
  ReduceOptions keep;
  keep.keep_dims = true;
  const int x = b.Input("x", Type::kFloat32, {1, 4});
  const int axis = b.Constant<int32_t>("axis", {1}, {0});
  const int mean = b.Make("mean", Type::kFloat32, {1, 4});
  b.Op(OpCode::kMEAN, {x, axis}, {mean}, keep);
  b.Output(mean);
  const Engine engine;
  const heddle::Model model = engine.LoadBytes(b.Build()).value();
  std::vector<std::vector<float>> rows;
  for (int i = 0; i < 8; ++i) rows.push_back(std::vector<float>(4, static_cast<float>(i)));
  Held held(model);
  for (auto& row : rows) held.Submit(TensorView("x", row));
  held.Go();
  EXPECT_EQ(held.counts().batches.value(), held.counts().batches_again.value());
  for (size_t i = 0; i < rows.size(); ++i) ExpectAsAlone(model, TensorView("x", rows[i]), held[i]);
}

}  // namespace
}  // namespace heddle::core
