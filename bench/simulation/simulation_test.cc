// SPDX-License-Identifier: Apache-2.0
// The simulation ends, says the same again, and breaks none of the crew's promises.
#include <gtest/gtest.h>

#include "scenarios.h"

namespace heddle::bench {
namespace {

constexpr Load kLoad{"test", 6, 24, 2'000};

Outcome Simulated(int cores, int callers, const Rules& rules, uint32_t seed) {
  const Machine machine{cores, cores > 8 ? 2 : 1, {}};
  return CrewModel(machine, rules, kLoad, {callers, 3 * callers, 2'000}, seed).Run();
}

TEST(VirtualTime, EventsComeInOrderAndAlarmsOnce) {
  VirtualTime time;
  std::vector<int> seen;
  Alarm alarm;
  struct Until {
    VirtualTime& time;
    Alarm& alarm;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> h) {
      time.ResumeAt(50, h, &alarm);
      time.ResumeAt(20, h, &alarm);  // brought forward
    }
    void await_resume() const {}
  };
  const auto sleeper = [&](int64_t ns, int name) -> Activity {
    co_await time.Sleep(ns);
    seen.push_back(name);
  };
  const auto alarmed = [&]() -> Activity {
    co_await Until{time, alarm};
    seen.push_back(static_cast<int>(time.NowNs()));
    co_await time.Sleep(100);
    seen.push_back(static_cast<int>(time.NowNs()));
  };
  time.Spawn(sleeper(30, 3));
  time.Spawn(sleeper(10, 1));
  time.Spawn(sleeper(10, 2));
  time.Spawn(alarmed());
  time.RunUntil(1'000);
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 20, 3, 120}));
}

TEST(Machine, ALineIsCheapOnlyWhereItIs) {
  const Machine machine{4, 2, {}};
  const Costs& c = machine.costs;
  Line line;
  int64_t now = line.Write(machine, 0, 0);
  EXPECT_EQ(line.Write(machine, 0, now), now + c.local);
  now += c.local;
  EXPECT_EQ(line.Write(machine, 1, now), now + c.transfer);
  // Two that ask at once are served one after the other.
  EXPECT_EQ(line.Write(machine, 2, now), now + c.transfer + c.far_transfer);
  now += 10'000;
  EXPECT_EQ(line.Read(machine, 3, now), now + c.transfer);
  EXPECT_EQ(line.Read(machine, 3, now), now);
  EXPECT_EQ(line.Write(machine, 2, now + c.serve), now + c.serve + c.transfer);
}

class EachVariant : public testing::TestWithParam<Variant> {};
INSTANTIATE_TEST_SUITE_P(Simulation, EachVariant, testing::ValuesIn(Variants()),
                         [](const auto& info) { return "v" + std::to_string(info.index); });

TEST_P(EachVariant, EndsWithItsPromisesKept) {
  for (const int cores : {1, 2, 7, 64, 192}) {
    for (const int callers : {1, 2, 64, 300}) {
      SCOPED_TRACE(testing::Message() << cores << " cores, " << callers << " callers");
      const Outcome o = Simulated(cores, callers, GetParam().rules, 5);
      EXPECT_EQ(o.calls, 3 * callers);
      EXPECT_EQ(o.compute, o.calls * kLoad.work_ns());
      EXPECT_EQ(o.wrong_tiles, 0);
      EXPECT_LE(o.most_active, cores);
      // One claim per helper while the gate closes.
      EXPECT_LE(o.most_computing, 2 * cores);
      EXPECT_EQ(o.turns_waited > 0, callers > cores);
      EXPECT_GE(o.ends.back() * cores, o.compute);
    }
  }
}

TEST_P(EachVariant, SaysTheSameOfTheSameSeed) {
  const Outcome a = Simulated(64, 40, GetParam().rules, 5);
  const Outcome b = Simulated(64, 40, GetParam().rules, 5);
  const Outcome c = Simulated(64, 40, GetParam().rules, 6);
  EXPECT_EQ(a.trace, b.trace);
  EXPECT_EQ(a.latencies, b.latencies);
  EXPECT_NE(a.trace, c.trace);
}

TEST(Simulation, OneCallerOnOneCoreIsTheWork) {
  const Outcome o = Simulated(1, 1, Rules{}, 5);
  EXPECT_EQ(o.wakes, 0);
  EXPECT_LT(o.latencies.back(), kLoad.work_ns() + 4'000);
}

TEST(Simulation, HelpersHelp) {
  const Outcome o = Simulated(8, 1, Rules{}, 5);
  EXPECT_GT(o.wakes, 0);
  EXPECT_LT(o.latencies.front(), kLoad.work_ns());
}

// What docs/performance_crew.md says of calls of a millisecond and more.
TEST(Simulation, CallersOnEveryCoreLoseNothing) {
  for (const Machine& machine : Machines()) {
    for (const int callers : {machine.cores, 1000}) {
      const Load load = Loads()[1];
      const Traffic traffic = TrafficOf(callers);
      const Outcome o = CrewModel(machine, Rules{}, load, traffic, 5).Run();
      EXPECT_GE(ScoreOf(machine, load, traffic, o).throughput, 0.95);
    }
  }
}

// What it says of many cores for one caller.
TEST(Simulation, BoundedHelpIsMoreHelp) {
  const Machine machine = Machines()[1];
  const Load load = Loads()[2];
  const Traffic traffic = TrafficOf(1);
  const auto throughput = [&](const Variant& variant) {
    const Outcome o = CrewModel(machine, variant.rules, load, traffic, 5).Run();
    return ScoreOf(machine, load, traffic, o).throughput;
  };
  EXPECT_GT(throughput(Variants()[1]), 3 * throughput(Variants()[0]));
}

TEST(Simulation, FirstComeFirstServed) {
  const Outcome o = Simulated(2, 64, Rules{}, 5);
  // Everyone waits for the same number of others, but those who come first.
  EXPECT_LT(o.latencies.back(), o.latencies[o.latencies.size() / 2] * 3 / 2);
}

}  // namespace
}  // namespace heddle::bench
