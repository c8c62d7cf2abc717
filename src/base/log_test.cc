// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace heddle::core {
namespace {

class LogTest : public testing::Test {
 protected:
  ~LogTest() override { SetLogSink(nullptr); }

  void Listen(LogLevel most) {
    SetLogSink(
        [this](LogLevel level, std::string_view text) {
          lines_.push_back(std::to_string(static_cast<int>(level)) + " " + std::string(text));
        },
        most);
  }
  std::vector<std::string> lines_;
};

TEST_F(LogTest, LevelsAndText) {
  Listen(LogLevel::kWarning);
  Log(LogLevel::kWarning, "a {}", "warning");
  Log(LogLevel::kWarning, "{} warnings", 2);
  Log(LogLevel::kInfo, "not asked for");
  EXPECT_EQ(lines_, (std::vector<std::string>{"1 a warning", "1 2 warnings"}));
  SetLogSink(nullptr);
  Log(LogLevel::kWarning, "nobody listens");
  EXPECT_EQ(lines_.size(), 2u);
}

TEST_F(LogTest, NeverPrints) {
  SetLogSink(nullptr);
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  Log(LogLevel::kWarning, "quiet");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(LogTest, ASinkThatLogsDoesNotRecur) {
  int calls = 0;
  SetLogSink([&calls](LogLevel, std::string_view) {
    ++calls;
    Log(LogLevel::kWarning, "from inside");
  });
  Log(LogLevel::kWarning, "from outside");
  Log(LogLevel::kWarning, "again");
  EXPECT_EQ(calls, 2);
}

TEST_F(LogTest, SinkRunsInOneThreadAtATimeAndEndsWithItsReplacement) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&stop] {
      while (!stop) Log(LogLevel::kInfo, "x");
    });
  }
  std::atomic<int> inside = 0, most_inside = 0;
  for (int round = 0; round < 200; ++round) {
    auto alive = std::make_unique<std::atomic<bool>>(true);
    SetLogSink([&, flag = alive.get()](LogLevel, std::string_view) {
      if (++inside > 1 || !*flag) ++most_inside;
      --inside;
    });
    Log(LogLevel::kInfo, "y");
    SetLogSink(nullptr);
    *alive = false;
    alive.reset();  // a late call would read freed memory
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most_inside, 0);
}

// Forks while another thread is inside the sink: the child must be able to log.
TEST_F(LogTest, ChildCanLog) {
  std::atomic<bool> stop = false;
  std::atomic<int> calls = 0;
  SetLogSink([&calls](LogLevel, std::string_view) { ++calls; });
  std::thread thread([&stop] {
    while (!stop) Log(LogLevel::kInfo, "x");
  });
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    EXPECT_GE(child, 0);
    if (child == 0) {
      alarm(20);  // a child that hangs is killed
      const int before = calls;
      Log(LogLevel::kInfo, "in the child");
      _exit(calls == before + 1 ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0)
        << "round " << round << " " << status;
  }
  stop = true;
  thread.join();
}

}  // namespace
}  // namespace heddle::core
