// SPDX-License-Identifier: Apache-2.0
// All that may happen to a Crew, by chance and at once.
#include <gtest/gtest.h>

#include <random>

#include "crew/crew.h"
#include "crew/crew_for_test.h"

namespace heddle::core {
namespace {

// Time that goes by a hundred times as fast: budgets are read every few milliseconds, turns are
// given up and starve all along.
class FastClock final : public Clock {
 public:
  explicit FastClock(const Clock& clock) : clock_(clock) {}
  int64_t NowNs() const override { return 100 * clock_.NowNs(); }

 private:
  const Clock& clock_;
};

// A budget of the moment: cores, siblings among them, spare turns and a share of one core more.
struct Budgets {
  std::mt19937 rng;
  int last = 1;
  std::atomic<int> rises{0}, falls{0}, readings{0};
  std::atomic<bool> settled{false};

  CoreBudget Read() {
    const uint32_t random = rng();
    CoreBudget budget(settled ? 1 : 1 + static_cast<int>(random % 6));
    rises += budget.cores > last;
    falls += budget.cores < last;
    ++readings;
    last = budget.cores;
    if (settled) return budget;
    budget.apart = std::max(1, budget.cores - static_cast<int>(random / 8 % 3));
    budget.turns += static_cast<int>(random / 32 % 2);
    budget.share = random / 64 % 3 == 0 ? 0.5 : 0;
    budget.period_ns = 10'000'000;
    return budget;
  }
};

class Stress {
 public:
  Stress(uint32_t seed, bool governed) : seed_(seed) {
    budgets_.rng.seed(seed);
    Crew::Options options = Budget(1).Options(6);
    options.read_budget = [this] { return budgets_.Read(); };
    options.clock = &clock_;
    options.thread_cpu = governed ? &cpu_clock_ : &clock_;
    crew_ = std::make_unique<Crew>(std::move(options));
  }

  void Run() {
    std::vector<std::thread> callers;
    for (uint32_t c = 0; c < 6; ++c) callers.emplace_back([this, c] { CallOften(c); });
    for (std::thread& caller : callers) caller.join();
  }

  void ExpectThatAllHappened() const {
    const CrewCounters c = crew_->counters();
    EXPECT_GE(budgets_.rises, kChanges);
    EXPECT_GE(budgets_.falls, kChanges);
    EXPECT_GT(nested_, 0);
    EXPECT_GT(stopped_, 0);
    EXPECT_GT(given_up_, 0);
    EXPECT_GT(task_regions_, 0);
    EXPECT_GT(c.shared_regions, 0u);
    EXPECT_GT(c.waits_for_turn, 0u);
    EXPECT_GT(c.yields, 0u);
  }

  // No turn and no room under a cap was lost, and every thread sleeps.
  void ExpectThatAllIsFree() {
    budgets_.settled = true;
    for (CoreCap* cap : {&caps_[0], &caps_[1], &caps_[2], static_cast<CoreCap*>(nullptr)}) {
      EXPECT_TRUE(Comes([&] {
        const Turn turn(*crew_, Priority::kLow, cap, kInAMinute);
        return turn.held() && crew_->budget() == 1;
      }));
    }
    EXPECT_TRUE(Turn(*crew_, Priority::kNormal, Turn::IfFree()).held());
    EXPECT_TRUE(Comes([&] { return crew_->counters().asleep == crew_->counters().threads; }));
  }

 private:
  static constexpr int kChanges = 3;  // of the budget, up and down
  static constexpr int kCalls = 100, kMostCalls = 10'000;
  static inline const int64_t end_ns_ = SystemClock().NowNs() + 60'000'000'000;
  static constexpr Turn::GoOn kInAMinute{
      [](const void* end) { return SystemClock().NowNs() < *static_cast<const int64_t*>(end); },
      &end_ns_};

  bool Changed() const { return budgets_.rises >= kChanges && budgets_.falls >= kChanges; }

