// SPDX-License-Identifier: Apache-2.0
#include "crew/placement.h"

#include <sched.h>

#include <algorithm>
#include <numeric>
#include <tuple>

namespace heddle::core {
namespace {

bool SameGroup(const Placement::Group& g, const Cpu& cpu) {
  return g.node == cpu.node && g.cluster == cpu.cluster && g.speed == cpu.speed;
}

std::vector<int> NearestOf(const std::vector<Placement::Group>& groups, int own) {
  std::vector<int> order(groups.size());
  std::iota(order.begin(), order.end(), 0);
  const Placement::Group& home = groups[static_cast<size_t>(own)];
  const auto key = [&](int g) {
    const Placement::Group& group = groups[static_cast<size_t>(g)];
    return std::tuple(group.node != home.node, group.speed, g != own, g);
  };
  std::sort(order.begin(), order.end(), [&](int a, int b) { return key(a) < key(b); });
  return order;
}

}  // namespace

Placement::Placement(const Topology& topology) {
  for (const Cpu& cpu : topology.cpus) {
    auto at = std::find_if(groups_.begin(), groups_.end(),
                           [&](const Group& g) { return SameGroup(g, cpu); });
    if (at == groups_.end()) at = groups_.insert(at, {{}, cpu.node, cpu.cluster, cpu.speed, {}});
    at->cpus.push_back(cpu.id);
    of_cpu_.resize(std::max(of_cpu_.size(), static_cast<size_t>(cpu.id) + 1));
    of_cpu_[static_cast<size_t>(cpu.id)] = static_cast<int>(at - groups_.begin());
  }
  if (groups_.empty()) groups_.emplace_back();
  for (int g = 0; g < groups(); ++g)
    groups_[static_cast<size_t>(g)].nearest = NearestOf(groups_, g);
}

void StayOn(std::span<const int> cpus) {
  cpu_set_t wanted, now;
  CPU_ZERO(&wanted);
  for (const int cpu : cpus)
    if (cpu < CPU_SETSIZE) CPU_SET(cpu, &wanted);
  constexpr pid_t kThisThread = 0;
  if (CPU_COUNT(&wanted) == 0) return;
  // A mask that was never set follows a cpuset that grows.
  if (sched_getaffinity(kThisThread, sizeof(now), &now) == 0 && CPU_EQUAL(&now, &wanted)) return;
  sched_setaffinity(kThisThread, sizeof(wanted), &wanted);
}

}  // namespace heddle::core
