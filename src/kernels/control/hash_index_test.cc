// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "kernels/state.h"

namespace heddle::core {
namespace {

std::span<const std::byte> BytesOf(const int64_t& value) {
  return std::as_bytes(std::span(&value, 1));
}

TEST(HashIndex, FindsTheFirstOfEqualKeys) {
  std::vector<int64_t> keys;
  for (int64_t i = 0; i < 1000; ++i) keys.push_back(i * 7919 % 500);
  const ResourceValue value{Type::kInt64, Shape({1000}), std::as_bytes(std::span(keys))};
  HashIndex index;
  index.Build(value);
  EXPECT_EQ(index.size(), 500);
  for (const int64_t& key : keys) {
    const auto first = std::find(keys.begin(), keys.end(), key) - keys.begin();
    EXPECT_EQ(index.Find(value, BytesOf(key)), first);
  }
  const int64_t missing = 500;
  EXPECT_EQ(index.Find(value, BytesOf(missing)), -1);
}

TEST(HashIndex, OfNoKeysFindsNone) {
  const ResourceValue value{Type::kInt64, Shape({0}), {}};
  HashIndex index;
  index.Build(value);
  const int64_t key = 0;
  EXPECT_EQ(index.Find(value, BytesOf(key)), -1);
  EXPECT_EQ(index.size(), 0);
}

}  // namespace
}  // namespace heddle::core
