// SPDX-License-Identifier: Apache-2.0
// What the library has to say goes where the program asks, and nowhere else.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "digits.h"
#include "support/model_builder.h"

namespace heddle {
namespace {

using Lines = std::vector<std::string>;

void Note(void* arg, heddle_log_level level, const char* text) {
  static_cast<Lines*>(arg)->push_back(std::to_string(level) + " " + text);
}

class LogSink : public ::testing::Test {
 protected:
  ~LogSink() override {
    heddle_status_free(heddle_log_set_sink(nullptr, nullptr, HEDDLE_LOG_INFO));
  }
  void Listen(heddle_log_level most) {
    EXPECT_TRUE(internal::Take(heddle_log_set_sink(&Note, &lines_, most)).ok());
  }

  Lines lines_;
};

// An image whose bytes stand for another range than it is declared for.
std::vector<std::byte> Misdeclared() {
  core::ModelBuilder b;
  core::Quantization quant = core::Quant(1.0f / 255, 0);
  quant.min = {0};
  quant.max = {1};
  const int x = b.Input("x", core::Type::kInt8, {1, 8}, quant);
  const int y = b.Make("y", core::Type::kInt8, {1, 8}, core::Quant(1.0f / 255, -128));
  b.Op(core::OpCode::kQUANTIZE, {x}, {y});
  b.Output(y);
  return b.Build();
}

TEST_F(LogSink, IsToldWhatHidesAMistakeInAFile) {
  const Engine engine;
  Listen(HEDDLE_LOG_WARNING);
  ASSERT_TRUE(engine.Load(testing::DigitsFile(true)).ok());
  EXPECT_EQ(lines_, Lines());
  ASSERT_TRUE(engine.LoadBytes(Misdeclared()).ok());
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_TRUE(lines_[0].starts_with("1 a model in memory: input 'x': declared as 0 to 1"))
      << lines_[0];
}

TEST_F(LogSink, IsToldNoMoreThanItAsksFor) {
  core::ModelBuilder b;
  const int image = b.Input("image", core::Type::kInt8, {1, 4, 4, 3}, core::Quant(1.0f));
  const int y = b.Make("y", core::Type::kInt8, {1, 4, 4, 3}, core::Quant(1.0f));
  b.Op(core::OpCode::kRELU, {image}, {y});
  b.Output(y);
  const Engine engine;
  Listen(HEDDLE_LOG_WARNING);
  ASSERT_TRUE(engine.LoadBytes(b.Build()).ok());
  EXPECT_EQ(lines_, Lines());
  Listen(HEDDLE_LOG_INFO);
  ASSERT_TRUE(engine.LoadBytes(b.Build()).ok());
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_TRUE(lines_[0].starts_with("2 a model in memory: input 'image'")) << lines_[0];
  const Status refused =
      internal::Take(heddle_log_set_sink(&Note, &lines_, static_cast<heddle_log_level>(7)));
  EXPECT_EQ(refused.code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace heddle
