// SPDX-License-Identifier: Apache-2.0
// A call that needs what another call is making waits no longer than its deadline and its cancel
// token let it, whatever that other call does.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <optional>
#include <thread>

#include "heddle/custom.h"
#include "stateful_models.h"

namespace heddle {
namespace {

using core::OpCode;
using core::Type;
using testing::ModelBuilder;

enum class At : uint8_t { kNever, kMake, kShapes, kRun };

// y = x. The first call that comes to a certain place stays there until it is let go.
class Staying final : public custom::PlainOperator {
 public:
  static Result<std::unique_ptr<Staying>> Make(const custom::Node&) {
    StayAt(At::kMake);
    return std::make_unique<Staying>();
  }
  Status Shapes(const custom::Node& node, std::span<heddle_shape> outputs) const override {
    StayAt(At::kShapes);
    const auto shape = node.input(0).shape();
    outputs[0].rank = static_cast<int32_t>(shape.size());
    std::copy(shape.begin(), shape.end(), outputs[0].dims);
    return Status();
  }
  Status Run(const custom::Node& node, const custom::Call& call) const override {
    StayAt(At::kRun);
    std::copy_n(call.input<float>(0), node.input(0).shape()[0], call.output<float>(0));
    return Status();
  }

  // One stay at a time.
  class Stay {
   public:
    explicit Stay(At where) {
      stay_ = this;
      where_ = where;
    }
    ~Stay() { LetGo(); }
    void AwaitArrival() { arrived_.wait(); }
    void LetGo() {
      if (!gone_) end_.count_down();
      gone_ = true;
    }

   private:
    friend class Staying;
    std::latch arrived_{1}, end_{1};
    bool gone_ = false;
  };

 private:
  static void StayAt(At here) {
    At expected = here;
    if (!where_.compare_exchange_strong(expected, At::kNever)) return;
    Stay& stay = *stay_;
    stay.arrived_.count_down();
    stay.end_.wait();
  }
  static inline std::atomic<At> where_{At::kNever};
  static inline Stay* stay_ = nullptr;
};

const std::vector<float> kOne = {1};

TensorView InputOf(const std::vector<float>& x) {
  TensorView view("x", x);
  view.rank = 1;
  view.dims[0] = static_cast<int32_t>(x.size());
  return view;
}

// Signature "main": y = Staying(x) + a variable, which an initialiser sets by Staying; "more":
// y = Staying(x).
std::vector<std::byte> StayingModel() {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1});
  const int handle = b.Make("handle", Type::kResource, {1});
  const int value = b.Make("value", Type::kFloat32, {1});
  const int same = b.Make("same", Type::kFloat32, {1});
  const int y = b.Make("y", Type::kFloat32, {1});
  b.Op(OpCode::kCALL_ONCE, {}, {}, core::SubgraphOptions{1, -1, {}});
  b.Op(OpCode::kVAR_HANDLE, {}, {handle}, testing::Named("weights"));
  b.Op(OpCode::kREAD_VARIABLE, {handle}, {value});
  b.CustomOp("Staying", {x}, {same}, {});
  b.Op(OpCode::kADD, {same, value}, {y}, core::BinaryOptions{});
  b.Output(y);
  b.Begin("init");
  const int start = b.Constant<float>("start", {1}, kOne);
  const int slowly = b.Make("slowly", Type::kFloat32, {1});
  const int theirs = b.Make("handle", Type::kResource, {1});
  b.CustomOp("Staying", {start}, {slowly}, {});
  b.Op(OpCode::kVAR_HANDLE, {}, {theirs}, testing::Named("weights"));
  b.Op(OpCode::kASSIGN_VARIABLE, {theirs, slowly}, {});
  b.Begin("more");
  const int in = b.Input("x", Type::kFloat32, {1});
  const int out = b.Make("y", Type::kFloat32, {1});
  b.CustomOp("Staying", {in}, {out}, {});
  b.Output(out);
  b.signatures = {{"main", 0, {{"x", x}}, {{"y", y}}}, {"more", 2, {{"x", in}}, {{"y", out}}}};
  return b.Build();
}

class Waiting : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(custom::Register<Staying>(engine_, "Staying", {.deterministic = false}).ok());
    auto loaded = engine_.LoadBytes(StayingModel());
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    model_.emplace(std::move(loaded).value());
  }

  Code Run(const char* signature, const std::vector<float>& x, RunOptions options) const {
    options.signature = signature;
    return model_->Run({InputOf(x)}, options).status().code();
  }

  // While `first` stays at `where`, calls that need what it makes give up, each for its own reason.
  // Then all goes on.
  template <class F>
  void ExpectCallsToGiveUp(At where, F first, const char* signature, const std::vector<float>& x) {
    Staying::Stay stay(where);
    std::thread stays([&] { EXPECT_EQ(first(), Code::kOk); });
    stay.AwaitArrival();
    RunOptions late, cancelled;
    late.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
    CancelToken token;
    cancelled.cancel = &token;
    auto one = std::async(std::launch::async, [&] { return Run(signature, x, late); });
    auto other = std::async(std::launch::async, [&] { return Run(signature, x, cancelled); });
    constexpr std::chrono::seconds kHung{10};
    EXPECT_EQ(one.wait_for(kHung), std::future_status::ready) << "for all its deadline";
    token.Cancel();
    EXPECT_EQ(other.wait_for(kHung), std::future_status::ready) << "for all its token";
    stay.LetGo();
    stays.join();
    EXPECT_EQ(one.get(), Code::kDeadlineExceeded);
    EXPECT_EQ(other.get(), Code::kCancelled);
    EXPECT_EQ(Run(signature, x, {}), Code::kOk);
  }

  const Engine engine_;
  std::optional<Model> model_;
};

TEST_F(Waiting, ForAnInitialiser) {
  ExpectCallsToGiveUp(At::kRun, [&] { return Run("main", kOne, {}); }, "main", kOne);
}

TEST_F(Waiting, ForAProgram) {
  ExpectCallsToGiveUp(At::kMake, [&] { return Run("more", kOne, {}); }, "more", kOne);
}

// Made by a call that takes no turn, so that the others have one.
TEST_F(Waiting, ForAPlan) {
  ASSERT_EQ(Run("more", kOne, {}), Code::kOk);
  const std::vector<float> three = {1, 2, 3};
  const auto plan = [&] {
    const TensorView x = InputOf(three);
    heddle_tensor shape{};
    shape.struct_size = sizeof(shape);
    return internal::Take(heddle_model_shape(model_->get(), "more", &x, 1, 0, &shape)).code();
  };
  ExpectCallsToGiveUp(At::kShapes, plan, "more", three);
}

}  // namespace
}  // namespace heddle
