// SPDX-License-Identifier: Apache-2.0
#include "crew/pool_executor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "crew/crew.h"

namespace heddle::core {
namespace {

using Part = std::function<void()>;

// A pool by what it does with its parts.
struct Pool {
  std::function<void(int parts, const Part& part)> run;
  std::atomic<int> runs{0};

  heddle_executor executor(int threads) {
    return {sizeof(heddle_executor), threads,
            [](void* arg, int32_t parts, void (*part)(void* work), void* work) {
              auto& self = *static_cast<Pool*>(arg);
              ++self.runs;
              self.run(parts, [=] { part(work); });
            },
            this};
  }
};

void OnThreads(int parts, const Part& part) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < parts; ++i) threads.emplace_back(part);
}
void OnTheCaller(int parts, const Part& part) {
  for (int i = 0; i < parts; ++i) part();
}
void OnOneOther(int parts, const Part& part) {
  std::jthread([&] { OnTheCaller(parts, part); }).join();
}
void Nowhere(int, const Part&) {}

constexpr float kTileNs = 20'000;

// Counts how often each tile runs; a tile of `failing` returns its number plus 1.
struct Counted {
  std::vector<std::atomic<int>> times;
  std::vector<int64_t> failing;
  std::atomic<int> stops_after{1 << 30}, with_scratch{0};
  const std::thread::id caller = std::this_thread::get_id();
  std::function<void()> inside;

  explicit Counted(int64_t tiles) : times(static_cast<size_t>(tiles)) {}

  Region region() {
    Region r;
    r.run = [](void* arg, int64_t begin, int64_t end, std::byte* scratch) {
      return static_cast<Counted*>(arg)->Run(begin, end, scratch);
    };
    r.arg = this;
    r.tiles = static_cast<int64_t>(times.size());
    r.tile_ns = kTileNs;
    r.scratch_bytes = 64;
    return r;
  }

  uint32_t Run(int64_t begin, int64_t end, std::byte* scratch) {
    EXPECT_EQ(scratch == nullptr, std::this_thread::get_id() == caller);
    EXPECT_TRUE(scratch == nullptr || InTurn());
    if (scratch != nullptr) std::fill_n(scratch, 64, std::byte{1});
    if (scratch != nullptr) ++with_scratch;
    if (inside) inside();
    for (int64_t t = begin; t < end; ++t) {
      ++times[static_cast<size_t>(t)];
      if (std::count(failing.begin(), failing.end(), t) != 0) return static_cast<uint32_t>(t) + 1;
    }
    return 0;
  }
  int64_t ran(int how_often) const {
    return std::count_if(times.begin(), times.end(), [&](const auto& n) { return n == how_often; });
  }
};

TEST(PoolExecutor, EveryTileOnceWhateverThePoolDoes) {
  for (const auto& run : {OnThreads, OnTheCaller, OnOneOther, Nowhere}) {
    for (const int64_t tiles : {2, 3, 16, 1000}) {
      Pool pool{run};
      Counted counted(tiles);
      EXPECT_EQ(PoolExecutor(pool.executor(4)).Run(counted.region()), 0u);
      EXPECT_EQ(counted.ran(1), tiles);
      EXPECT_EQ(pool.runs, 1);
    }
  }
}

TEST(PoolExecutor, AsksForNoMorePartsThanThreadsOrTiles) {
  int asked = 0;
  Pool pool{[&](int parts, const Part&) { asked = parts; }};
  for (const auto& [tiles, parts] : {std::pair<int64_t, int>{100, 4}, {3, 3}}) {
    Counted counted(tiles);
    PoolExecutor(pool.executor(4)).Run(counted.region());
    EXPECT_EQ(asked, parts);
  }
}

TEST(PoolExecutor, LeavesWhatIsNotWorthSharingToTheCaller) {
  Pool pool{OnThreads};
  PoolExecutor many(pool.executor(4)), one(pool.executor(1));
  Counted small(16), single(1), plenty(16), greedy(16);
  Region region = small.region();
  region.tile_ns = 10;
  EXPECT_EQ(many.Run(region), 0u);
  EXPECT_EQ(many.Run(single.region()), 0u);
  EXPECT_EQ(one.Run(plenty.region()), 0u);
  region = greedy.region();
  region.scratch_bytes = size_t{1} << 40;
  EXPECT_EQ(many.Run(region), 0u);
  EXPECT_EQ(pool.runs, 0);
  EXPECT_EQ(small.ran(1) + single.ran(1) + plenty.ran(1) + greedy.ran(1), 49);
}

TEST(PoolExecutor, TheLowestFailingTileDecides) {
  for (const auto& run : {OnThreads, OnTheCaller, OnOneOther, Nowhere}) {
    for (const int64_t lowest : {0, 7, 99}) {
      Pool pool{run};
      Counted counted(100);
      counted.failing = {lowest, 99, std::min<int64_t>(99, lowest + 13)};
      EXPECT_EQ(PoolExecutor(pool.executor(3)).Run(counted.region()), lowest + 1);
    }
  }
}

TEST(PoolExecutor, StopsBetweenTiles) {
  for (const auto& run : {OnThreads, OnOneOther, Nowhere}) {
    Pool pool{run};
    Counted counted(1000);
    counted.stops_after = 3;
    Region region = counted.region();
    region.go_on = [](void* arg) { return --static_cast<Counted*>(arg)->stops_after >= 0; };
    EXPECT_EQ(PoolExecutor(pool.executor(2)).Run(region), kRegionStopped);
    EXPECT_LT(counted.ran(1), 1000);
    EXPECT_EQ(counted.ran(0) + counted.ran(1), 1000);
  }
}

// A pool whose thread begins a part in the middle of another's tile may not use its scratch twice.
TEST(PoolExecutor, APartInsideATileLeavesItsWorkToOthers) {
  Counted counted(16);
  Part begun;
  Pool pool{[&](int, const Part& part) {
    begun = part;
    std::jthread thread(part);
  }};
  counted.inside = [&] {
    if (std::this_thread::get_id() == counted.caller) return;
    const int before = counted.with_scratch;
    begun();
    EXPECT_EQ(counted.with_scratch, before);
  };
  EXPECT_EQ(PoolExecutor(pool.executor(2)).Run(counted.region()), 0u);
  EXPECT_EQ(counted.ran(1), 16);
  EXPECT_GT(counted.with_scratch, 0);
}

TEST(PoolExecutor, ARegionInsideATileRunsAlone) {
  Pool pool{OnThreads};
  PoolExecutor executor(pool.executor(2));
  Counted outer(4);
  std::atomic<int64_t> inner_tiles{0};
  outer.inside = [&] {
    Counted inner(16);
    EXPECT_EQ(executor.Run(inner.region()), 0u);
    EXPECT_EQ(inner.with_scratch, 0);
    inner_tiles += inner.ran(1);
  };
  EXPECT_EQ(executor.Run(outer.region()), 0u);
  EXPECT_EQ(pool.runs, 1);
  EXPECT_EQ(outer.ran(1), 4);
  EXPECT_EQ(inner_tiles, 4 * 16);
}

TEST(PoolExecutor, ManyCallersAtOnce) {
  Pool pool{OnThreads};
  PoolExecutor executor(pool.executor(3));
  std::vector<std::jthread> callers;
  for (int c = 0; c < 4; ++c)
    callers.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        Counted counted(50);
        EXPECT_EQ(executor.Run(counted.region()), 0u);
        EXPECT_EQ(counted.ran(1), 50);
      }
    });
}

}  // namespace
}  // namespace heddle::core
