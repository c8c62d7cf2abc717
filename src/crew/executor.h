// SPDX-License-Identifier: Apache-2.0
// Executor: what runs the tiles of a call's steps. Thin, so that an application's own pool fits
// behind it.
#ifndef HEDDLE_CREW_EXECUTOR_H_
#define HEDDLE_CREW_EXECUTOR_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace heddle::core {

enum class Priority : uint8_t { kHigh = 0, kNormal = 1, kLow = 2 };
inline constexpr int kPriorities = 3;

// Independent tiles of one phase of one step.
struct Region {
  // Computes tiles [begin, end); 0 is success, anything else stops the region. `scratch` is the
  // helping thread's own, of at least scratch_bytes; nullptr on the caller's thread, which has its
  // own.
  uint32_t (*run)(void* arg, int64_t begin, int64_t end, std::byte* scratch) = nullptr;
  // Looked at between tiles, perhaps on several threads at once; false stops the region. nullptr:
  // never stops.
  bool (*go_on)(void* arg) = nullptr;
  void* arg = nullptr;
  int64_t tiles = 0;
  float tile_ns = 0;  // what one tile costs, as far as is known
  size_t scratch_bytes = 0;
};

// The longest that a thread computes between two looks at what could stop it.
inline constexpr float kLongestClaimNs = 200'000;
inline constexpr uint32_t kRegionStopped = 0xffffffffu;  // go_on said so
// A region of less work, or of one tile, is its caller's alone on any executor: a few exchanges of
// cache lines, many times over.
inline constexpr float kAloneNs = 4'000;

// Belongs to one call: its thread alone runs regions on it, one after another.
class Executor {
 public:
  // Returns when every tile is done or skipped: 0, kRegionStopped, or what the lowest failing tile
  // returned.
  virtual uint32_t Run(const Region& region) = 0;
  // Of regions that are its caller's alone, which may be run without it: so much was, or is about
  // to be. To be told before they add up to kLongestClaimNs. False: nothing more may be run.
  virtual bool Pass(float ns) = 0;

 protected:
  ~Executor() = default;
};

// All of the region on this thread, in order. Between blocks of tiles `may_go_on` is asked; false
// stops the region.
template <class MayGoOn>
uint32_t RunInOrder(const Region& region, const MayGoOn& may_go_on) {
  const float most = kLongestClaimNs / std::max(1.0f, region.tile_ns);
  const int64_t block = std::max<int64_t>(1, static_cast<int64_t>(most));
  for (int64_t begin = 0; begin < region.tiles; begin += block) {
    if (begin > 0 && !may_go_on()) return kRegionStopped;
    const int64_t end = std::min(region.tiles, begin + block);
    const uint32_t code = region.run(region.arg, begin, end, nullptr);
    if (code != 0) return code;
  }
  return 0;
}

// Everything on the calling thread. Thread-safe.
Executor& AloneExecutor();

}  // namespace heddle::core

#endif  // HEDDLE_CREW_EXECUTOR_H_
