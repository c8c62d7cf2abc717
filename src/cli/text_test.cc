// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <gtest/gtest.h>

#include <cmath>

#include "cli/json.h"
#include "cli/top.h"

namespace heddle::cli {
namespace {

TEST(Text, NamesCannotCommandTheTerminal) {
  EXPECT_EQ(Printable("a\x1b[31m\n"), "a\\x1b[31m\\x0a");
  EXPECT_EQ(Printable("größe"), "größe");
}

TEST(Text, ShortensInTheMiddle) {
  EXPECT_EQ(Shortened("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(Shortened("abcdefghijk", 5), "ab…jk");
  EXPECT_EQ(Shortened("ääääääää", 5), "ää…ää");
}

TEST(Text, TablesAreAligned) {
  Table table("lr");
  table.Add({"name", "n"});
  table.Add({"é", "100"});
  EXPECT_EQ(table.Text(" "), " name    n\n é     100\n");
}

TEST(Text, NumbersHaveUnits) {
  EXPECT_EQ(BytesText(999), "999 B");
  EXPECT_EQ(BytesText(14021584), "14.0 MB");
  EXPECT_EQ(CountText(300774272), "300.8 M");
}

TEST(Text, BarsCountEighths) {
  EXPECT_EQ(Bar(0.5, 3), "█▌");
  EXPECT_EQ(Bar(1, 2), "██");
  EXPECT_EQ(Bar(7, 2), "██");
  EXPECT_EQ(Bar(-1, 2), "");
}

TEST(Text, RangesLeaveOutWhatIsNotFinite) {
  Array array{Kind::kFloat, 4, {3}, std::vector<std::byte>(12)};
  const float values[] = {-1.5f, __builtin_nanf(""), 2};
  std::memcpy(array.data.data(), values, sizeof(values));
  EXPECT_EQ(RangeText(array, core::Type::kFloat32), "-1.5 .. 2, 1 not finite");
}

TEST(Json, QuotesAndNests) {
  JsonWriter json;
  json.BeginObject().Field("a\"\\\n", "x\xff\x1b").Field("n", 0.1).Field("i", int64_t{-1});
  json.Field("inf", HUGE_VAL).Field("yes", true).Field("list", std::vector<int>{1, 2}).EndObject();
  EXPECT_EQ(json.text(),
            "{\n  \"a\\\"\\\\\\u000a\": \"x\xEF\xBF\xBD\\u001b\",\n  \"n\": 0.1,\n  \"i\": -1,\n"
            "  \"inf\": null,\n  \"yes\": true,\n  \"list\": [1, 2]\n}\n");
}

TEST(Top, LargestFirstAndDequantised) {
  Array scores{Kind::kInt, 1, {1, 4}, {}};
  for (const int v : {-128, 127, 0, 127}) scores.data.push_back(static_cast<std::byte>(v));
  Port port{"scores", "", core::Type::kInt8, {1, 4}, {}};
  port.quant.scale = {0.5f};
  port.quant.zero_point = {-1};
  ASSERT_TRUE(IsScoreList(scores));
  const std::vector<Score> top = TopScores(scores, port, 3);
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0].index, 1u);
  EXPECT_EQ(top[0].value, 64);
  EXPECT_EQ(top[1].index, 3u);
  EXPECT_EQ(top[2].index, 2u);
  EXPECT_EQ(top[2].value, 0.5);
}

TEST(Top, LabelsAreLines) {
  EXPECT_EQ(SplitLabels("cat\r\ndog\n\nbird"),
            (std::vector<std::string>{"cat", "dog", "", "bird"}));
}

}  // namespace
}  // namespace heddle::cli
