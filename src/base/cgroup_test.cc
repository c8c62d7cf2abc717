// SPDX-License-Identifier: Apache-2.0
#include "base/cgroup.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/testing/temp_tree.h"

namespace heddle::core {
namespace {

class CgroupTest : public testing::Test {
 protected:
  // The two files that tell where the groups are.
  void Places(const std::string& cgroup, const std::string& mountinfo) {
    tree_.Write("proc/self/cgroup", cgroup);
    tree_.Write("proc/self/mountinfo", "22 1 0:21 / /proc rw,nosuid - proc proc rw\n" + mountinfo);
  }
  void V2(const std::string& path) {
    Places("0::" + path + "\n",
           "30 23 0:26 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw\n");
  }
  void V1(const std::string& path) {
    Places("9:memory:" + path + "\n4:cpu,cpuacct:" + path + "\n1:name=systemd:/x\n",
           "31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct\n"
           "32 25 0:28 / /sys/fs/cgroup/memory rw shared:11 master:3 - cgroup cgroup rw,memory\n"
           "33 25 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n");
  }
  void Write(const std::string& name, const std::string& text) {
    tree_.Write("sys/fs/cgroup/" + name, text + "\n");
  }
  void QuotaV1(const std::string& folder, const std::string& quota, const std::string& period) {
    Write(folder + "/cpu.cfs_quota_us", quota);
    Write(folder + "/cpu.cfs_period_us", period);
  }
  Cgroup Find() { return Cgroup::OfThisProcess(tree_.root()); }
  double Cpus() {  // -1: no quota
    const auto quota = Find().ReadCpuQuota();
    return quota ? quota->cpus() : -1;
  }

