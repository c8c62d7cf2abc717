// SPDX-License-Identifier: Apache-2.0
// The caches that a core reads through, as /sys tells them.
#ifndef HEDDLE_BASE_CACHES_H_
#define HEDDLE_BASE_CACHES_H_

#include <cstddef>
#include <string>
#include <vector>

namespace heddle::core {

// Bytes of the data caches of a CPU, the nearest level first: element 0 is L1. Where the files are
// missing or make no sense: 32 KiB, 512 KiB and 8 MiB. Files are looked for below `root`.
std::vector<size_t> ReadCacheSizes(int cpu = 0, const std::string& root = "");

}  // namespace heddle::core

#endif  // HEDDLE_BASE_CACHES_H_
