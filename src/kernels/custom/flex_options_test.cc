// SPDX-License-Identifier: Apache-2.0
#include "kernels/custom/flex_options.h"

#include <flatbuffers/flexbuffers.h>
#include <gtest/gtest.h>

namespace heddle::core {
namespace {

std::span<const std::byte> BytesOf(const std::vector<uint8_t>& v) {
  return std::as_bytes(std::span(v));
}

std::vector<uint8_t> Map() {
  flexbuffers::Builder builder;
  builder.Map([&] {
    builder.Int("small", -3);
    builder.UInt("wide", 1u << 20);
    builder.Float("float", 0.5f);
    builder.Double("double", 1e-300);
    builder.Bool("yes", true);
    builder.String("text", "words");
    builder.IndirectInt("indirect", int64_t{1} << 40);
    builder.Float("whole", 4000.0f);
    builder.Vector("list", [&] { builder.Int(1); });
    builder.TypedVector("ints", [&] {
      for (const int i : {3, -300, 7}) builder.Int(i);
    });
  });
  builder.Finish();
  return builder.GetBuffer();
}

TEST(FlexOptionsTest, ReadsWhatTheBuilderWrites) {
  const std::vector<uint8_t> bytes = Map();
  auto read = FlexOptions::Read(BytesOf(bytes));
  ASSERT_TRUE(read.ok()) << read.status().c_str();
  const FlexOptions& o = *read;
  EXPECT_EQ(*o.Int("small", -10, 10), -3);
  EXPECT_EQ(*o.Int("wide", 0, INT64_MAX), 1 << 20);
  EXPECT_EQ(*o.Int("indirect", 0, INT64_MAX), int64_t{1} << 40);
  EXPECT_EQ(*o.Int("whole", 0, 5000), 4000);
  EXPECT_EQ(*o.Float("float"), 0.5f);
  EXPECT_EQ(*o.Float("small"), -3.0f);
  EXPECT_TRUE(*o.Bool("yes", false));
  EXPECT_EQ(*o.Int("absent", 7, 0, 1), 7);
  EXPECT_FALSE(o.Has("absent"));
  EXPECT_EQ(*o.Ints("ints", -300, 7), (std::vector<int64_t>{3, -300, 7}));
  EXPECT_EQ(o.Text("text", "none"), "words");
  EXPECT_EQ(o.Text("absent", "none"), "none");
}

TEST(FlexOptionsTest, ErrorsNameTheOption) {
  const std::vector<uint8_t> bytes = Map();
  const FlexOptions o = *FlexOptions::Read(BytesOf(bytes));
  EXPECT_STREQ(o.Int("absent", 0, 1).status().c_str(), "custom option 'absent' is missing");
  EXPECT_STREQ(o.Int("small", 0, 9).status().c_str(),
               "custom option 'small' is -3, expected 0 to 9");
  EXPECT_STREQ(o.Int("float", 0, 9).status().c_str(), "custom option 'float' is no whole number");
  EXPECT_STREQ(o.Ints("ints", 0, 9).status().c_str(),
               "custom option 'ints' holds -300, expected 0 to 9");
  EXPECT_STREQ(o.Ints("list", 0, 9).status().c_str(),
               "custom option 'list' is no vector of integers");
  EXPECT_STREQ(o.Float("text").status().c_str(), "custom option 'text' is no finite number");
}

TEST(FlexOptionsTest, NoBytesAreNoOptions) {
  auto read = FlexOptions::Read({});
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->Has("any"));
}

// Every prefix and every changed byte is read or refused, never read past its end: the bytes stand
// at the end of their allocation, which the address sanitizer watches.
TEST(FlexOptionsTest, SurvivesBrokenBytes) {
  const std::vector<uint8_t> good = Map();
  int refused = 0;
  for (size_t n = 0; n <= good.size(); ++n) {
    const std::vector<uint8_t> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n));
    refused += !FlexOptions::Read(BytesOf(cut)).ok();
  }
  for (size_t i = 0; i < good.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      std::vector<uint8_t> bad = good;
      bad[i] = static_cast<uint8_t>(value);
      refused += !FlexOptions::Read(BytesOf(bad)).ok();
    }
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace heddle::core
