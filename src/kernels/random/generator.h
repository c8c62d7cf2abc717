// SPDX-License-Identifier: Apache-2.0
// Counter-based random generators: block i of a stream is a function of key and counter alone, so
// tiles of any split make the same numbers.
#ifndef HEDDLE_KERNELS_RANDOM_GENERATOR_H_
#define HEDDLE_KERNELS_RANDOM_GENERATOR_H_

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "kernels/operators.h"
#include "kernels/state.h"

namespace heddle::core {

using Philox4 = std::array<uint32_t, 4>;

// Philox4x32-10.
inline Philox4 Philox(uint64_t key, uint64_t counter_low, uint64_t counter_high) {
  Philox4 c = {static_cast<uint32_t>(counter_low), static_cast<uint32_t>(counter_low >> 32),
               static_cast<uint32_t>(counter_high), static_cast<uint32_t>(counter_high >> 32)};
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * c[0], b = uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(b),
         static_cast<uint32_t>(a >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(a)};
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }
  return c;
}

// Threefry2x32-20: the low word first.
inline uint64_t Threefry(uint64_t key, uint64_t counter) {
  constexpr int kTurns[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t low = static_cast<uint32_t>(key), high = static_cast<uint32_t>(key >> 32);
  const uint32_t keys[3] = {low, high, low ^ high ^ 0x1BD11BDA};
  uint32_t a = static_cast<uint32_t>(counter) + low;
  uint32_t b = static_cast<uint32_t>(counter >> 32) + high;
  for (uint32_t group = 0; group < 5; ++group) {
    for (const int turn : kTurns[group % 2]) {
      a += b;
      b = std::rotl(b, turn) ^ a;
    }
    a += keys[(group + 1) % 3];
    b += keys[(group + 2) % 3] + group + 1;
  }
  return uint64_t{b} << 32 | a;
}

// The stream of an operator with seeds. It goes on where the session's last call left it; every
// session starts at its first block. (Seeds of zero, which mean a stream of its own for each run to
// others, are seeds like any here: runs repeat.)
class RandomStream {
 public:
  explicit RandomStream(const RandomOptions& o)
      : key_(static_cast<uint64_t>(o.seed)), high_(static_cast<uint64_t>(o.seed2)) {}

  static uint64_t Start(const TileArgs& args) {
    uint64_t block;
    std::memcpy(&block, args.memory, sizeof(block));
    return block;
  }
  // To be called after the last block was read.
  static void Advance(const TileArgs& args, uint64_t blocks) {
    const uint64_t next = Start(args) + blocks;
    std::memcpy(args.memory, &next, sizeof(next));
  }
  Philox4 Block(uint64_t block) const { return Philox(key_, block, high_); }

 private:
  uint64_t key_, high_;
};

// A step of two phases: F on `tiles` tiles, then the stream skips P::blocks.
template <auto F, class P>
void SetRandom(Step& step, const P& params, int64_t tiles, float tile_ns) {
  SetTiled<F>(step, params, tiles, tile_ns);
  step.kind = StepKind::kPhased;
  constexpr TileFn kAdvance = [](const void* p, const TileArgs& args, TileRange) {
    RandomStream::Advance(args, static_cast<const P*>(p)->blocks);
    return TileCode::kOk;
  };
  step.phases.push_back(Phase{kAdvance, 1, 10});
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_RANDOM_GENERATOR_H_
