// SPDX-License-Identifier: Apache-2.0
// Placement: which helpers are near a caller. CPUs are grouped by node, cluster and speed; each
// helper belongs to a group and stays on its CPUs.
#ifndef HEDDLE_CREW_PLACEMENT_H_
#define HEDDLE_CREW_PLACEMENT_H_

#include <span>
#include <vector>

#include "base/topology.h"

namespace heddle::core {

// Immutable.
class Placement {
 public:
  struct Group {
    std::vector<int> cpus;  // by id; empty: anywhere
    int node = 0, cluster = 0;
    int speed = 0;             // 0: the fastest kind
    std::vector<int> nearest;  // all groups in the order in which to ask them for help: those of
                               // the same node first, then the faster, then the own
  };

  Placement() : Placement(Topology()) {}  // one group, anywhere
  explicit Placement(const Topology& topology);

  int groups() const { return static_cast<int>(groups_.size()); }
  const Group& group(int g) const { return groups_[static_cast<size_t>(g)]; }
  // Threads that a group has use for, of `most`.
  int Capacity(int g, int most) const {
    return groups() == 1 ? most : static_cast<int>(group(g).cpus.size());
  }
  int GroupOf(int cpu) const {  // 0 for one that is in none
    return cpu >= 0 && static_cast<size_t>(cpu) < of_cpu_.size() ? of_cpu_[cpu] : 0;
  }

 private:
  std::vector<Group> groups_;
  std::vector<int> of_cpu_;
};

// Keeps the calling thread on these CPUs; where that cannot be, it stays where it is. A thread may
// have inherited the narrower mask of who started it.
void StayOn(std::span<const int> cpus);

}  // namespace heddle::core

#endif  // HEDDLE_CREW_PLACEMENT_H_
