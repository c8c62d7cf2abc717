// SPDX-License-Identifier: Apache-2.0
#include "base/topology.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <numeric>
#include <thread>

#include "base/testing/temp_tree.h"

namespace heddle::core {
namespace {

using Ints = std::vector<int>;

Ints FirstCpus(int n) {
  Ints cpus(n);
  std::iota(cpus.begin(), cpus.end(), 0);
  return cpus;
}

Ints Column(const Topology& topology, int Cpu::* field) {
  Ints values;
  for (const Cpu& cpu : topology.cpus) values.push_back(cpu.*field);
  return values;
}

class FakeSys {
 public:
  const std::string& root() const { return tree_.root(); }
  void Device(const std::string& name, const std::string& text) {
    tree_.Write("sys/devices/" + name, text + "\n");
  }
  void Cpu(int cpu, const std::string& name, const std::string& text) {
    Device(fmt::format("system/cpu/cpu{}/{}", cpu, name), text);
  }
  void Cache(int cpu, int index, int level, const std::string& shared) {
    Cpu(cpu, fmt::format("cache/index{}/level", index), std::to_string(level));
    Cpu(cpu, fmt::format("cache/index{}/shared_cpu_list", index), shared);
  }

 private:
  TempTree tree_;
};

// Two packages, each a node, of two cores with two threads; the siblings are numbered 4 apart.
void WriteServer(FakeSys& sys) {
  for (int cpu = 0; cpu < 8; ++cpu) {
    const int first = cpu % 4, package = first / 2;
    sys.Cpu(cpu, "topology/core_cpus_list", fmt::format("{},{}", first, first + 4));
    sys.Cpu(cpu, "topology/physical_package_id", std::to_string(package * 7));
    sys.Cache(cpu, 0, 1, fmt::format("{},{}", first, first + 4));
    sys.Cache(cpu, 1, 2, fmt::format("{},{}", first, first + 4));
    sys.Cache(cpu, 2, 3, package == 0 ? "0-1,4-5" : "2-3,6-7");
  }
  sys.Device("system/node/online", "0,2");
  sys.Device("system/node/node0/cpulist", "0-1,4-5");
  sys.Device("system/node/node2/cpulist", "2-3,6-7");
}

TEST(ReadTopology, TwoPackagesWithSmt) {
  FakeSys sys;
  WriteServer(sys);
  const Topology t = ReadTopology(FirstCpus(8), sys.root());
  EXPECT_EQ(Column(t, &Cpu::id), FirstCpus(8));
  EXPECT_EQ(Column(t, &Cpu::core), (Ints{0, 1, 2, 3, 0, 1, 2, 3}));
  EXPECT_EQ(Column(t, &Cpu::smt), (Ints{0, 0, 0, 0, 1, 1, 1, 1}));
  EXPECT_EQ(Column(t, &Cpu::package), (Ints{0, 0, 1, 1, 0, 0, 1, 1}));
  EXPECT_EQ(Column(t, &Cpu::node), (Ints{0, 0, 1, 1, 0, 0, 1, 1}));
  EXPECT_EQ(Column(t, &Cpu::cluster), (Ints{0, 0, 1, 1, 0, 0, 1, 1}));
  EXPECT_EQ(t.cores, 4);
  EXPECT_EQ(t.packages, 2);
  EXPECT_EQ(t.nodes, 2);
  EXPECT_EQ(t.clusters, 2);
  EXPECT_EQ(t.speeds, 1);
}

TEST(ReadTopology, OnlyTheCpusOfTheMask) {
  FakeSys sys;
  WriteServer(sys);
  const Topology t = ReadTopology(Ints{7, 3, 5}, sys.root());
  EXPECT_EQ(Column(t, &Cpu::id), (Ints{3, 5, 7}));
  EXPECT_EQ(Column(t, &Cpu::core), (Ints{0, 1, 0}));
  EXPECT_EQ(Column(t, &Cpu::smt), (Ints{0, 0, 1}));  // CPU 5's sibling is not ours
  EXPECT_EQ(Column(t, &Cpu::node), (Ints{0, 1, 0}));
  EXPECT_EQ(t.cores, 2);
}

TEST(ReadTopology, SeveralClustersInAPackage) {
  FakeSys sys;
  for (int cpu = 0; cpu < 4; ++cpu) {
    sys.Cpu(cpu, "topology/physical_package_id", "0");
    sys.Cache(cpu, 0, 1, std::to_string(cpu));
    sys.Cache(cpu, 1, 3, cpu < 2 ? "0-1" : "2-3");  // the highest level need not stand last
    sys.Cache(cpu, 2, 2, std::to_string(cpu));
  }
  const Topology t = ReadTopology(FirstCpus(4), sys.root());
  EXPECT_EQ(Column(t, &Cpu::cluster), (Ints{0, 0, 1, 1}));
  EXPECT_EQ(t.packages, 1);
}

TEST(ReadTopology, OldKernelsNameOfSiblings) {
  FakeSys sys;
  for (int cpu = 0; cpu < 4; ++cpu) {
    sys.Cpu(cpu, "topology/thread_siblings_list", cpu < 2 ? "0-1" : "2-3");
  }
  EXPECT_EQ(Column(ReadTopology(FirstCpus(4), sys.root()), &Cpu::core), (Ints{0, 0, 1, 1}));
}

TEST(ReadTopology, IntelHybrid) {
  FakeSys sys;
  sys.Device("cpu_core/cpus", "2-3");
  sys.Device("cpu_atom/cpus", "0-1");
  for (int cpu = 0; cpu < 4; ++cpu) {  // favoured cores are no kind of their own
    sys.Cpu(cpu, "cpu_capacity", std::to_string(1000 + cpu));
  }
  const Topology t = ReadTopology(FirstCpus(4), sys.root());
  EXPECT_EQ(Column(t, &Cpu::speed), (Ints{1, 1, 0, 0}));
  EXPECT_EQ(t.speeds, 2);
  // A mask that has only one kind.
  const Topology atoms = ReadTopology(Ints{0, 1}, sys.root());
  EXPECT_EQ(Column(atoms, &Cpu::speed), (Ints{0, 0}));
  EXPECT_EQ(atoms.speeds, 1);
}

TEST(ReadTopology, ArmCapacities) {
  FakeSys sys;
  const Ints capacities = {250, 250, 700, 1024};
  for (int cpu = 0; cpu < 4; ++cpu) sys.Cpu(cpu, "cpu_capacity", std::to_string(capacities[cpu]));
  const Topology t = ReadTopology(FirstCpus(4), sys.root());
  EXPECT_EQ(Column(t, &Cpu::speed), (Ints{2, 2, 1, 0}));
  EXPECT_EQ(t.speeds, 3);
}

TEST(ReadTopology, NothingToRead) {
  FakeSys sys;
  const Topology t = ReadTopology(FirstCpus(3), sys.root());
  EXPECT_EQ(Column(t, &Cpu::core), (Ints{0, 1, 2}));
  EXPECT_EQ(Column(t, &Cpu::cluster), (Ints{0, 0, 0}));
  EXPECT_EQ(t.cores, 3);
  EXPECT_EQ(t.packages, 1);
  EXPECT_EQ(t.nodes, 1);
  EXPECT_EQ(t.clusters, 1);
  EXPECT_EQ(t.speeds, 1);
  EXPECT_TRUE(ReadTopology({}, sys.root()).cpus.empty());
}

TEST(ReadTopology, Garbage) {
  FakeSys sys;
  for (int cpu = 0; cpu < 3; ++cpu) {
    sys.Cpu(cpu, "topology/core_cpus_list",
            cpu == 0 ? "0-" : "7-9");  // the second names others only
    sys.Cpu(cpu, "topology/physical_package_id", "-");
    sys.Cache(cpu, 0, 1, "");
    sys.Cpu(cpu, "cpu_capacity", cpu == 1 ? "fast" : "1024");
  }
  sys.Device("system/node/online", "0-1");
  sys.Device("system/node/node0/cpulist", "x");
  sys.Device("system/node/node1/cpulist", "");
  sys.Device("cpu_core/cpus", "");
  const Topology t = ReadTopology(FirstCpus(3), sys.root());
  const Topology none = ReadTopology(FirstCpus(3), sys.root() + "/none");
  EXPECT_EQ(t.cpus, none.cpus);
}

TEST(ProcessCpus, IsTheMaskOfTheMainThread) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  Ints expected;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) expected.push_back(cpu);
  }
  Ints seen;
  std::thread([&] {  // a thread that binds itself narrows only itself
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(expected.back(), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
    seen = ProcessCpus();
  })
      .join();
  EXPECT_EQ(seen, expected);
}

TEST(ReadTopology, ThisMachineMakesSense) {
  const Ints cpus = ProcessCpus();
  const Topology t = ReadTopology(cpus);
  EXPECT_EQ(Column(t, &Cpu::id), cpus);
  const auto dense = [&](int Cpu::* field, int count) {
    Ints values = Column(t, field);
    EXPECT_EQ(*std::max_element(values.begin(), values.end()), count - 1);
  };
  dense(&Cpu::core, t.cores);
  dense(&Cpu::cluster, t.clusters);
  dense(&Cpu::package, t.packages);
  dense(&Cpu::node, t.nodes);
  dense(&Cpu::speed, t.speeds);
}

}  // namespace
}  // namespace heddle::core
