// SPDX-License-Identifier: Apache-2.0
#include "crew/failure.h"

#include <gtest/gtest.h>

namespace heddle::core {
namespace {

TEST(LowestFailure, NothingFailedAtFirst) {
  const LowestFailure failure;
  EXPECT_FALSE(failure.LeavesOut(0));
  EXPECT_FALSE(failure.LeavesOut(0xffff));
  EXPECT_EQ(failure.CodeOr(0), 0u);
  EXPECT_EQ(failure.CodeOr(9), 9u);
}

// In whatever order they end.
TEST(LowestFailure, TheLowestDecides) {
  for (const uint32_t first : {2u, 5u}) {
    LowestFailure failure;
    failure.Note(1, 0);
    failure.Note(first, 10 + first);
    failure.Note(7 - first, 17 - first);
    EXPECT_EQ(failure.CodeOr(9), 12u);
    failure.Clear();
    EXPECT_EQ(failure.CodeOr(9), 9u);
    EXPECT_FALSE(failure.LeavesOut(8));
  }
}

TEST(LowestFailure, OnlyWhatComesAfterItIsLeftOut) {
  LowestFailure failure;
  failure.Note(5, 1);
  EXPECT_FALSE(failure.LeavesOut(4));
  EXPECT_FALSE(failure.LeavesOut(5));
  EXPECT_TRUE(failure.LeavesOut(6));
  failure.Note(0, 1);
  EXPECT_FALSE(failure.LeavesOut(0));
  EXPECT_TRUE(failure.LeavesOut(1));
}

}  // namespace
}  // namespace heddle::core
