// SPDX-License-Identifier: Apache-2.0
// State belongs to sessions: they never see each other, can be saved, restored and cloned; what an
// initialiser alone writes belongs to the model.
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "heddle/engine.h"
#include "stateful_models.h"

namespace heddle {
namespace {

using Values = std::vector<float>;

Values InputOf(int session, int call) {
  Values x;
  for (int i = 0; i < 4; ++i) x.push_back(static_cast<float>(session * 31 + call * 7 + i) * 0.37f);
  return x;
}

Values RunOnce(Session& session, const Values& x) {
  auto out = session.Run({{"x", x}});
  if (!out.ok()) {
    ADD_FAILURE() << out.status().message();
    return {};
  }
  const auto y = (*out)[0].As<float>();
  return {y.begin(), y.end()};
}

class Sessions : public ::testing::Test {
 protected:
  void SetUp() override {
    auto loaded = engine_.LoadBytes(testing::Remembering());
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    model_.emplace(std::move(loaded).value());
  }
  Session New() {
    auto session = model_->NewSession();
    EXPECT_TRUE(session.ok()) << session.status().message();
    return std::move(session).value();
  }

  Engine engine_;
  std::optional<Model> model_;
};

TEST_F(Sessions, RememberFromCallToCall) {
  Session session = New();
  const Values x = {1, 1, 1, 1};
  EXPECT_EQ(RunOnce(session, x), (Values{1.5f, 2, 2.5f, 3}));
  EXPECT_EQ(RunOnce(session, x), (Values{1.75f, 2, 2.25f, 2.5f}));
  ASSERT_TRUE(session.Reset().ok());
  EXPECT_EQ(RunOnce(session, x), (Values{1.5f, 2, 2.5f, 3}));
}

TEST_F(Sessions, SignaturesShareTheState) {
  Session session = New();
  const Values y = RunOnce(session, {5, 6, 7, 8});
  RunOptions options;
  options.signature = "peek";
  auto seen = session.Run({}, options);
  ASSERT_TRUE(seen.ok()) << seen.status().message();
  const auto value = (*seen)[0].As<float>();
  EXPECT_EQ(Values(value.begin(), value.end()), y);
}

TEST_F(Sessions, WithoutOneTheStateIsNamed) {
  const Values x = {1, 1, 1, 1};
  const auto refused = model_->Run({{"x", x}});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(refused.status().message().find("resource variable 'memory'"), std::string::npos)
      << refused.status().message();
  RunOptions fresh;
  fresh.fresh_state = true;
  for (int i = 0; i < 2; ++i) {
    const auto out = model_->Run({{"x", x}}, fresh);
    ASSERT_TRUE(out.ok()) << out.status().message();
    EXPECT_EQ((*out)[0].As<float>()[0], 1.5f);
  }
}

// Resource variables, a hash table, a tensor list in a variable.
TEST_F(Sessions, SavedStateGoesOnElsewhere) {
  for (const auto& file : {testing::Remembering(), testing::Translating(), testing::Listing()}) {
    auto model = engine_.LoadBytes(file);
    ASSERT_TRUE(model.ok()) << model.status().message();
    Session first = model->NewSession().value(), second = model->NewSession().value();
    Session fresh = model->NewSession().value();
    for (int call = 0; call < 3; ++call) RunOnce(first, InputOf(1, call));
    RunOnce(second, InputOf(2, 0));
    const auto saved = first.Save();
    ASSERT_TRUE(saved.ok()) << saved.status().message();
    auto clone = first.Clone();
    ASSERT_TRUE(clone.ok()) << clone.status().message();
    const Status restored = second.Restore(*saved);
    ASSERT_TRUE(restored.ok()) << restored.message();
    EXPECT_EQ(*second.Save(), *saved);
    EXPECT_EQ(*clone->Save(), *saved);
    const Values expected = RunOnce(first, InputOf(1, 3));
    EXPECT_NE(RunOnce(fresh, InputOf(1, 3)), expected);
    EXPECT_EQ(RunOnce(second, InputOf(1, 3)), expected);
    EXPECT_EQ(RunOnce(*clone, InputOf(1, 3)), expected);
  }
}

// What an operator keeps for itself is state like any other.
TEST_F(Sessions, OperatorsRememberToo) {
  using Samples = std::vector<int16_t>;
  auto model = engine_.LoadBytes(testing::Delaying());
  ASSERT_TRUE(model.ok()) << model.status().message();
  const auto run = [](Session& session, const Samples& x) {
    auto out = session.Run({{"x", x}});
    EXPECT_TRUE(out.ok()) << out.status().message();
    const auto y = (*out)[0].As<int16_t>();
    return Samples(y.begin(), y.end());
  };
  auto first = model->NewSession(), second = model->NewSession();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(run(*first, {1, 2}), (Samples{0, 0}));
  EXPECT_EQ(run(*second, {7, 8}), (Samples{0, 0}));
  EXPECT_EQ(run(*first, {3, 4}), (Samples{0, 1}));
  auto clone = first->Clone();
  const auto saved = first->Save();
  ASSERT_TRUE(clone.ok() && saved.ok());
  ASSERT_TRUE(second->Restore(*saved).ok());
  for (Session* session : {&*first, &*clone, &*second})
    EXPECT_EQ(run(*session, {5, 6}), (Samples{2, 3}));
  ASSERT_TRUE(first->Reset().ok());
  EXPECT_EQ(run(*first, {5, 6}), (Samples{0, 0}));
  const Samples x = {1, 2};
  const auto refused = model->Run({{"x", x}});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.status().message().find("op 0 SignalDelay"), std::string::npos)
      << refused.status().message();
}

TEST_F(Sessions, BrokenBytesChangeNothing) {
  Session session = New(), twin = New();
  RunOnce(session, InputOf(2, 0));
  RunOnce(twin, InputOf(2, 0));
  auto saved = session.Save();
  ASSERT_TRUE(saved.ok());
  for (size_t cut = 0; cut < saved->size(); ++cut)
    EXPECT_FALSE(session.Restore(std::span(*saved).first(cut)).ok()) << cut;
  for (size_t at = 0; at < saved->size(); ++at) {
    std::vector<std::byte> changed = *saved;
    changed[at] ^= std::byte{0x41};
    EXPECT_FALSE(session.Restore(changed).ok()) << at;
  }
  auto other = engine_.LoadBytes(testing::Initialised());
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE(other->NewSession()->Restore(*saved).ok());
  EXPECT_EQ(RunOnce(session, InputOf(2, 1)), RunOnce(twin, InputOf(2, 1)));
}

// Isolated is a session on a model of its own: what leaks into the model, a table that is filled
// once, say, is then another session's only among the interleaved.
void ExpectInterleavedEqualIsolated(const Engine& engine, const std::vector<std::byte>& file) {
  constexpr int kSessions = 100, kCalls = 8, kThreads = 4;
  std::vector<Values> expected;
  for (int s = 0; s < kSessions; ++s) {
    const Model own = engine.LoadBytes(file).value();
    Session alone = own.NewSession().value();
    for (int call = 0; call < kCalls; ++call) expected.push_back(RunOnce(alone, InputOf(s, call)));
  }
  const Model model = engine.LoadBytes(file).value();
  EXPECT_NE(expected[0], expected[1]);
  std::vector<Session> sessions;
  for (int s = 0; s < kSessions; ++s) sessions.push_back(model.NewSession().value());
  std::vector<Values> found(expected.size());
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int call = 0; call < kCalls; ++call)
        for (int s = t; s < kSessions; s += kThreads)
          found[static_cast<size_t>(s) * kCalls + static_cast<size_t>(call)] =
              RunOnce(sessions[static_cast<size_t>(s)], InputOf(s, call));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(found, expected);
}

