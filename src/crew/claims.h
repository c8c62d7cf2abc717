// SPDX-License-Identifier: Apache-2.0
// Claims: how threads share the tiles of one region without a lock.
//
//  1. A region is open from Open to the moment when every tile is claimed or dropped. One word
//     holds epoch, next tile and count: a claim moves `next` in one compare-and-swap, so tiles are
//     claimed once each and in ascending order. The opener's first claim is made by Open.
//  2. Whoever holds a claim may read what the opener wrote before Open. Nobody else may.
//  3. The opener opens the next region only when all tiles that others claimed are finished, so
//     what a claim's holder reads stands still. Its own it counts itself: the word is written, and
//     moves from core to core, as seldom as can be.
//  4. A thread that looked at the word long ago cannot claim from a later region: the epoch
//     differs, and 2^32 regions would have to pass between its look and its swap.
//  5. After its Finish a helper touches nothing but the address of the futex word.
//  6. The region that a claim is from says how large it may be: the sizes are read between a look
//     at the word and the swap that finds it unchanged. (AClaimIsAsLargeAsItsOwnRegionSays)
//
// Memory order: Open's release store of the word is read by the acquire of a claim's swap, through
// any number of other claims in between, which are read-modify-writes and so continue the release
// sequence. The look before the swap acquires as well: the sizes read after it are not those of an
// earlier region, nor of a later one, which is opened when the swap's tiles are finished. Finish's
// release is read by the opener's acquire of `done`: all that the tiles wrote, and all that the
// holders read, happened before the opener goes on.
//
// A template over its atomics so that tests can run it through every interleaving: the rules are
// held by Claims.EveryOrderOfTwoThreads, OrdersOfThreeThreadsWithFewSwitches,
// DroppedTilesAreFinishedToo and TheNextRegionMustWait. Those see every order of the operations,
// not weaker memory; for that stands the argument above.
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

// The tiles of one claim: as few as are worth a claim, as many as may go by between two looks.
struct ClaimSizes {
  uint16_t least = 1, most = 1;
};
static_assert(std::atomic<ClaimSizes>::is_always_lock_free);

// `Atomics` gives Atomic<T> with std::atomic's operations, and Wait(atomic, value) and Wake(atomic)
// with a futex's meaning.
template <class Atomics>
class Claims {
 public:
  static constexpr uint32_t kMostTiles = 0xffff;

  // Opens a region of `count` tiles and claims the first for its opener, as Take would.
  // REQUIRES: no region is open here and all tiles of the last one are finished; 0 < count.
  Claim Open(uint32_t count, uint32_t parts, ClaimSizes sizes) {
    done_.store(0, std::memory_order_relaxed);
    sizes_.store(sizes, std::memory_order_relaxed);
    const uint64_t epoch = (word_.load(std::memory_order_relaxed) >> 32) + 1;
    const uint32_t share = Share(count, parts, sizes);
    word_.store(epoch << 32 | uint64_t{share} << 16 | count, std::memory_order_release);
    return {0, share};
  }

  // How many tiles there seem to be to claim: a hint.
  uint32_t LooksLeft() const { return Left(word_.load(std::memory_order_relaxed)); }

  // Takes a share of what is left: small enough for `parts` threads to go on claiming smaller ones,
  // or of the least size, if each of them could have so many. An empty claim: all are claimed.
  Claim Take(uint32_t parts) {
    uint64_t word = word_.load(std::memory_order_acquire);
    for (;;) {
      const uint32_t left = Left(word);
      if (left == 0) return {};
      const uint32_t share = Share(left, parts, sizes_.load(std::memory_order_relaxed));
      const uint32_t next = Next(word);
      if (word_.compare_exchange_weak(word, word + (uint64_t{share} << 16),
                                      std::memory_order_acq_rel, std::memory_order_acquire))
        return {next, next + share};
    }
  }

  // The opener only: claims whatever is left, so that nobody computes it.
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

  // Not the opener, who counts what it claimed itself.
  void Finish(const Claim& claim) {
    const uint32_t before = done_.fetch_add(claim.size(), std::memory_order_acq_rel);
    if ((before & kOpenerSleeps) != 0) Atomics::Wake(done_);
  }

  // The opener only: whether the tiles that others claimed, so many, are finished.
  bool AllFinished(uint32_t others) const {
    return (done_.load(std::memory_order_acquire) & ~kOpenerSleeps) == others;
  }

  // The opener only: sleeps until they are.
  void SleepUntilFinished(uint32_t others) {
    uint32_t done = done_.fetch_or(kOpenerSleeps, std::memory_order_acq_rel) | kOpenerSleeps;
    while ((done & ~kOpenerSleeps) != others) {
      Atomics::Wait(done_, done);
      done = done_.load(std::memory_order_acquire);
    }
  }

 private:
  static constexpr uint32_t kOpenerSleeps = 0x80000000u;
  static uint32_t Next(uint64_t word) { return static_cast<uint32_t>(word >> 16) & 0xffff; }
  static uint32_t Share(uint32_t left, uint32_t parts, ClaimSizes sizes) {
    const uint32_t least = std::min<uint32_t>(sizes.least, (left + parts - 1) / parts);
    return std::min<uint32_t>(std::max(least, left / (2 * parts)), sizes.most);
  }
  static uint32_t Left(uint64_t word) { return static_cast<uint32_t>(word & 0xffff) - Next(word); }

  typename Atomics::template Atomic<uint64_t> word_{0};  // epoch:32 next:16 count:16
  typename Atomics::template Atomic<uint32_t> done_{0};
  typename Atomics::template Atomic<ClaimSizes> sizes_{ClaimSizes()};
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_CLAIMS_H_
