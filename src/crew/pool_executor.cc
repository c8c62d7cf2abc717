// SPDX-License-Identifier: Apache-2.0
#include "crew/pool_executor.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

#include "base/file.h"
#include "crew/crew.h"

namespace heddle::core {
namespace {

constexpr float kWorthSharingNs = 10'000;  // a few times what a fork and join costs good pools
static_assert(kWorthSharingNs >= kAloneNs);
constexpr int64_t kClaimsPerPart = 4;  // so that threads of unequal speed end together

// Of a thread that is not a call's own. Reserved at its first tile, kept until it ends; pages come
// as they are touched.
class Scratch {
 public:
  static constexpr size_t kBytes = size_t{64} << 20;

  // nullptr: there is none, or a tile of this very thread is in the middle of using it, since its
  // pool began another part inside of it.
  std::byte* Take() {
    if (taken_) return nullptr;
    if (memory_.size() == 0) {
      auto memory = AnonymousMemory::Allocate(kBytes);
      if (!memory.ok()) return nullptr;
      memory_ = std::move(memory).value();
    }
    taken_ = true;
    return memory_.data();
  }
  void GiveBack() { taken_ = false; }

 private:
  AnonymousMemory memory_;
  bool taken_ = false;
};

Scratch& ScratchOfThread() {
  static thread_local Scratch scratch;
  return scratch;
}

// Whether this thread computes a tile: a call from inside one runs inline, and alone.
bool& InTile() {
  static thread_local bool in_tile = false;
  return in_tile;
}

// One region while its parts run, on the stack of its caller.
class SharedRegion {
 public:
  SharedRegion(const Region& region, int64_t block) : region_(region), block_(block) {}

  // On a thread of the pool, or the caller's if the pool is so made.
  void RunPart() {
    if (std::this_thread::get_id() == caller_) return Compute(nullptr);
    Scratch& own = ScratchOfThread();
    std::byte* scratch = own.Take();
    if (scratch == nullptr) return;
    const bool was_in_turn = std::exchange(InTurn(), true);
    Compute(scratch);
    InTurn() = was_in_turn;
    own.GiveBack();
  }

  // Tiles are claimed in ascending order, so those before a failing one have been claimed, too.
  void Compute(std::byte* scratch) {
    while (!ended_.load(std::memory_order_relaxed)) {
      const int64_t begin = next_.fetch_add(block_, std::memory_order_relaxed);
      if (begin >= region_.tiles) return;
      if (begin > 0 && region_.go_on != nullptr && !region_.go_on(region_.arg))
        return Stop(region_.tiles, kRegionStopped);
      InTile() = true;
      const int64_t end = std::min(region_.tiles, begin + block_);
      const uint32_t code = region_.run(region_.arg, begin, end, scratch);
      InTile() = false;
      if (code != 0) return Stop(begin, code);
    }
  }

  // REQUIRES: no part runs any more.
  uint32_t code() const { return code_; }

 private:
  void Stop(int64_t tile, uint32_t code) {
    ended_.store(true, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    if (code_ != 0 && tile >= failed_tile_) return;
    failed_tile_ = tile;
    code_ = code;
  }

  const Region& region_;
  const int64_t block_;
  const std::thread::id caller_ = std::this_thread::get_id();
  std::atomic<int64_t> next_{0};
  std::atomic<bool> ended_{false};
  std::mutex mutex_;  // of what follows, taken only when something fails
  int64_t failed_tile_ = 0;
  uint32_t code_ = 0;
};

}  // namespace

uint32_t PoolExecutor::Run(const Region& region) {
  const int64_t parts = std::min<int64_t>(pool_.threads, region.tiles);
  const float total_ns = static_cast<float>(region.tiles) * region.tile_ns;
  const bool fits = region.scratch_bytes <= Scratch::kBytes;
  if (InTile() || parts < 2 || total_ns < kWorthSharingNs || !fits)
    return AloneExecutor().Run(region);
  const float most = kLongestClaimNs / std::max(1.0f, region.tile_ns);
  const int64_t share = region.tiles / (parts * kClaimsPerPart);
  SharedRegion shared(region, std::max<int64_t>(1, std::min(share, static_cast<int64_t>(most))));
  pool_.run(
      pool_.arg, static_cast<int32_t>(parts),
      [](void* work) { static_cast<SharedRegion*>(work)->RunPart(); }, &shared);
  shared.Compute(nullptr);
  return shared.code();
}

}  // namespace heddle::core
