// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace heddle::core {
namespace {

TEST(SystemClock, IsTheSteadyClock) {
  const auto steady = [] {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  const int64_t before = steady();
  const int64_t now = SystemClock().NowNs();
  const int64_t after = steady();
  EXPECT_LE(before, now);
  EXPECT_LE(now, after);
}

TEST(ThreadCpuClock, CountsWhatThisThreadComputes) {
  const int64_t before = ThreadCpuClock().NowNs();
  int64_t others = -1;
  std::thread([&] { others = ThreadCpuClock().NowNs(); }).join();
  EXPECT_GE(others, 0);
  while (ThreadCpuClock().NowNs() < before + 1'000'000) {  // only computing gets it there
  }
  EXPECT_GE(ThreadCpuClock().NowNs(), before + 1'000'000);
}

TEST(FakeClock, MovesOnlyByHand) {
  FakeClock clock(7);
  EXPECT_EQ(clock.NowNs(), 7);
  EXPECT_EQ(clock.NowNs(), 7);
  clock.Advance(3);
  EXPECT_EQ(clock.NowNs(), 10);
}

TEST(FakeClock, LosesNoAdvanceOfAnyThread) {
  FakeClock clock;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&clock] {
      for (int i = 0; i < 10000; ++i) clock.Advance(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(clock.NowNs(), 40000);
}

}  // namespace
}  // namespace heddle::core
