// SPDX-License-Identifier: Apache-2.0
// The loops that MeasurePeaks times. In assembly: what a compiler makes of intrinsics may keep its
// accumulators in memory, and then a peak is none.
#ifndef HEDDLE_BASE_PEAK_LOOPS_H_
#define HEDDLE_BASE_PEAK_LOOPS_H_

#include <span>

#include "base/peaks.h"

namespace heddle::core {

// Independent chains of one instruction, enough to hide its latency.
struct ProductLoop {
  const char* instruction;
  Arithmetic arithmetic;
  Isa isa;                      // runs only where this is supported
  int64_t macs;                 // of a round
  void (*run)(int64_t rounds);  // REQUIRES: rounds > 0
};
std::span<const ProductLoop> ProductLoops();  // of this architecture
// Of the fastest of some runs. REQUIRES: loop.isa is supported.
double MacsPerNs(const ProductLoop& loop);

inline constexpr size_t kReadBlock = 512;
// Reads the bytes once, from the first to the last. REQUIRES: bytes is a multiple of kReadBlock and
// not 0; data is aligned to 64; `isa` is supported.
void ReadThrough(const std::byte* data, size_t bytes, Isa isa);

// Moves the bytes out of every cache; false: this architecture cannot.
bool Evict(const std::byte* data, size_t bytes);

}  // namespace heddle::core

#endif  // HEDDLE_BASE_PEAK_LOOPS_H_
