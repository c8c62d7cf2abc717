// SPDX-License-Identifier: Apache-2.0
// The Governor in virtual time, on machines that are shared fairly.
#include "crew/governor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>

namespace heddle::core {
namespace {

constexpr int64_t kMs = 1'000'000, kSecond = 1000 * kMs;

// A caller with as many helpers as the Governor lets it have, beside other threads.
class Machine {
 public:
  Machine(int cores, uint32_t seed) : cores_(cores), governor_(cores - 1), rng_(seed) {}

  // Until `until_ns`, in steps of a millisecond; `others` threads run beside at each time.
  void Run(int64_t until_ns, const std::function<int(int64_t)>& others) {
    std::uniform_real_distribution<double> noise(0, 0.02);
    for (; now_ns_ < until_ns; now_ns_ += kMs) {
      const int helpers = governor_.cap();
      const int threads = 1 + helpers + others(now_ns_);
      const double kept = std::max(0.0, 1 - static_cast<double>(cores_) / threads);
      cap_ns_ += static_cast<int64_t>(helpers) * kMs;
      const int64_t there = helpers * kMs;
      if (helpers == 0)
        governor_.Look(now_ns_);
      else
        governor_.Note(now_ns_, there,
                       static_cast<int64_t>((kept + noise(rng_)) * static_cast<double>(there)));
    }
  }
  Governor& governor() { return governor_; }
  int64_t now_ns() const { return now_ns_; }
  // Helpers at a time, on average, since this was last asked.
  double HelpersSince(int64_t ns) {
    const double average = static_cast<double>(cap_ns_) / static_cast<double>(now_ns_ - ns);
    cap_ns_ = 0;
    return average;
  }
  std::string Trace() const {
    std::string text;
    for (const Governor::Change& c : governor_.Trace())
      text += std::to_string(c.at_ns / kMs) + " ms: " + std::to_string(c.cap) + " (lost " +
              std::to_string(static_cast<int>(100 * c.lost)) + " %)\n";
    return text;
  }

