// SPDX-License-Identifier: Apache-2.0
#include "base/caches.h"

#include <fmt/format.h>

#include <map>
#include <optional>

#include "base/file.h"
#include "base/parse.h"

namespace heddle::core {
namespace {

constexpr size_t kMaxText = 4096;
constexpr int64_t kMostKilobytes = int64_t{1} << 24;

std::optional<std::string> Text(const std::string& path) {
  Result<std::string> text = ReadText(path, kMaxText);
  if (!text.ok()) return std::nullopt;
  return std::string(Trim(*text));
}

// "32K", as the kernel writes all sizes.
std::optional<size_t> ParseKilobytes(std::string_view text) {
  if (text.empty() || text.back() != 'K') return std::nullopt;
  text.remove_suffix(1);
  const std::optional<int64_t> count = ParseInt(text);
  if (!count || *count <= 0 || *count > kMostKilobytes) return std::nullopt;
  return static_cast<size_t>(*count) * 1024;
}

}  // namespace

std::vector<size_t> ReadCacheSizes(int cpu, const std::string& root) {
  std::map<int64_t, size_t> by_level;
  for (int index = 0;; ++index) {
    const std::string folder =
        fmt::format("{}/sys/devices/system/cpu/cpu{}/cache/index{}/", root, cpu, index);
    const auto level = Text(folder + "level"), type = Text(folder + "type");
    if (!level || !type) break;
    const auto number = ParseInt(*level);
    const auto bytes = ParseKilobytes(Text(folder + "size").value_or(""));
    if (number && bytes && *type != "Instruction") by_level[*number] = *bytes;
  }
  std::vector<size_t> sizes;
  for (const auto& [level, bytes] : by_level) {
    const bool next = level == static_cast<int64_t>(sizes.size()) + 1;
    if (next && (sizes.empty() || bytes > sizes.back())) sizes.push_back(bytes);
  }
  if (sizes.empty()) return {32 << 10, 512 << 10, 8 << 20};
  return sizes;
}

}  // namespace heddle::core
