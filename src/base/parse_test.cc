// SPDX-License-Identifier: Apache-2.0
#include "base/parse.h"

#include <gtest/gtest.h>

namespace heddle::core {
namespace {

using Ints = std::vector<int>;
using Parts = std::vector<std::string_view>;

TEST(Split, FieldsAndLines) {
  EXPECT_EQ(SplitFields("  a\tbb \n c"), (Parts{"a", "bb", "c"}));
  EXPECT_EQ(SplitFields(" \n"), Parts{});
  EXPECT_EQ(SplitLines("a b\n\nc\n"), (Parts{"a b", "c"}));
  EXPECT_EQ(Trim("\t a b\n"), "a b");
  EXPECT_EQ(Trim(" \n"), "");
}

TEST(ParseInt, WholeNumbersOnly) {
  EXPECT_EQ(ParseInt(" 42\n"), 42);
  EXPECT_EQ(ParseInt("-1"), -1);
  EXPECT_EQ(ParseInt("9223372036854775807"), INT64_MAX);
  for (const char* bad :
       {"", " ", "max", "1 2", "12x", "0x10", "9223372036854775808", "1.5", "+1"}) {
    EXPECT_EQ(ParseInt(bad), std::nullopt) << bad;
  }
}

TEST(ParseCpuList, Ranges) {
  EXPECT_EQ(ParseCpuList("0-3,8,10-11\n"), (Ints{0, 1, 2, 3, 8, 10, 11}));
  EXPECT_EQ(ParseCpuList("5"), Ints{5});
  EXPECT_EQ(ParseCpuList("\n"), Ints{});
  for (const char* bad :
       {"3-1", "a", "1,,2", "1,", ",1", "-1", "1-", "2,1", "1,1", "0-99999999999", "65536"}) {
    EXPECT_EQ(ParseCpuList(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace heddle::core
