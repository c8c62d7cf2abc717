// SPDX-License-Identifier: Apache-2.0
#include "base/cgroup.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>

#include "base/file.h"
#include "base/parse.h"

namespace heddle::core {
namespace {

constexpr size_t kMaxText = 1 << 22;  // /proc/self/mountinfo grows with the number of mounts

// One line of /proc/self/cgroup.
struct Membership {
  std::string_view controllers;  // "cpu,cpuacct"; empty: version 2
  std::string_view path;
};

// A cgroup file system, of one line of /proc/self/mountinfo.
struct Mount {
  std::string group;   // the group that the mount shows as its root
  std::string folder;  // where
  std::string_view options;
  bool v2;
};

std::optional<std::string> Text(const std::string& path) {
  Result<std::string> text = ReadText(path, kMaxText);
  if (!text.ok()) return std::nullopt;
  return *std::move(text);
}

std::optional<int64_t> Int(const std::string& path) {
  const auto text = Text(path);
  return text ? ParseInt(*text) : std::nullopt;
}

bool ListHas(std::string_view list, std::string_view word) {
  for (size_t at = 0; at <= list.size();) {
    const size_t comma = std::min(list.find(',', at), list.size());
    if (list.substr(at, comma - at) == word) return true;
    at = comma + 1;
  }
  return false;
}

// mountinfo writes blanks and backslashes of a path as \040: three octal digits.
std::string Unescape(std::string_view text) {
  const auto digit = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '7'; };
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<Membership> ParseMemberships(std::string_view text) {
  std::vector<Membership> memberships;
  for (std::string_view line : SplitLines(text)) {  // "4:cpu,cpuacct:/path", "0::/path"
    const size_t first = line.find(':');
    if (first == std::string_view::npos) continue;
    const size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos || line.substr(second + 1, 1) != "/") continue;
    memberships.push_back({line.substr(first + 1, second - first - 1), line.substr(second + 1)});
  }
  return memberships;
}

// "31 23 0:28 <group> <folder> <options> [tags ...] - <type> <source> <super options>"
std::vector<Mount> ParseMounts(std::string_view text) {
  std::vector<Mount> mounts;
  for (std::string_view line : SplitLines(text)) {
    const std::vector<std::string_view> fields = SplitFields(line);
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (dash - fields.begin() < 6 || fields.end() - dash < 4) continue;
    if (dash[1] != "cgroup" && dash[1] != "cgroup2") continue;
    mounts.push_back({Unescape(fields[3]), Unescape(fields[4]), dash[3], dash[1] == "cgroup2"});
  }
  return mounts;
}

// `path` as seen from the mount's root, "" or "/a/b". None: it does not lie below that root.
std::optional<std::string> Below(const Mount& mount, std::string_view path) {
  if (path == "/") path = "";
  const std::string_view group = mount.group == "/" ? std::string_view() : mount.group;
  if (!path.starts_with(group)) return std::nullopt;
  path.remove_prefix(group.size());
  if (!path.empty() && path[0] != '/') return std::nullopt;
  // "/..": outside the cgroup namespace.
  if (path == "/.." || path.starts_with("/../")) return std::nullopt;
  return std::string(path);
}

// The folder of `path` in the first mount that shows it, and all above it, own one first. Where no
// mount does (a container that sees its host's path), the root of the first mount is the best that
// can be known.
std::vector<std::string> Folders(const std::string& root, const std::vector<Mount>& mounts,
                                 std::string_view path) {
  if (mounts.empty()) return {};
  const Mount* mount = &mounts.front();
  std::string below;
  for (const Mount& candidate : mounts) {
    if (auto found = Below(candidate, path)) {
      mount = &candidate;
      below = *std::move(found);
      break;
    }
  }
  std::vector<std::string> folders;
  for (;;) {
    folders.push_back(root + mount->folder + below + "/");
    if (below.empty()) return folders;
    below.resize(below.rfind('/'));
  }
}

std::optional<CpuQuota> MakeQuota(std::optional<int64_t> quota_us,
                                  std::optional<int64_t> period_us) {
  if (!quota_us || !period_us || *quota_us <= 0 || *period_us <= 0) return std::nullopt;
  return CpuQuota{*quota_us, *period_us};
}

std::optional<CpuQuota> ReadQuotaV1(const std::string& folder) {
  return MakeQuota(Int(folder + "cpu.cfs_quota_us"), Int(folder + "cpu.cfs_period_us"));
}

std::optional<CpuQuota> ReadQuotaV2(const std::string& folder) {
  const auto text = Text(folder + "cpu.max");  // "max 100000", "50000 100000"
  if (!text) return std::nullopt;
  const std::vector<std::string_view> fields = SplitFields(*text);
  if (fields.size() != 2) return std::nullopt;
  return MakeQuota(ParseInt(fields[0]), ParseInt(fields[1]));
}

// Stops at the largest number: no text of a file may overflow.
void Accumulate(int64_t count, int64_t unit, int64_t* sum) {
  if (__builtin_mul_overflow(count, unit, &count) || __builtin_add_overflow(*sum, count, sum)) {
    *sum = std::numeric_limits<int64_t>::max();
  }
}

}  // namespace

