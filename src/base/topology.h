// SPDX-License-Identifier: Apache-2.0
// Which CPUs there are and what they share, as /sys tells it.
#ifndef HEDDLE_BASE_TOPOLOGY_H_
#define HEDDLE_BASE_TOPOLOGY_H_

#include <span>
#include <string>
#include <vector>

namespace heddle::core {

// All but `id` are numbers 0, 1, ... of this Topology, given in the order of the CPUs.
struct Cpu {
  int id = 0;       // the system's number, as sched_setaffinity takes it
  int core = 0;     // CPUs with the same are SMT siblings
  int smt = 0;      // place among the siblings present; 0 is the first
  int cluster = 0;  // CPUs that share the last level of cache
  int package = 0;
  int node = 0;   // NUMA node
  int speed = 0;  // 0: the fastest kind of core, 1: the next, ...; all 0 where the system tells no
                  // difference

  bool operator==(const Cpu&) const = default;
};

struct Topology {
  std::vector<Cpu> cpus;  // by id
  int cores = 0;
  int clusters = 0;
  int packages = 0;
  int nodes = 0;
  int speeds = 0;  // more than one: a hybrid CPU
};

// CPUs that the process may run on, by id: the affinity mask of its main thread, or of the calling
// thread where that one has ended. Never empty.
std::vector<int> ProcessCpus();

// Never fails: where a file is missing or makes no sense, each CPU is a core of its own, in one
// package, node and cluster (one cluster per package), all equally fast. Files are looked for below
// `root`. Takes some file reads per CPU.
Topology ReadTopology(std::span<const int> cpus, const std::string& root = "");

}  // namespace heddle::core

#endif  // HEDDLE_BASE_TOPOLOGY_H_
