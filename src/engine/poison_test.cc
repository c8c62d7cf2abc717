// SPDX-License-Identifier: Apache-2.0
#include "engine/poison.h"

#include <gtest/gtest.h>

#include <array>

namespace heddle::core {
namespace {

TEST(Poison, OtherBytesInEachRunOnceAskedFor) {
  std::array<unsigned char, 4> memory{};
  const std::array<unsigned char, 4> zeros{};
  Poison poison;
  poison.NextRun();
  poison.Fill(memory.data(), memory.size());
  EXPECT_EQ(memory, zeros);
  PoisonRuns();
  poison.NextRun();
  poison.Fill(memory.data(), memory.size());
  const auto first = memory;
  EXPECT_NE(first, zeros);
  poison.NextRun();
  poison.Fill(memory.data(), memory.size());
  EXPECT_NE(memory, first);
  EXPECT_NE(memory, zeros);
}

}  // namespace
}  // namespace heddle::core
