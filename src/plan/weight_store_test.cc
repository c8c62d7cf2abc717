// SPDX-License-Identifier: Apache-2.0
#include "plan/weight_store.h"

#include <gtest/gtest.h>

#include <new>

namespace heddle::core {
namespace {

TEST(WeightStore, OneCopyPerSourceAndLayout) {
  WeightStore store(1 << 20);
  int filled = 0;
  const auto fill = [&](std::byte* data) {
    ++filled;
    data[0] = std::byte{42};
  };
  const int a = 0, b = 0;
  const std::byte* first = *store.Pack(&a, "rows", 100, fill);
  EXPECT_EQ(*store.Pack(&a, "rows", 100, fill), first);
  EXPECT_NE(*store.Pack(&a, "columns", 100, fill), first);
  EXPECT_NE(*store.Pack(&b, "rows", 100, fill), first);
  EXPECT_EQ(filled, 3);
  EXPECT_EQ(store.bytes(), 300u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(first) % 64, 0u);
}

TEST(WeightStore, TheLimitHoldsBeforeMemoryIsTaken) {
  WeightStore store(1000);
  const int a = 0;
  const auto never = [](std::byte*) { ADD_FAILURE() << "filled past the limit"; };
  EXPECT_EQ(store.Pack(&a, "big", size_t{1} << 50, never).status().code(),
            Code::kResourceExhausted);
}

TEST(WeightStore, WhatFailsToBeMadeIsMadeAgain) {
  MemoryBudget budget(1 << 20);
  WeightStore store(1 << 20, 0, &budget);
  const int a = 0;
  const auto fails = [](std::byte* d) {
    d[5] = std::byte{1};
    return Status(Code::kResourceExhausted, "no scratch");
  };
  const auto throws = [](std::byte*) -> Status { throw std::bad_alloc(); };
  const std::byte* first = *store.Pack(&a, "first", 100, [](std::byte* d) { d[0] = std::byte{7}; });
  EXPECT_EQ(store.TryPack(&a, "rows", 100, fails).status().message(), "no scratch");
  EXPECT_EQ(store.TryPack(&a, "rows", 100, throws).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(store.bytes(), 100u);
  EXPECT_EQ(budget.used(), 100u);
  const std::byte* made = *store.TryPack(&a, "rows", 100, [](std::byte* d) {
    EXPECT_EQ(d[5], std::byte{0}) << "of the attempt that failed";
    d[6] = std::byte{2};
    return Status();
  });
  EXPECT_EQ(made[6], std::byte{2});
  EXPECT_EQ(first[0], std::byte{7});
  EXPECT_EQ(budget.used(), 200u);
}

TEST(WeightStore, AfterSealOldBlobsStandAndNewOnesFit) {
  WeightStore store(1 << 20);
  const int a = 0;
  const std::byte* first = *store.Pack(&a, "first", 10, [](std::byte* d) { d[9] = std::byte{7}; });
  ASSERT_TRUE(store.Seal().ok());
  const std::byte* second =
      *store.Pack(&a, "second", 10, [](std::byte* d) { d[0] = std::byte{8}; });
  EXPECT_EQ(first[9], std::byte{7});
  EXPECT_EQ(second[0], std::byte{8});
}

TEST(WeightStoreDeathTest, AWriteToASealedWeightIsAFault) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  WeightStore store(1 << 20);
  const int a = 0;
  const std::byte* blob = *store.Pack(&a, "rows", 100, [](std::byte* d) { d[0] = std::byte{1}; });
  ASSERT_TRUE(store.Seal().ok());
  EXPECT_DEATH(*const_cast<volatile std::byte*>(blob) = std::byte{2}, "");
}

}  // namespace
}  // namespace heddle::core