// Resource variables; a variable tensor and what an operator keeps; a session's own hash table
// beside one of the model; a tensor list.
TEST_F(Sessions, InterleavedEqualIsolated) {
  for (const auto& file :
       {testing::Remembering(), testing::Recurring(), testing::Translating(), testing::Listing()})
    ExpectInterleavedEqualIsolated(engine_, file);
}

// As LiteRT has it, but that LiteRT takes other sizes, too.
TEST_F(Sessions, AVariableIsReadInTheShapeOfTheFile) {
  const auto read = [&](const core::Shape& assigned, const core::Shape& as) {
    auto model = engine_.LoadBytes(testing::Reading(assigned, as));
    EXPECT_TRUE(model.ok()) << model.status().message();
    Session session = model->NewSession().value();
    const Values x = {1, 2, 3, 4, 5, 6};
    return session.Run({{"x", x}});
  };
  for (const core::Shape& as : {core::Shape{3, 2}, core::Shape{6}, core::Shape{1, 2, 1, 3}}) {
    const auto out = read({2, 3}, as);
    ASSERT_TRUE(out.ok()) << out.status().message();
    const TensorView y = (*out)[0];
    EXPECT_EQ(core::Shape(std::span(y.dims, static_cast<size_t>(y.rank))), as);
    EXPECT_EQ(Values(y.As<float>().begin(), y.As<float>().end()), (Values{1, 2, 3, 4, 5, 6}));
  }
  // Rank 0 is also how a file writes "not known".
  const auto assigned = read({2, 3}, {});
  ASSERT_TRUE(assigned.ok()) << assigned.status().message();
  EXPECT_EQ((*assigned)[0].rank, 2);
  for (const core::Shape& as : {core::Shape{2, 2}, core::Shape{4, 2}}) {
    const auto refused = read({2, 3}, as);
    ASSERT_FALSE(refused.ok());
    EXPECT_NE(refused.status().message().find("holds shape 2x3, expected " + as.ToString()),
              std::string::npos)
        << refused.status().message();
  }
}

