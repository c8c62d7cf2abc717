// SPDX-License-Identifier: Apache-2.0
// The control groups that this process is in: what they allow it, and how often they stopped it.
// Only read here; what follows from a limit is decided elsewhere.
#ifndef HEDDLE_BASE_CGROUP_H_
#define HEDDLE_BASE_CGROUP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace heddle::core {

struct CpuQuota {
  int64_t quota_us = 0;  // CPU time that a group has in each period; both are above zero
  int64_t period_us = 0;
  double cpus() const { return static_cast<double>(quota_us) / static_cast<double>(period_us); }
};

// Sums over the path, since each group was made: only differences between two readings mean
// anything.
struct CpuThrottling {
  int64_t periods = 0;
  int64_t throttled_periods = 0;
  int64_t throttled_ns = 0;  // added up over CPUs, so it may pass the time that went by
};

// Knows where the groups lie, from the own one up to the highest that the mounts show; each reading
// is fresh. Versions 1, 2 and both side by side. A file that is missing or makes no sense limits
// nothing. Immutable; thread-safe.
class Cgroup {
 public:
  // Files are looked for below `root`. A process that is moved to another group must look again.
  static Cgroup OfThisProcess(const std::string& root = "");

  std::optional<CpuQuota> ReadCpuQuota() const;    // the one that allows the fewest CPUs
  std::optional<int64_t> ReadMemoryLimit() const;  // the smallest, in bytes
  CpuThrottling ReadThrottling() const;

 private:
  struct Folder {  // with a slash at the end
    std::string path;
    bool v2;
  };
  std::vector<Folder> cpu_;
  std::vector<Folder> memory_;
};

}  // namespace heddle::core

#endif  // HEDDLE_BASE_CGROUP_H_