  TempTree tree_;
};

TEST_F(CgroupTest, V2TakesTheTightestOfThePath) {
  V2("/a/b/c");
  Write("a/b/c/cpu.max", "max 100000");
  Write("a/b/cpu.max", "150000 100000");
  Write("a/cpu.max", "40000 20000");
  Write("a/b/c/memory.max", "max");
  Write("a/b/memory.max", "1073741824");
  Write("a/memory.max", "536870912");
  Write("other/cpu.max", "1000 100000");
  EXPECT_DOUBLE_EQ(Cpus(), 1.5);
  EXPECT_EQ(Find().ReadCpuQuota()->quota_us, 150000);
  EXPECT_EQ(Find().ReadCpuQuota()->period_us, 100000);
  EXPECT_EQ(Find().ReadMemoryLimit(), 536870912);
}

TEST_F(CgroupTest, V2OwnGroupCounts) {
  V2("/a/b");
  Write("a/b/cpu.max", "25000 100000");
  Write("a/cpu.max", "400000 100000");
  EXPECT_DOUBLE_EQ(Cpus(), 0.25);
}

// What a container with a cgroup namespace sees.
TEST_F(CgroupTest, V2RootOfANamespace) {
  V2("/");
  Write("cpu.max", "200000 100000");
  Write("memory.max", "1000000");
  EXPECT_DOUBLE_EQ(Cpus(), 2);
  EXPECT_EQ(Find().ReadMemoryLimit(), 1000000);
}

TEST_F(CgroupTest, V1TakesTheTightestOfThePath) {
  V1("/docker/abc");
  QuotaV1("cpu,cpuacct/docker/abc", "-1", "100000");
  QuotaV1("cpu,cpuacct/docker", "50000", "100000");
  QuotaV1("cpu,cpuacct", "-1", "100000");
  QuotaV1("cpuset/docker/abc", "1000", "100000");  // another hierarchy
  Write("memory/docker/abc/memory.limit_in_bytes", "2000000");
  Write("memory/docker/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_DOUBLE_EQ(Cpus(), 0.5);
  EXPECT_EQ(Find().ReadMemoryLimit(), 2000000);
}

// A container without a cgroup namespace: the mount's root is the group itself.
TEST_F(CgroupTest, V1MountOfAnInnerGroup) {
  Places("4:cpu,cpuacct:/docker/abc/inner\n",
         "31 25 0:27 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n");
  QuotaV1("cpu", "300000", "100000");
  QuotaV1("cpu/inner", "200000", "100000");
  EXPECT_DOUBLE_EQ(Cpus(), 2);
}

TEST_F(CgroupTest, MountThatDoesNotShowThePath) {
  Places("4:cpu:/docker/abcdef\n",
         "31 25 0:27 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
  QuotaV1("cpu", "300000", "100000");
  QuotaV1("cpu/def", "100000", "100000");  // only a prefix of the name
  EXPECT_DOUBLE_EQ(Cpus(), 3);
  V2("/../sibling");
  Write("cpu.max", "100000 100000");
  Write("../sibling/cpu.max", "1000 100000");
  EXPECT_DOUBLE_EQ(Cpus(), 1);
}

TEST_F(CgroupTest, TheMountThatShowsThePathIsTaken) {
  Places("0::/a/b\n",
         "30 23 0:26 /x /mnt/x rw - cgroup2 cgroup2 rw\n"
         "31 23 0:26 / /mnt/all\\040groups rw - cgroup2 cgroup2 rw\n");
  tree_.Write("mnt/x/cpu.max", "100000 100000\n");
  tree_.Write("mnt/all groups/a/cpu.max", "700000 100000\n");
  EXPECT_DOUBLE_EQ(Cpus(), 7);
}

TEST_F(CgroupTest, HybridTakesTheTightestOfBoth) {
  Places("4:cpu:/old\n5:memory:/\n0::/new\n",
         "31 25 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
         "32 25 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
         "33 25 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  QuotaV1("cpu/old", "300000", "100000");
  Write("memory/memory.limit_in_bytes", "5000");
  EXPECT_DOUBLE_EQ(Cpus(), 3);
  EXPECT_EQ(Find().ReadMemoryLimit(), 5000);
  Write("unified/new/cpu.max", "200000 100000");
  Write("unified/new/memory.max", "4000");
  EXPECT_DOUBLE_EQ(Cpus(), 2);
  EXPECT_EQ(Find().ReadMemoryLimit(), 4000);
}

TEST_F(CgroupTest, MissingFilesLimitNothing) {
  EXPECT_EQ(Cpus(), -1);  // no /proc
  EXPECT_EQ(Find().ReadMemoryLimit(), std::nullopt);
  EXPECT_EQ(Find().ReadThrottling().periods, 0);
  V2("/a");  // no /sys
  EXPECT_EQ(Cpus(), -1);
  V1("/a");
  Write("cpu,cpuacct/a/cpu.cfs_quota_us", "100000");  // no period
  EXPECT_EQ(Cpus(), -1);
  tree_.Remove("proc/self/mountinfo");
  EXPECT_EQ(Cpus(), -1);
}

TEST_F(CgroupTest, GarbageLimitsNothing) {
  V2("/a");
  for (const char* text :
       {"", "max", "100000", "x 100000", "100000 x", "0 100000", "-5 100000", "100000 0",
        "100000 -1", "1 2 3", "99999999999999999999 100000", "100000,100000"}) {
    Write("a/cpu.max", text);
    EXPECT_EQ(Cpus(), -1) << text;
  }
  for (const char* text : {"", "x", "-1", "12kB", "99999999999999999999"}) {
    Write("a/memory.max", text);
    EXPECT_EQ(Find().ReadMemoryLimit(), std::nullopt) << text;
  }
  Write("a/cpu.max", "100000 100000");
  for (const char* text :
       {"", "::", "0:", "0::", "0::relative", "no colon", "0:/a", "4:cpuset:/a"}) {
    tree_.Write("proc/self/cgroup", text);
    EXPECT_EQ(Cpus(), -1) << text;
  }
  tree_.Write("proc/self/cgroup", "junk\n0::/a\n");
  EXPECT_DOUBLE_EQ(Cpus(), 1);
  for (const char* text : {"", "-", "- cgroup2 cgroup2 rw", "30 23 0:26 / /sys/fs/cgroup rw -",
                           "30 23 0:26 / /sys/fs/cgroup rw cgroup2 cgroup2 rw"}) {
    tree_.Write("proc/self/mountinfo", text);
    EXPECT_EQ(Cpus(), -1) << text;
  }
}

TEST_F(CgroupTest, ReadingsAreFresh) {
  V2("/a");
  Write("a/cpu.max", "100000 100000");
  const Cgroup cgroup = Find();
  EXPECT_DOUBLE_EQ(cgroup.ReadCpuQuota()->cpus(), 1);
  Write("a/cpu.max", "250000 100000");
  EXPECT_DOUBLE_EQ(cgroup.ReadCpuQuota()->cpus(), 2.5);
}

TEST_F(CgroupTest, ThrottlingOfBothVersions) {
  V2("/a/b");
  Write("a/b/cpu.stat", "usage_usec 77\nnr_periods 10\nnr_throttled 3\nthrottled_usec 250");
  Write("a/cpu.stat", "nr_periods 5\nnr_throttled 1\nthrottled_usec 50\nnr_bursts 9");
  CpuThrottling throttling = Find().ReadThrottling();
  EXPECT_EQ(throttling.periods, 15);
  EXPECT_EQ(throttling.throttled_periods, 4);
  EXPECT_EQ(throttling.throttled_ns, 300000);

  V1("/a");
  Write("cpu,cpuacct/a/cpu.stat", "nr_periods 8\nnr_throttled 2\nthrottled_time 1234");
  throttling = Find().ReadThrottling();
  EXPECT_EQ(throttling.periods, 8);
  EXPECT_EQ(throttling.throttled_periods, 2);
  EXPECT_EQ(throttling.throttled_ns, 1234);
}

TEST_F(CgroupTest, ThrottlingOfGarbage) {
  V2("/a");
  Write("a/cpu.stat", "nr_periods x\nnr_throttled\nthrottled_usec -4\n\nnr_periods 1 2");
  CpuThrottling throttling = Find().ReadThrottling();
  EXPECT_EQ(throttling.periods, 0);
  EXPECT_EQ(throttling.throttled_periods, 0);
  EXPECT_EQ(throttling.throttled_ns, 0);
  Write("a/cpu.stat", "throttled_usec 9223372036854775807\nnr_periods 9223372036854775807");
  Write("cpu.stat", "nr_periods 1");
  throttling = Find().ReadThrottling();
  EXPECT_EQ(throttling.throttled_ns, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(throttling.periods, std::numeric_limits<int64_t>::max());
}

TEST(Cgroup, ThisMachineMakesSense) {
  const Cgroup cgroup = Cgroup::OfThisProcess();
  if (const auto quota = cgroup.ReadCpuQuota()) {
    EXPECT_GT(quota->cpus(), 0);
  }
  if (const auto limit = cgroup.ReadMemoryLimit()) {
    EXPECT_GT(*limit, 1 << 20);
  }
}

}  // namespace
}  // namespace heddle::core
