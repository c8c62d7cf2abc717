// SPDX-License-Identifier: Apache-2.0
// Claims: how threads share the tiles of one region without a lock.
//
//  1. A region is open from Open to the moment when every tile is claimed or dropped. One word
//     holds epoch, next tile and count: a claim moves `next` in one compare-and-swap, so tiles are
//     claimed once each and in ascending order.
//  2. Whoever holds a claim may read what the opener wrote before Open. Nobody else may.
//  3. The opener opens the next region only when all tiles of this one are finished, so what a
//     claim's holder reads stands still.
//  4. A thread that looked at the word long ago cannot claim from a later region: the epoch
//     differs, and 2^32 regions would have to pass between its look and its swap.
//  5. After its Finish a helper touches nothing but the address of the futex word.
//
// Memory order: Open's release store of the word is read by the acquire of a claim's swap, through
// any number of other claims in between, which are read-modify-writes and so continue the release
// sequence. Finish's release is read by the opener's acquire of `done`: all that the tiles wrote,
// and all that the holders read, happened before the opener goes on.
//
// A template over its atomics so that tests can run it through every interleaving: the rules are
// held by Claims.EveryOrderOfTwoThreads, OrdersOfThreeThreadsWithFewSwitches,
// DroppedTilesAreFinished and TheNextRegionMustWait. Those see every order of the operations, not
// weaker memory; for that stands the argument above.
#ifndef HEDDLE_CREW_CLAIMS_H_
#define HEDDLE_CREW_CLAIMS_H_

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace heddle::core {

struct Claim {
  uint32_t begin = 0, end = 0;
  uint32_t size() const { return end - begin; }
};

// `Atomics` gives Atomic<T> with std::atomic's operations, and Wait(atomic, value) and Wake(atomic)
// with a futex's meaning.
template <class Atomics>
class Claims {
 public:
  static constexpr uint32_t kMostTiles = 0xffff;

  // REQUIRES: no region is open here and all tiles of the last one are finished; 0 < count.
  void Open(uint32_t count) {
    done_.store(0, std::memory_order_relaxed);
    const uint64_t epoch = (word_.load(std::memory_order_relaxed) >> 32) + 1;
    word_.store(epoch << 32 | count, std::memory_order_release);
  }

  // How many tiles there seem to be to claim: a hint.
  uint32_t LooksLeft() const { return Left(word_.load(std::memory_order_relaxed)); }

  // Takes a share of what is left: enough for `parts` threads to go on claiming smaller ones, and
  // at most `most`. An empty claim: all tiles are claimed.
  Claim Take(uint32_t parts, uint32_t most) {
    uint64_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
      const uint32_t left = Left(word);
      if (left == 0) return {};
      const uint32_t share = std::min(std::max(1u, left / (2 * parts)), std::min(most, left));
      const uint32_t next = Next(word);
      if (word_.compare_exchange_weak(word, word + (uint64_t{share} << 16),
                                      std::memory_order_acq_rel, std::memory_order_relaxed))
        return {next, next + share};
    }
  }

  // The opener only: claims whatever is left, so that nobody computes it. The claim is finished
  // like any other.
  Claim TakeAll() {
    uint64_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
      const uint32_t left = Left(word);
      if (left == 0) return {};
      if (word_.compare_exchange_weak(word, word + (uint64_t{left} << 16),
                                      std::memory_order_acq_rel, std::memory_order_relaxed))
        return {Next(word), Next(word) + left};
    }
  }

  void Finish(const Claim& claim) {
    const uint32_t before = done_.fetch_add(claim.size(), std::memory_order_acq_rel);
    if ((before & kOpenerSleeps) != 0) Atomics::Wake(done_);
  }

  // The opener only: whether all of its `count` tiles are finished.
  bool AllFinished(uint32_t count) const {
    return (done_.load(std::memory_order_acquire) & ~kOpenerSleeps) == count;
  }

  // The opener only: sleeps until all of its `count` tiles are finished.
  void SleepUntilFinished(uint32_t count) {
    uint32_t done = done_.fetch_or(kOpenerSleeps, std::memory_order_acq_rel) | kOpenerSleeps;
    while ((done & ~kOpenerSleeps) != count) {
      Atomics::Wait(done_, done);
      done = done_.load(std::memory_order_acquire);
    }
  }

 private:
  static constexpr uint32_t kOpenerSleeps = 0x80000000u;
  static uint32_t Next(uint64_t word) { return static_cast<uint32_t>(word >> 16) & 0xffff; }
  static uint32_t Left(uint64_t word) { return static_cast<uint32_t>(word & 0xffff) - Next(word); }

  typename Atomics::template Atomic<uint64_t> word_{0};  // epoch:32 next:16 count:16
  typename Atomics::template Atomic<uint32_t> done_{0};
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_CLAIMS_H_
