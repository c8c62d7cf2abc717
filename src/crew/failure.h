// SPDX-License-Identifier: Apache-2.0
// LowestFailure: which of a region's claims failed first in the order of tiles, whoever found out
// first.
//
// A claim is left out only when one before it has failed: whoever holds an earlier one may find a
// lower failure, and the region's answer must not depend on who was faster.
#ifndef HEDDLE_CREW_FAILURE_H_
#define HEDDLE_CREW_FAILURE_H_

#include <atomic>
#include <cstdint>

namespace heddle::core {

// Any number of threads compute claims and say how they ended; one of them, when all have, reads
// the answer and clears it.
class LowestFailure {
 public:
  void Clear() { first_.store(kNone, std::memory_order_relaxed); }
  bool LeavesOut(uint32_t begin) const {
    return first_.load(std::memory_order_relaxed) >> 32 < begin;
  }
  void Note(uint32_t begin, uint32_t code) {
    if (code == 0) return;
    const uint64_t mine = uint64_t{begin} << 32 | code;
    uint64_t lowest = first_.load(std::memory_order_relaxed);
    while (mine < lowest &&
           !first_.compare_exchange_weak(lowest, mine, std::memory_order_relaxed)) {
    }
  }
  uint32_t CodeOr(uint32_t code) const {
    const uint64_t first = first_.load(std::memory_order_relaxed);
    return first != kNone ? static_cast<uint32_t>(first) : code;
  }

 private:
  static constexpr uint64_t kNone = ~uint64_t{0};
  std::atomic<uint64_t> first_{kNone};  // tile << 32 | code
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_FAILURE_H_
