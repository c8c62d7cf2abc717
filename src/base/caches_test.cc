// SPDX-License-Identifier: Apache-2.0
#include "base/caches.h"

#include <gtest/gtest.h>

#include "base/testing/temp_tree.h"

namespace heddle::core {
namespace {

void WriteCache(const TempTree& tree, int index, const char* level, const char* type,
                const char* size) {
  const std::string folder =
      "sys/devices/system/cpu/cpu3/cache/index" + std::to_string(index) + "/";
  tree.Write(folder + "level", level);
  tree.Write(folder + "type", type);
  tree.Write(folder + "size", size);
}

TEST(ReadCacheSizes, DataCachesByLevel) {
  const TempTree tree;
  WriteCache(tree, 0, "1\n", "Data\n", "48K\n");
  WriteCache(tree, 1, "1\n", "Instruction\n", "32K\n");
  WriteCache(tree, 2, "2\n", "Unified\n", "2048K\n");
  WriteCache(tree, 3, "3\n", "Unified\n", "107520K\n");
  EXPECT_EQ(ReadCacheSizes(3, tree.root()),
            (std::vector<size_t>{48 << 10, 2048 << 10, 107520 << 10}));
}

TEST(ReadCacheSizes, AHoleEndsTheList) {
  const TempTree tree;
  WriteCache(tree, 0, "1", "Data", "64K");
  WriteCache(tree, 1, "3", "Unified", "8192K");
  EXPECT_EQ(ReadCacheSizes(3, tree.root()), (std::vector<size_t>{64 << 10}));
}

TEST(ReadCacheSizes, NonsenseIsReplaced) {
  const std::vector<size_t> usual = {32 << 10, 512 << 10, 8 << 20};
  const TempTree tree;
  EXPECT_EQ(ReadCacheSizes(3, tree.root()), usual);
  for (const char* size : {"", "K", "-3K", "32", "many K", "99999999999K"}) {
    WriteCache(tree, 0, "1", "Data", size);
    EXPECT_EQ(ReadCacheSizes(3, tree.root()), usual) << size;
  }
}

TEST(ReadCacheSizes, OfThisMachine) {
  size_t before = 0;
  for (const size_t bytes : ReadCacheSizes()) {
    EXPECT_GT(bytes, before);
    before = bytes;
  }
  EXPECT_GT(before, 0u);
}

}  // namespace
}  // namespace heddle::core
