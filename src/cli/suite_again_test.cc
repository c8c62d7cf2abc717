// SPDX-License-Identifier: Apache-2.0
#include "cli/suite_again.h"

#include <gtest/gtest.h>

#include "support/model_builder.h"

namespace heddle::cli {
namespace {

using core::ModelBuilder;
using core::OpCode;
using core::Type;

constexpr Again kAll = {true, true, true};

// y = op(x, operand), the number of rows left to the caller.
std::vector<std::byte> AnyRows(OpCode op, bool with_self, core::Options options) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1, 4});
  const int other = with_self ? x : b.Constant<int32_t>("axis", {}, {0});
  const int y = b.Make("y", Type::kFloat32, {1, 4});
  b.tensor(x).signature = b.tensor(y).signature = {-1, 4};
  b.Op(op, {x, other}, {y}, std::move(options));
  b.Output(y);
  return b.Build();
}

// A case of one call, its model read from a file as suites do.
class AgainTest : public ::testing::Test {
 protected:
  void Start(const std::vector<std::byte>& file) {
    path_ = ::testing::TempDir() + "again_" +
            ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".tflite";
    std::FILE* out = std::fopen(path_.c_str(), "wb");
    ASSERT_NE(out, nullptr);
    ASSERT_EQ(std::fwrite(file.data(), 1, file.size(), out), file.size());
    std::fclose(out);
    auto model = CaseModel::Load(engine_, path_, Numerics::kFast);
    ASSERT_TRUE(model.ok()) << model.status().message();
    model_ = std::make_unique<CaseModel>(std::move(*model));
    calls_ = std::move(*CallsOf(*model_, GoldenSet()));
    auto run = CaseRun::Open(*model_, 1);
    ASSERT_TRUE(run.ok()) << run.status().message();
    auto outputs = run->Run(calls_[0].ports, calls_[0].inputs);
    ASSERT_TRUE(outputs.ok()) << outputs.status().message();
    answer_ = AnswerOf(*outputs);
  }
  std::string Run(const Again& again) const {
    return RunAgain({engine_, path_, Numerics::kFast, *model_, calls_, {answer_}}, again);
  }

  const Engine engine_;
  std::string path_;
  std::unique_ptr<CaseModel> model_;
  std::vector<CaseCall> calls_;
  Answer answer_;
};

TEST_F(AgainTest, TheSameBitsEveryTime) {
  Start(AnyRows(OpCode::kADD, true, core::BinaryOptions{}));
  EXPECT_EQ(Run(kAll), "");
}

TEST_F(AgainTest, AnotherAnswerIsToldInEveryWay) {
  Start(AnyRows(OpCode::kADD, true, core::BinaryOptions{}));
  answer_[0].data[9] ^= std::byte{1};
  EXPECT_EQ(Run({.poisoned = true}),
            "run again in poisoned memory: call 0: output 0 has other bits from byte 9 of 16 on");
  EXPECT_EQ(Run({.threads = true}),
            "run again by 8 threads: call 0: output 0 has other bits from byte 9 of 16 on");
  EXPECT_TRUE(Run({.resized = true}).starts_with("run again resized: "));
  answer_[0].shape = {4};
  EXPECT_EQ(Run({.poisoned = true}),
            "run again in poisoned memory: call 0: output 0 is float32 1x4, was float32 4");
}

TEST(Again, WhatTakesLongIsLeftOut) {
  EXPECT_EQ(WhyNotAgain(61'000'000'000, kAll), "not run again: took 61.0 s");
  EXPECT_EQ(WhyNotAgain(59'000'000'000, kAll), "");
}

TEST_F(AgainTest, RowsThatDependOnOthersAreTold) {
  Start(AnyRows(OpCode::kCUMSUM, false, core::CumsumOptions{}));
  const std::string why = Run({.resized = true});
  EXPECT_TRUE(why.starts_with("run again resized: of 3 times the rows, output 0 has other bits"))
      << why;
}

}  // namespace
}  // namespace heddle::cli
