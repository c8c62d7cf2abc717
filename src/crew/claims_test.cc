// SPDX-License-Identifier: Apache-2.0
// The claim protocol through every order of two threads, and through the orders with few switches
// of three. Each tile of each region is computed once, by a holder that reads its own region.
#include "crew/claims.h"

#include <gtest/gtest.h>

#include "crew/explorer_for_test.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEDDLE_NO_EXPLORER  // it switches stacks behind the sanitizer's back
#endif
#endif

namespace heddle::core {
namespace {

#ifndef HEDDLE_NO_EXPLORER
struct Scenario {
  int helpers, regions;
  uint32_t tiles;
  int attempts;           // of each helper to claim
  bool waits = true;      // for all tiles before the next region
  int dropped_from = -1;  // the opener drops the rest of this region after one claim
  bool shrinks = false;   // two tiles to a claim in the first region, one in the others

  ClaimSizes SizesIn(int region) const {
    if (!shrinks) return {1, 2};
    return region == 0 ? ClaimSizes{2, 2} : ClaimSizes{1, 1};
  }
};

struct World {
  explicit World(const Scenario& s) : scenario(s), computed(s.regions, std::vector<int>(s.tiles)) {}
  const Scenario& scenario;
  Claims<ExploredAtomics> claims;
  int open_region = -1;  // what the opener writes before it opens
  std::vector<std::vector<int>> computed;
  bool wrong = false;
};

void Compute(World& world, const Claim& claim) {
  const int region = world.open_region;
  world.wrong = world.wrong || claim.size() > world.scenario.SizesIn(region).most;
  for (uint32_t t = claim.begin; t < claim.end; ++t) ++world.computed[region][t];
  Explorer::Step();  // others run while the claim is held
  world.wrong = world.wrong || world.open_region != region;
}

void OpenAll(World& world, const Scenario& s) {
  for (int r = 0; r < s.regions; ++r) {
    world.open_region = r;
    Claim claim = world.claims.Open(s.tiles, 2, s.SizesIn(r));
    uint32_t others = s.tiles;
    for (; claim.size() > 0; claim = world.claims.Take(2)) {
      others -= claim.size();
      Compute(world, claim);
      if (r != s.dropped_from) continue;
      const Claim rest = world.claims.TakeAll();
      for (uint32_t t = rest.begin; t < rest.end; ++t) ++world.computed[r][t];
      others -= rest.size();
    }
    if (s.waits) world.claims.SleepUntilFinished(others);
  }
}

void Help(World& world, int attempts) {
  for (int i = 0; i < attempts; ++i) {
    const Claim claim = world.claims.Take(2);
    if (claim.size() == 0) continue;
    Compute(world, claim);
    world.claims.Finish(claim);
  }
}

bool Holds(const Scenario& s, int most_switches, uint64_t* orders) {
  std::unique_ptr<World> world;
  Explorer explorer;
  *orders = explorer.Explore(
      [&] {
        world = std::make_unique<World>(s);
        std::vector<std::function<void()>> threads{[&] { OpenAll(*world, s); }};
        for (int h = 0; h < s.helpers; ++h) threads.push_back([&] { Help(*world, s.attempts); });
        return threads;
      },
      [&] {
        bool once = !world->wrong;
        for (const auto& region : world->computed)
          for (int times : region) once = once && times == 1;
        return once;
      },
      most_switches);
  return !explorer.failed();
}

TEST(Claims, EveryOrderOfTwoThreads) {
  for (const Scenario& s : {Scenario{1, 1, 2, 2}, Scenario{1, 2, 1, 2}, Scenario{1, 1, 3, 1}}) {
    uint64_t orders = 0;
    EXPECT_TRUE(Holds(s, -1, &orders)) << s.regions << " regions of " << s.tiles;
    EXPECT_GT(orders, 500u);
  }
}

TEST(Claims, OrdersOfThreeThreadsWithFewSwitches) {
  for (const Scenario& s : {Scenario{2, 2, 2, 2}, Scenario{2, 2, 3, 2, true, 0}}) {
    uint64_t orders = 0;
    EXPECT_TRUE(Holds(s, 3, &orders)) << s.tiles << " tiles";
    EXPECT_GT(orders, 5'000u);
  }
}

TEST(Claims, DroppedTilesAreFinishedToo) {
  uint64_t orders = 0;
  EXPECT_TRUE(Holds({1, 2, 3, 2, true, 0}, 5, &orders));
}

// Whoever looked at a region of small tiles takes no more of the next one's large ones.
TEST(Claims, AClaimIsAsLargeAsItsOwnRegionSays) {
  uint64_t orders = 0;
  EXPECT_TRUE(Holds({1, 2, 4, 2, true, -1, true}, 4, &orders));
  EXPECT_GT(orders, 500u);
}

// The explorer finds what goes wrong when the opener does not wait.
TEST(Claims, TheNextRegionMustWait) {
  uint64_t orders = 0;
  EXPECT_FALSE(Holds({1, 2, 2, 2, false}, -1, &orders));
}
#endif

TEST(Claims, SharesShrinkAndCoverEverything) {
  Claims<ExploredAtomics> claims;
  uint32_t next = 0, before = 64, others = 0;
  for (Claim claim = claims.Open(64, 2, {1, 8}); claim.size() > 0; claim = claims.Take(2)) {
    EXPECT_EQ(claim.begin, next);
    EXPECT_LE(claim.size(), std::min(before, 8u));
    before = claim.size();
    if (next % 2 == 1) {
      claims.Finish(claim);
      others += claim.size();
    }
    next = claim.end;
  }
  EXPECT_EQ(next, 64u);
  EXPECT_EQ(before, 1u);
  EXPECT_GT(others, 0u);
  EXPECT_TRUE(claims.AllFinished(others));
}

// A claim costs all who claim something: tiles that are worth less are claimed together, but not so
// many together that another thread gets none.
TEST(Claims, SmallTilesAreClaimedTogether) {
  const auto sizes = [](uint32_t count, uint16_t least) {
    Claims<ExploredAtomics> claims;
    std::vector<uint32_t> found;
    Claim claim = claims.Open(count, 2, {least, 100});
    for (; claim.size() > 0; claim = claims.Take(2)) found.push_back(claim.size());
    return found;
  };
  EXPECT_EQ(sizes(16, 4), (std::vector<uint32_t>{4, 4, 4, 2, 1, 1}));
  EXPECT_EQ(sizes(16, 1), (std::vector<uint32_t>{4, 3, 2, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(sizes(40, 4), (std::vector<uint32_t>{10, 7, 5, 4, 4, 4, 3, 2, 1}));
  EXPECT_EQ(sizes(2, 9), (std::vector<uint32_t>{1, 1}));
}

}  // namespace
}  // namespace heddle::core
