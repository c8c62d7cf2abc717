// SPDX-License-Identifier: Apache-2.0
#include "plan/memory_map.h"

#include <gtest/gtest.h>

#include <random>

namespace heddle::core {
namespace {

TEST(MapMemory, BuffersThatLiveTogetherNeverOverlap) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::vector<BufferLife> lives(random() % 40);
    for (BufferLife& b : lives) {
      b.bytes = random() % 5000;
      b.first = static_cast<int>(random() % 30);
      b.last = b.first + static_cast<int>(random() % 8);
    }
    const size_t arena = MapMemory(lives);
    for (size_t i = 0; i < lives.size(); ++i) {
      const BufferLife& a = lives[i];
      EXPECT_EQ(a.offset % 64, 0u);
      EXPECT_LE(a.offset + a.bytes, arena);
      for (size_t j = 0; j < i; ++j) {
        const BufferLife& b = lives[j];
        const bool together = a.first <= b.last && b.first <= a.last;
        const bool overlap = a.bytes > 0 && b.bytes > 0 && a.offset < b.offset + b.bytes &&
                             b.offset < a.offset + a.bytes;
        EXPECT_FALSE(together && overlap) << i << " and " << j;
      }
    }
  }
}

TEST(MapMemory, AChainNeedsTwoBuffers) {
  std::vector<BufferLife> chain;
  for (int i = 0; i < 10; ++i) chain.push_back({640, i, i + 1, 0});
  EXPECT_EQ(MapMemory(chain), 1280u);
}

}  // namespace
}  // namespace heddle::core
