// SPDX-License-Identifier: Apache-2.0
#include "crew/placement.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace heddle::core {
namespace {

using Ints = std::vector<int>;

Cpu At(int id, int cluster, int node, int speed = 0) {
  Cpu cpu;
  cpu.id = cpu.core = id;
  cpu.cluster = cluster;
  cpu.node = cpu.package = node;
  cpu.speed = speed;
  return cpu;
}

TEST(Placement, NothingKnownIsOneGroup) {
  const Placement placement;
  EXPECT_EQ(placement.groups(), 1);
  EXPECT_EQ(placement.Capacity(0, 17), 17);
  EXPECT_EQ(placement.GroupOf(5), 0);
  EXPECT_EQ(placement.group(0).nearest, Ints{0});
}

// Two nodes of two clusters each.
TEST(Placement, OwnClusterThenOwnNode) {
  Topology t;
  for (int cpu = 0; cpu < 8; ++cpu) t.cpus.push_back(At(cpu, cpu / 2, cpu / 4));
  const Placement placement(t);
  ASSERT_EQ(placement.groups(), 4);
  EXPECT_EQ(placement.group(2).cpus, (Ints{4, 5}));
  EXPECT_EQ(placement.GroupOf(5), 2);
  EXPECT_EQ(placement.GroupOf(99), 0);
  EXPECT_EQ(placement.Capacity(2, 100), 2);
  EXPECT_EQ(placement.group(0).nearest, (Ints{0, 1, 2, 3}));
  EXPECT_EQ(placement.group(1).nearest, (Ints{1, 0, 2, 3}));
  EXPECT_EQ(placement.group(3).nearest, (Ints{3, 2, 0, 1}));
}

// Kinds of cores that share a cache: the fast ones help first, whoever calls.
TEST(Placement, FastCoresFirst) {
  Topology t;
  for (int cpu = 0; cpu < 4; ++cpu) t.cpus.push_back(At(cpu, 0, 0, cpu < 2 ? 1 : 0));
  const Placement placement(t);
  ASSERT_EQ(placement.groups(), 2);
  EXPECT_EQ(placement.group(0).speed, 1);
  EXPECT_EQ(placement.group(0).nearest, (Ints{1, 0}));
  EXPECT_EQ(placement.group(1).nearest, (Ints{1, 0}));
}

TEST(StayOn, BindsTheCallingThreadWhereItCan) {
  const Ints cpus = ProcessCpus();
  std::thread([&] {
    StayOn(Ints{cpus.back()});
    cpu_set_t now;
    ASSERT_EQ(sched_getaffinity(0, sizeof(now), &now), 0);
    EXPECT_EQ(CPU_COUNT(&now), 1);
    EXPECT_TRUE(CPU_ISSET(static_cast<size_t>(cpus.back()), &now));
    StayOn(cpus);  // what it inherited is widened
    ASSERT_EQ(sched_getaffinity(0, sizeof(now), &now), 0);
    EXPECT_EQ(CPU_COUNT(&now), static_cast<int>(cpus.size()));
    StayOn({});
    StayOn(Ints{CPU_SETSIZE + 1});
    ASSERT_EQ(sched_getaffinity(0, sizeof(now), &now), 0);
    EXPECT_EQ(CPU_COUNT(&now), static_cast<int>(cpus.size()));
  }).join();
}

}  // namespace
}  // namespace heddle::core
