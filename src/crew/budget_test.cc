// SPDX-License-Identifier: Apache-2.0
#include "crew/budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "base/testing/temp_tree.h"

namespace heddle::core {
namespace {

std::vector<int> FourCpus() { return {0, 1, 2, 3}; }

class BudgetReaderTest : public ::testing::Test {
 protected:
  BudgetReaderTest() {
    tree_.Write("proc/self/cgroup", "0::/a\n");
    tree_.Write("proc/self/mountinfo",
                "30 23 0:26 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw\n");
  }
  void Quota(const std::string& text) { tree_.Write("sys/fs/cgroup/a/cpu.max", text + "\n"); }
  void Siblings() {  // two cores of two threads
    for (const char* cpu : {"0", "1", "2", "3"})
      tree_.Write(std::string("sys/devices/system/cpu/cpu") + cpu + "/topology/core_cpus_list",
                  cpu[0] < '2' ? "0-1\n" : "2-3\n");
  }
  CoreBudget Read() { return BudgetReader(tree_.root(), &FourCpus).Read(); }

  TempTree tree_;
};

TEST_F(BudgetReaderTest, TheMaskWithoutAQuota) {
  for (const char* quota : {"max 100000", "400000 100000", "900000 100000"}) {
    Quota(quota);
    const CoreBudget budget = Read();
    EXPECT_EQ(budget.cores, 4) << quota;
    EXPECT_EQ(budget.apart, 4) << quota;
    EXPECT_EQ(budget.share, 0) << quota;
  }
}

// A core whose next call is still waking goes to a call more; a quota would stop both for it.
TEST_F(BudgetReaderTest, ATurnMoreThanCpusWhereNoQuotaBinds) {
  Quota("max 100000");
  EXPECT_EQ(Read().turns, 5);
  Quota("200000 100000");
  EXPECT_EQ(Read().turns, 2);
  Quota("50000 100000");
  EXPECT_EQ(Read().turns, 1);
}

TEST_F(BudgetReaderTest, WholeCoresAndAShare) {
  Quota("125000 50000");
  CoreBudget budget = Read();
  EXPECT_EQ(budget.cores, 2);
  EXPECT_EQ(budget.apart, 2);
  EXPECT_NEAR(budget.share, 0.5, 1e-9);
  EXPECT_EQ(budget.quota, 2.5);
  EXPECT_EQ(budget.period_ns, 50'000'000);
  Quota("300000 100000");
  budget = Read();
  EXPECT_EQ(budget.cores, 3);
  EXPECT_EQ(budget.share, 0);
}

// As many as there are CPUs can be used up; more cannot.
TEST_F(BudgetReaderTest, AQuotaIsToldWhereItCanBeUsedUp) {
  Quota("400000 100000");
  EXPECT_EQ(Read().quota, 4);
  EXPECT_EQ(Read().turns, 5);
  for (const char* more : {"max 100000", "410000 100000"}) {
    Quota(more);
    EXPECT_EQ(Read().quota, 0) << more;
  }
}

TEST_F(BudgetReaderTest, UnderOneCoreThereIsOneThreadAndNothingToShare) {
  Quota("50000 100000");
  tree_.Write("sys/fs/cgroup/a/cpu.stat", "nr_periods 10\nnr_throttled 3\nthrottled_usec 250\n");
  const CoreBudget budget = Read();
  EXPECT_EQ(budget.cores, 1);
  EXPECT_EQ(budget.share, 0);
  EXPECT_EQ(budget.throttling.throttled_periods, 3);
}

TEST_F(BudgetReaderTest, SiblingsAreRoomForCallsAndNotForHelp) {
  Siblings();
  CoreBudget budget = Read();
  EXPECT_EQ(budget.cores, 4);
  EXPECT_EQ(budget.apart, 2);
  Quota("150000 100000");
  budget = Read();
  EXPECT_EQ(budget.cores, 1);
  EXPECT_EQ(budget.apart, 1);
  EXPECT_NEAR(budget.share, 0.5, 1e-9) << "the second core is there for half of the time";
  Quota("250000 100000");
  budget = Read();
  EXPECT_EQ(budget.cores, 2);
  EXPECT_EQ(budget.apart, 2);
  EXPECT_EQ(budget.share, 0) << "a third would be a sibling";
}

// One who uses all that it may, in claims of 0.2 ms.
struct Used {
  int64_t all_ns = 0, most_in_a_period_ns = 0;
  int begun = 0;
};

Used UseAll(double share, int64_t period_ns, int64_t until_ns) {
  constexpr int64_t kClaimNs = 200'000;
  Allowance allowance;
  allowance.Set(share, period_ns);
  Used used;
  std::deque<int64_t> claims;  // begun in the period that ends now
  bool uses = false;
  for (int64_t now = 1'000'000'000; now < 1'000'000'000 + until_ns; now += kClaimNs) {
    while (!claims.empty() && claims.front() <= now - period_ns) claims.pop_front();
    const bool goes_on = uses ? allowance.MayGoOn(now) : allowance.MayBegin(now);
    if (goes_on) {
      used.begun += uses ? 0 : 1;
      claims.push_back(now);
      allowance.Charge(now + kClaimNs, kClaimNs);
      used.all_ns += kClaimNs;
    }
    uses = goes_on;
    used.most_in_a_period_ns =
        std::max(used.most_in_a_period_ns, static_cast<int64_t>(claims.size()) * kClaimNs);
  }
  return used;
}

TEST(Allowance, NoPeriodSeesMoreThanTheShare) {
  constexpr int64_t kTenSeconds = 10'000'000'000;
  for (const int64_t period : {20'000'000, 100'000'000}) {
    for (const double share : {0.1, 0.25, 0.5, 0.9}) {
      const Used used = UseAll(share, period, kTenSeconds);
      const double periods = static_cast<double>(kTenSeconds) / static_cast<double>(period);
      // One claim may be under way when it is spent.
      EXPECT_LE(used.most_in_a_period_ns,
                static_cast<int64_t>(share * static_cast<double>(period)) + 400'000)
          << share;
      const double part = static_cast<double>(used.all_ns) / static_cast<double>(kTenSeconds);
      EXPECT_GE(part, share - 0.06) << share;
      EXPECT_LE(used.begun, 22 * periods) << "it does not flutter, share " << share;
    }
  }
}

TEST(Allowance, LessThanItHoldsIsNothing) {
  for (const double share : {0.0, 0.04}) {
    Allowance allowance;
    allowance.Set(share, 100'000'000);
    EXPECT_FALSE(allowance.any());
    EXPECT_FALSE(allowance.MayBegin(1'000'000'000));
    EXPECT_FALSE(allowance.MayGoOn(1'000'000'000));
  }
}

}  // namespace
}  // namespace heddle::core
