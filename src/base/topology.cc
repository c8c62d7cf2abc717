// SPDX-License-Identifier: Apache-2.0
#include "base/topology.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/parse.h"

namespace heddle::core {
namespace {

constexpr size_t kMaxText = 1 << 16;

// Below /sys/devices.
class Devices {
 public:
  explicit Devices(const std::string& root) : folder_(root + "/sys/devices/") {}

  std::optional<std::string> Text(const std::string& name) const {
    Result<std::string> text = ReadText(folder_ + name, kMaxText);
    if (!text.ok()) return std::nullopt;
    return std::string(Trim(*text));
  }
  std::optional<int64_t> Int(const std::string& name) const {
    const auto text = Text(name);
    return text ? ParseInt(*text) : std::nullopt;
  }
  // The list that the file holds, none if empty.
  std::optional<std::vector<int>> Cpus(const std::string& name) const {
    const auto text = Text(name);
    auto cpus = text ? ParseCpuList(*text) : std::nullopt;
    return cpus && !cpus->empty() ? cpus : std::nullopt;
  }

 private:
  std::string folder_;
};

// What CPUs with the same value share.
using Key = int64_t;

// Sibling lists name all CPUs, also those outside our mask: the first one stands for the set.
std::optional<Key> FirstOf(const Devices& devices, const std::string& name, int cpu) {
  const auto cpus = devices.Cpus(name);
  if (!cpus || !std::binary_search(cpus->begin(), cpus->end(), cpu)) return std::nullopt;
  return cpus->front();
}

Key CoreKey(const Devices& devices, int cpu) {
  const std::string folder = fmt::format("system/cpu/cpu{}/topology/", cpu);
  // The second is the name that kernels before 5.3 have.
  for (const char* name : {"core_cpus_list", "thread_siblings_list"}) {
    if (const auto first = FirstOf(devices, folder + name, cpu)) return *first;
  }
  return cpu;
}

Key PackageKey(const Devices& devices, int cpu) {
  // -1 where the system does not know.
  return devices.Int(fmt::format("system/cpu/cpu{}/topology/physical_package_id", cpu))
      .value_or(-1);
}

// The first of the CPUs that share the highest level of cache.
std::optional<Key> ClusterKey(const Devices& devices, int cpu) {
  constexpr int kMaxCaches = 16;
  int64_t highest = 0;
  std::optional<Key> key;
  for (int i = 0; i < kMaxCaches; ++i) {
    const std::string folder = fmt::format("system/cpu/cpu{}/cache/index{}/", cpu, i);
    const auto level = devices.Int(folder + "level");
    if (!level) break;
    if (*level <= highest) continue;
    if (const auto first = FirstOf(devices, folder + "shared_cpu_list", cpu)) {
      highest = *level;
      key = first;
    }
  }
  return key;
}

std::map<int, Key> NodeKeys(const Devices& devices) {
  std::map<int, Key> keys;
  const auto nodes = devices.Cpus("system/node/online");  // the same notation
  if (!nodes) return keys;
  for (int node : *nodes) {
    const auto cpus = devices.Cpus(fmt::format("system/node/node{}/cpulist", node));
    if (!cpus) continue;  // memory without CPUs
    for (int cpu : *cpus) keys[cpu] = node;
  }
  return keys;
}

// A value per CPU, the larger the faster. Intel lists its kinds of cores as devices; other systems
// tell a capacity.
std::map<int, int64_t> Speeds(const Devices& devices, std::span<const int> cpus) {
  std::map<int, int64_t> speeds;
  const auto performance = devices.Cpus("cpu_core/cpus");
  if (performance) {
    for (int cpu : cpus) {
      speeds[cpu] = std::binary_search(performance->begin(), performance->end(), cpu);
    }
    return speeds;
  }
  for (int cpu : cpus) {
    const auto capacity = devices.Int(fmt::format("system/cpu/cpu{}/cpu_capacity", cpu));
    if (!capacity) return {};  // of some CPUs only: nothing to compare
    speeds[cpu] = *capacity;
  }
  return speeds;
}

// Gives the numbers 0, 1, ... in the order of the CPUs; returns how many there are.
int Number(std::vector<Cpu>& cpus, int Cpu::* field, const std::function<Key(const Cpu&)>& key) {
  std::map<Key, int> numbers;
  for (Cpu& cpu : cpus) {
    cpu.*field = numbers.try_emplace(key(cpu), static_cast<int>(numbers.size())).first->second;
  }
  return static_cast<int>(numbers.size());
}

int NumberSpeeds(std::vector<Cpu>& cpus, const std::map<int, int64_t>& speeds) {
  if (speeds.empty()) return 1;
  std::set<int64_t, std::greater<>> values;
  for (const auto& [cpu, speed] : speeds) values.insert(speed);
  for (Cpu& cpu : cpus) {
    cpu.speed = static_cast<int>(std::distance(values.begin(), values.find(speeds.at(cpu.id))));
  }
  return static_cast<int>(values.size());
}

void NumberSiblings(Topology& topology) {
  std::vector<int> seen(topology.cores, 0);
  for (Cpu& cpu : topology.cpus) cpu.smt = seen[cpu.core]++;
}

std::optional<std::vector<int>> AffinityOf(pid_t thread) {
  for (int cpus = CPU_SETSIZE; cpus <= 1 << 20; cpus *= 2) {  // EINVAL: the kernel knows more CPUs
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(cpus),
                                                               [](cpu_set_t* s) { CPU_FREE(s); });
    const size_t bytes = CPU_ALLOC_SIZE(cpus);
    if (set == nullptr) return std::nullopt;
    if (sched_getaffinity(thread, bytes, set.get()) == 0) {
      std::vector<int> ids;
      for (int cpu = 0; cpu < cpus; ++cpu) {
        if (CPU_ISSET_S(cpu, bytes, set.get())) ids.push_back(cpu);
      }
      return ids;
    }
    if (errno != EINVAL) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::vector<int> ProcessCpus() {
  constexpr pid_t kCallingThread = 0;
  for (pid_t thread : {getpid(), kCallingThread}) {
    auto cpus = AffinityOf(thread);
    if (cpus && !cpus->empty()) return *std::move(cpus);
  }
  return {0};
}

Topology ReadTopology(std::span<const int> cpus, const std::string& root) {
  const Devices devices(root);
  Topology topology;
  std::vector<int> ids(cpus.begin(), cpus.end());
  std::sort(ids.begin(), ids.end());
  for (int id : ids) topology.cpus.push_back({.id = id});

  topology.cores =
      Number(topology.cpus, &Cpu::core, [&](const Cpu& cpu) { return CoreKey(devices, cpu.id); });
  NumberSiblings(topology);
  topology.packages = Number(topology.cpus, &Cpu::package,
                             [&](const Cpu& cpu) { return PackageKey(devices, cpu.id); });
  topology.clusters = Number(topology.cpus, &Cpu::cluster, [&](const Cpu& cpu) {
    // Below zero: apart from all numbers of CPUs.
    return ClusterKey(devices, cpu.id).value_or(-1 - cpu.package);
  });
  const std::map<int, Key> nodes = NodeKeys(devices);
  topology.nodes = Number(topology.cpus, &Cpu::node, [&](const Cpu& cpu) {
    const auto node = nodes.find(cpu.id);
    return node != nodes.end() ? node->second : 0;
  });
  topology.speeds = NumberSpeeds(topology.cpus, Speeds(devices, ids));
  return topology;
}

}  // namespace heddle::core
