// SPDX-License-Identifier: Apache-2.0
#include "cli/usage.h"

#include <sys/resource.h>

#include <cstdio>

namespace heddle::cli {

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double PssMb() {
  std::FILE* file = std::fopen("/proc/self/smaps_rollup", "r");
  if (file == nullptr) return 0;
  char line[256];
  unsigned long kb = 0;
  while (std::fgets(line, sizeof(line), file) != nullptr &&
         std::sscanf(line, "Pss: %lu", &kb) != 1) {
  }
  std::fclose(file);
  return static_cast<double>(kb) * 1024 / 1e6;
}

}  // namespace heddle::cli