Cgroup Cgroup::OfThisProcess(const std::string& root) {
  Cgroup cgroup;
  const auto memberships = Text(root + "/proc/self/cgroup");
  const auto mountinfo = Text(root + "/proc/self/mountinfo");
  if (!memberships || !mountinfo) return cgroup;
  const std::vector<Mount> mounts = ParseMounts(*mountinfo);
  for (const Membership& membership : ParseMemberships(*memberships)) {
    const bool v2 = membership.controllers.empty();
    const auto add = [&](std::string_view controller, std::vector<Folder>& to) {
      if (!v2 && !ListHas(membership.controllers, controller)) return;
      std::vector<Mount> fitting;
      std::copy_if(mounts.begin(), mounts.end(), std::back_inserter(fitting), [&](const Mount& m) {
        return m.v2 == v2 && (v2 || ListHas(m.options, controller));
      });
      for (std::string& folder : Folders(root, fitting, membership.path)) {
        to.push_back({std::move(folder), v2});
      }
    };
    add("cpu", cgroup.cpu_);
    add("memory", cgroup.memory_);
  }
  return cgroup;
}

std::optional<CpuQuota> Cgroup::ReadCpuQuota() const {
  std::optional<CpuQuota> tightest;
  for (const Folder& folder : cpu_) {
    const auto quota = folder.v2 ? ReadQuotaV2(folder.path) : ReadQuotaV1(folder.path);
    if (quota && (!tightest || quota->cpus() < tightest->cpus())) tightest = quota;
  }
  return tightest;
}

std::optional<int64_t> Cgroup::ReadMemoryLimit() const {
  // Version 1 writes "none" as the largest multiple of a page; nothing real comes near.
  constexpr int64_t kNone = int64_t{1} << 62;
  std::optional<int64_t> smallest;
  for (const Folder& folder : memory_) {
    const auto limit = Int(folder.path + (folder.v2 ? "memory.max" : "memory.limit_in_bytes"));
    if (limit && *limit >= 0 && *limit < kNone && (!smallest || *limit < *smallest)) {
      smallest = limit;
    }
  }
  return smallest;
}

CpuThrottling Cgroup::ReadThrottling() const {
  CpuThrottling sum;
  for (const Folder& folder : cpu_) {
    const auto text = Text(folder.path + "cpu.stat");
    if (!text) continue;
    for (std::string_view line : SplitLines(*text)) {
      const std::vector<std::string_view> fields = SplitFields(line);
      const auto value = fields.size() == 2 ? ParseInt(fields[1]) : std::nullopt;
      if (!value || *value < 0) continue;
      if (fields[0] == "nr_periods") Accumulate(*value, 1, &sum.periods);
      if (fields[0] == "nr_throttled") Accumulate(*value, 1, &sum.throttled_periods);
      if (fields[0] == "throttled_time") Accumulate(*value, 1, &sum.throttled_ns);     // version 1
      if (fields[0] == "throttled_usec") Accumulate(*value, 1000, &sum.throttled_ns);  // version 2
    }
  }
  return sum;
}

}  // namespace heddle::core