TEST(ModelState, AnInitialiserAloneNeedsNoSession) {
  const Engine engine;
  auto model = engine.LoadBytes(testing::Initialised());
  ASSERT_TRUE(model.ok()) << model.status().message();
  const Values x = {10, 10, 10, 10};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      const auto out = model->Run({{"x", x}});
      ASSERT_TRUE(out.ok()) << out.status().message();
      EXPECT_EQ((*out)[0].As<float>()[3], 14.0f);
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(ModelState, SignaturesShareOneCopyOfTheWeights) {
  core::ModelBuilder b;
  const std::vector<float> values(64 * 64, 0.25f);
  int shared = -1;
  for (int g = 0; g < 2; ++g) {
    if (g > 0) b.Begin("second");
    const int x = b.Input("x", core::Type::kFloat32, {1, 64});
    const int w = b.Constant<float>("w", {64, 64}, values);
    if (g == 0) shared = w;
    b.tensor(w).data = b.subgraphs[0].tensors[static_cast<size_t>(shared)].data;
    const int y = b.Make("y", core::Type::kFloat32, {1, 64});
    b.Op(core::OpCode::kFULLY_CONNECTED, {x, w, -1}, {y}, core::FullyConnectedOptions{});
    b.Output(y);
    b.signatures.push_back({g == 0 ? "one" : "two", g, {{"x", x}}, {{"y", y}}});
  }
  const Engine engine;
  auto model = engine.LoadBytes(b.Build());
  ASSERT_TRUE(model.ok()) << model.status().message();
  const std::vector<float> x(64, 1.0f);
  uint64_t bytes = 0;
  for (const char* signature : {"one", "two"}) {
    RunOptions options;
    options.signature = signature;
    const auto out = model->Run({{"x", x}}, options);
    ASSERT_TRUE(out.ok()) << out.status().message();
    EXPECT_EQ((*out)[0].As<float>()[63], 16.0f);
    if (bytes == 0) bytes = model->weights_bytes();
  }
  EXPECT_EQ(model->weights_bytes(), bytes);
}

}  // namespace
}  // namespace heddle
