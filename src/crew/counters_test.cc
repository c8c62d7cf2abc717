// SPDX-License-Identifier: Apache-2.0
#include "crew/counters.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstring>

namespace heddle::core {
namespace {

TEST(CrewCounters, SinceTakesEveryNumberThatGrows) {
  CrewCounters counters;
  std::memset(static_cast<void*>(&counters), 1, sizeof(counters));
  const CrewCounters since = counters.Since(counters);
  EXPECT_EQ(since.budget, counters.budget);
  std::array<uint64_t, (sizeof(CrewCounters) - offsetof(CrewCounters, governor_moves)) / 8> grown;
  std::memcpy(grown.data(), &since.governor_moves, sizeof(grown));
  for (const uint64_t n : grown) EXPECT_EQ(n, 0u);
}

}  // namespace
}  // namespace heddle::core