 private:
  const int cores_;
  Governor governor_;
  std::mt19937 rng_;
  int64_t now_ns_ = kSecond, cap_ns_ = 0;
};

uint32_t Seed() {
  const char* given = std::getenv("HEDDLE_SEED");
  return given != nullptr ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : 1;
}

TEST(Governor, ALoneHiccupIsNothing) {
  Governor governor(3);
  governor.Note(kSecond, 2 * kMs, 2 * kMs);  // everything was lost, but that is too little to tell
  EXPECT_EQ(governor.cap(), 3);
  governor.Note(kSecond + Governor::kWindowNs, 100 * kMs, 0);
  EXPECT_EQ(governor.cap(), 3);
}

// As many as it takes, less one; the last ends at `until`.
void NoteBadWindows(Governor& governor, int64_t until_ns, int64_t lost_ns) {
  for (int i = Governor::kSureWindows - 1; i > 0; --i)
    governor.Note(until_ns - (i - 1) * Governor::kWindowNs, 10 * kMs, lost_ns);
}

TEST(Governor, BadWindowsAreNotYetALoad) {
  Governor governor(3);
  int64_t now = kSecond;
  for (int i = 0; i < 10; ++i) {
    NoteBadWindows(governor, now += 2 * Governor::kWindowNs, 3 * kMs);
    governor.Note(now += Governor::kWindowNs, 10 * kMs, 0);
    ASSERT_EQ(governor.cap(), 3);
  }
}

// 1 % of a core for others, all that a core has for 3 ms at a time.
TEST(Governor, ASliceNowAndThenCostsNothing) {
  SCOPED_TRACE(Seed());
  std::mt19937 random(Seed());
  std::uniform_int_distribution<int64_t> pause(1, 600);
  int64_t begin = kSecond;
  const auto others = [&](int64_t now) {
    if (now > begin + 3 * kMs) begin = now + pause(random) * kMs;
    return now >= begin ? 1000 : 0;
  };
  Machine machine(2, Seed());
  machine.Run(21 * kSecond, others);
  EXPECT_GE(machine.HelpersSince(kSecond), 0.96) << machine.Trace();
}

TEST(Governor, HalvesUnderLoad) {
  Governor governor(8);
  int64_t now = kSecond;
  NoteBadWindows(governor, now, kMs);
  EXPECT_EQ(governor.cap(), 8);
  for (const int cap : {4, 2, 1, 0}) {
    now += Governor::kWindowNs;
    governor.Note(now, 10 * kMs, kMs);
    EXPECT_EQ(governor.cap(), cap);
  }
}

TEST(Governor, AFailedProbeIsTakenBack) {
  Governor governor(8);
  NoteBadWindows(governor, kSecond - Governor::kWindowNs, 2 * kMs);
  governor.Note(kSecond, 10 * kMs, 2 * kMs);
  ASSERT_EQ(governor.cap(), 4);
  int64_t now = kSecond + 2 * Governor::kLeastPauseNs;
  governor.Look(now);
  ASSERT_EQ(governor.cap(), 5);
  now += Governor::kWindowNs;
  governor.Note(now, 10 * kMs, 2 * kMs);
  EXPECT_EQ(governor.cap(), 4) << "not 2: four were fine";
  governor.Look(now + 4 * Governor::kLeastPauseNs - 1);
  EXPECT_EQ(governor.cap(), 4) << "the pause has grown";
  governor.Look(now + 4 * Governor::kLeastPauseNs);
  EXPECT_EQ(governor.cap(), 5);
}

TEST(Governor, BetweenTheLimitsNothingMoves) {
  Governor governor(8);
  NoteBadWindows(governor, kSecond - Governor::kWindowNs, 2 * kMs);
  governor.Note(kSecond, 10 * kMs, 2 * kMs);
  int64_t now = kSecond + 2 * Governor::kLeastPauseNs;
  governor.Look(now);
  ASSERT_EQ(governor.cap(), 5);
  for (int i = 0; i < 100; ++i) {
    now += Governor::kWindowNs;
    governor.Note(now, 1000 * kMs, 37 * kMs);
    ASSERT_EQ(governor.cap(), 5) << "neither proven nor to blame";
  }
}

TEST(Governor, ABudgetThatChangesMovesTheCap) {
  Governor governor(3);
  governor.SetMost(7);
  EXPECT_EQ(governor.cap(), 7);
  NoteBadWindows(governor, kSecond - Governor::kWindowNs, 2 * kMs);
  governor.Note(kSecond, 10 * kMs, 2 * kMs);
  ASSERT_EQ(governor.cap(), 3);
  governor.SetMost(20);
  EXPECT_EQ(governor.cap(), 3);
  governor.SetMost(1);
  EXPECT_EQ(governor.cap(), 1);
}

// Under a load that stays the cap stays near what is free, and probes get rare.
TEST(Governor, SettlesUnderALoadThatStays) {
  for (const auto& [cores, others] : {std::pair(2, 2), std::pair(8, 4), std::pair(64, 40)}) {
    Machine machine(cores, Seed());
    const auto steady = [n = others](int64_t) { return n; };
    machine.Run(6 * kSecond, steady);
    machine.HelpersSince(0);
    const uint64_t moves = machine.governor().moves();
    machine.Run(26 * kSecond, steady);
    EXPECT_LE(machine.governor().moves() - moves, 2u * 20 + 2) << machine.Trace();
    const int free = std::max(0, cores - 1 - others);
    const double helpers = machine.HelpersSince(6 * kSecond);
    EXPECT_GE(helpers, 0.8 * free) << machine.Trace();
    EXPECT_LE(helpers, 1.2 * free + 0.1) << machine.Trace();
  }
}

TEST(Governor, ComesBackWhenTheLoadHasGone) {
  for (const int cores : {2, 8, 64}) {
    Machine machine(cores, Seed());
    machine.Run(10 * kSecond, [&](int64_t) { return cores; });
    EXPECT_LE(machine.governor().cap(), 1) << machine.Trace();
    const int64_t gone = machine.now_ns();
    machine.Run(gone + 4 * kSecond, [](int64_t) { return 0; });
    EXPECT_GE(machine.governor().cap(), std::min(8, cores - 1)) << machine.Trace();
    machine.Run(gone + 8 * kSecond, [](int64_t) { return 0; });
    EXPECT_EQ(machine.governor().cap(), cores - 1) << machine.Trace();
  }
}

// A load that comes and goes: the cap moves up and down once in the longest pause, or once with
// the load and then for as long as the pauses grow.
TEST(Governor, DoesNotOscillate) {
  SCOPED_TRACE(Seed());
  for (const int64_t period :
       {4, 10, 30, 50, 70, 100, 150, 200, 250, 300, 400, 500, 700, 1000, 3000, 10'000}) {
    for (const int cores : {2, 8}) {
      Machine machine(cores, Seed());
      const auto others = [&](int64_t now) { return now / kMs % period < period / 2 ? cores : 0; };
      machine.Run(6 * kSecond, others);
      const uint64_t moves = machine.governor().moves();
      machine.Run(36 * kSecond, others);
      const double per_second = static_cast<double>(machine.governor().moves() - moves) / 30;
      EXPECT_LE(per_second, 4) << "a load every " << period << " ms, " << cores << " cores\n"
                               << machine.Trace();
    }
  }
}

// One that changes slowly is followed.
TEST(Governor, FollowsSlowLoads) {
  Machine machine(4, Seed());
  const auto others = [](int64_t now) { return now / kSecond % 20 < 10 ? 4 : 0; };
  machine.Run(10 * kSecond, others);
  machine.HelpersSince(0);
  machine.Run(20 * kSecond, others);
  EXPECT_GE(machine.HelpersSince(10 * kSecond), 2.5) << machine.Trace();
  machine.Run(30 * kSecond, others);
  EXPECT_LE(machine.HelpersSince(20 * kSecond), 0.3) << machine.Trace();
}

TEST(Governor, TheTraceKeepsTheLatest) {
  Machine machine(2, Seed());
  machine.Run(10 * kSecond, [](int64_t) { return 2; });
  const auto trace = machine.governor().Trace();
  ASSERT_FALSE(trace.empty());
  EXPECT_EQ(trace.back().cap, machine.governor().cap());
  EXPECT_EQ(trace.front().cap, 0);
  EXPECT_GT(trace.front().lost, Governor::kTooMuch);
  EXPECT_TRUE(std::is_sorted(trace.begin(), trace.end(),
                             [](const auto& a, const auto& b) { return a.at_ns < b.at_ns; }));
}

}  // namespace
}  // namespace heddle::core
