// SPDX-License-Identifier: Apache-2.0
#include "engine/context.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/model_builder.h"

namespace heddle::core {
namespace {

// Says what it is asked for, and does it.
class Asked final : public Executor {
 public:
  uint32_t Run(const Region& region) override {
    ++regions;
    return AloneExecutor().Run(region);
  }
  bool Pass(float ns) override {
    most_ns = std::max(most_ns, ns);
    return goes_on;
  }
  int regions = 0;
  float most_ns = 0;
  bool goes_on = true;
};

// -x of so many floats, twice.
class TwoSteps {
 public:
  explicit TwoSteps(int size) : x_(static_cast<size_t>(size), 2.0f), y_(x_) {
    ModelBuilder b;
    const Shape shape{size};
    const int x = b.Input("x", Type::kFloat32, shape);
    const int h = b.Make("h", Type::kFloat32, shape);
    const int y = b.Make("y", Type::kFloat32, shape);
    b.Op(OpCode::kNEG, {x}, {h});
    b.Op(OpCode::kNEG, {h}, {y});
    b.Output(y);
    ProgramOptions options;
    options.band_rows = false;  // else they are one
    auto program = Program::Compile(*Model::ReadBytes(b.Build()), 0, options,
                                    std::make_shared<WeightStore>(1 << 24));
    context_ = *Context::Make(*MakePlan(*program, {&shape, 1}), budget_);
    context_->SetInput(0, {x_.data(), x_.size() * sizeof(float)});
    context_->SetOutput(0, {y_.data(), y_.size() * sizeof(float)});
  }
  Status Run(Executor& executor) {
    y_.assign(y_.size(), 0);
    const RunControl control = RunControl().On(executor);
    HEDDLE_TRY(context_->Run(control, {}));
    EXPECT_EQ(x_, y_);
    return Status();
  }

 private:
  MemoryBudget budget_{~uint64_t{0}};
  std::vector<float> x_, y_;
  std::unique_ptr<Context> context_;
};

TEST(Context, TheExecutorRunsWhatOthersMayHelpWith) {
  TwoSteps steps(1 << 20);
  Asked executor;
  EXPECT_TRUE(steps.Run(executor).ok());
  EXPECT_EQ(executor.regions, 2);
}

TEST(Context, SmallStepsAreOnlyToldOf) {
  TwoSteps steps(100);
  Asked executor;
  for (int run = 0; run < 100'000 && executor.most_ns == 0; ++run)
    ASSERT_TRUE(steps.Run(executor).ok());
  EXPECT_GT(executor.most_ns, 0);
  EXPECT_LT(executor.most_ns, kLongestClaimNs);
  EXPECT_EQ(executor.regions, 0);
  executor.goes_on = false;
  Status status;
  for (int run = 0; run < 100'000 && status.ok(); ++run) status = steps.Run(executor);
  EXPECT_EQ(status.code(), Code::kInternal) << status.c_str();
}

}  // namespace
}  // namespace heddle::core