  void CallOften(uint32_t caller) {
    std::mt19937 rng(seed_ * 100 + caller);
    std::vector<std::unique_ptr<FunctionTask>> tasks;
    for (int call = 0; call < kCalls || (!Changed() && call < kMostCalls); ++call) {
      CoreCap* const cap = rng() % 2 == 0 ? &caps_[rng() % 3] : nullptr;
      const auto priority = static_cast<Priority>(rng() % kPriorities);
      if (rng() % 4 == 0) tasks.push_back(PostOne(priority, cap, rng));
      if (!tasks.empty() && rng() % 4 == 0) TakeBack(*tasks.back());
      std::atomic<int> looks = static_cast<int>(rng() % 4);
      const Turn::GoOn gives_up{
          [](const void* arg) {
            return (*static_cast<std::atomic<int>*>(const_cast<void*>(arg)))-- > 0;
          },
          rng() % 4 == 0 ? &looks : nullptr};
      Turn turn(*crew_, priority, cap, gives_up);
      given_up_ += !turn.held();
      for (int r = 0; turn.held() && gives_up.arg == nullptr && r < 20; ++r) RunOne(turn, rng);
    }
    while (tasks_left_ > 0) std::this_thread::yield();
  }

  std::unique_ptr<FunctionTask> PostOne(Priority priority, CoreCap* cap, std::mt19937& rng) {
    ++tasks_left_;
    auto task = std::make_unique<FunctionTask>([this, seed = rng()](Turn& turn) {
      std::mt19937 own(seed);
      for (int r = 0; r < 10; ++r, ++task_regions_) RunOne(turn, own);
      --tasks_left_;
    });
    crew_->Post(*task, priority, cap);
    return task;
  }

  // As one who waits for it does.
  void TakeBack(FunctionTask& task) {
    Turn turn(*crew_, task);
    if (turn.held()) task.Run(turn);
  }

  // One region with what may befall it.
  void RunOne(Turn& turn, std::mt19937& rng) {
    Work work(1 + rng() % 300);
    const uint32_t fate = rng() % 8;
    if (fate == 0) work.fails_at = rng() % work.times.size();
    if (fate == 1) work.stops_at = rng() % work.times.size();
    const bool nested = rng() % 8 == 0;
    const Region region = work.AsRegion(static_cast<float>(1 << rng() % 20));
    const uint32_t code =
        nested ? Turn(*crew_, Priority::kLow, nullptr).Run(region) : turn.Run(region);
    nested_ += nested;
    stopped_ += code == kRegionStopped;
    if (fate == 1) {
      EXPECT_TRUE(code == kRegionStopped || (code == 0 && work.EachOnce())) << code;
      return;
    }
    EXPECT_EQ(code, fate == 0 ? static_cast<uint32_t>(work.fails_at) + 1 : 0);
    EXPECT_TRUE(fate == 0 || work.EachOnce());
  }

  const uint32_t seed_;
  const FastClock clock_{SystemClock()}, cpu_clock_{ThreadCpuClock()};
  Budgets budgets_;
  CoreCap caps_[3] = {CoreCap(1), CoreCap(2), CoreCap(3)};
  std::atomic<int> tasks_left_{0}, task_regions_{0};
  std::atomic<int> nested_{0}, stopped_{0}, given_up_{0};
  std::unique_ptr<Crew> crew_;
};

// Random callers, tiles, costs, priorities, caps, failures, cancellations of waits and of regions,
// nested turns, posted tasks and those that are taken back, while the budget goes up and down.
TEST(Crew, SeededStress) {
  const uint32_t seed = Seed();
  for (const bool governed : {false, true}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", governed " << governed);
    Stress stress(seed, governed);
    stress.Run();
    if (!governed) stress.ExpectThatAllHappened();
    stress.ExpectThatAllIsFree();
  }
}

}  // namespace
}  // namespace heddle::core
