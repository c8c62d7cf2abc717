// SPDX-License-Identifier: Apache-2.0
#include "engine/background.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <latch>
#include <stdexcept>
#include <vector>

namespace heddle::core {
namespace {

constexpr std::chrono::seconds kLong{60};  // for what never takes as long

TEST(Background, JobsRunInTurnAndOneThatThrowsHoldsUpNobody) {
  std::vector<int> order;
  Background background;
  for (int i = 0; i < 5; ++i) {
    background.Post([&order, i](const std::atomic<bool>&) {
      order.push_back(i);
      if (i == 2) throw std::runtime_error("no");
    });
  }
  background.Finish(kLong);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(Background, ItBeginsAgainAfterItHadNothingToDo) {
  Background background;
  for (int i = 0; i < 20; ++i) {
    std::latch done(1);
    background.Post([&](const std::atomic<bool>&) { done.count_down(); });
    done.wait();
  }
  background.Finish(kLong);
}

TEST(Background, WhatDoesNotEndInTimeIsToldToStop) {
  bool second = false;
  {
    Background background;
    background.Post([](const std::atomic<bool>& stop) {
      while (!stop.load()) {
      }
    });
    background.Post([&](const std::atomic<bool>&) { second = true; });
    background.Finish(std::chrono::nanoseconds(1));
    background.Post([&](const std::atomic<bool>&) { second = true; });
  }
  EXPECT_FALSE(second) << "nothing is begun after the end";
}

TEST(Background, ItsThreadYieldsToOthersAndTakesNoSignals) {
  int priority = 0;
  bool blocked = false;
  Background background;
  background.Post([&](const std::atomic<bool>&) {
    priority = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGXFSZ) == 1;
  });
  background.Finish(kLong);
  EXPECT_EQ(priority, 19);
  EXPECT_TRUE(blocked);
}

// The thread that works for the parent does not exist there.
TEST(Background, AChildForkedMeanwhileEndsAndHasItsOwn) {
#ifdef HEDDLE_EMULATED
  GTEST_SKIP() << "the emulator ends a forked child that starts threads";
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "ThreadSanitizer ends a forked child that starts threads";
#endif
#endif
  std::latch begun(1), forked(1);
  std::atomic<bool> done = false;
  Background& parents = Background::OfProcess();
  parents.Post([&](const std::atomic<bool>&) {
    begun.count_down();
    forked.wait();
    done = true;
  });
  begun.wait();
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    bool ran = false;
    Background& own = Background::OfProcess();
    own.Post([&](const std::atomic<bool>&) { ran = true; });
    own.Finish(kLong);
    _exit(ran && &own != &parents ? 0 : 1);
  }
  forked.count_down();
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  std::latch after(1);
  parents.Post([&](const std::atomic<bool>&) { after.count_down(); });
  after.wait();
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace heddle::core
