// SPDX-License-Identifier: Apache-2.0
#include "cli/suite.h"

#include <gtest/gtest.h>

#include "cli/golden_set.h"

namespace heddle::cli {
namespace {

using Role = GoldenName::Role;

TEST(Suite, ColumnsAreFoundByName) {
  const auto rows = ParseSuite(
      "notes\tmodel\ttolerance_fast\texpect\tgolden\ttolerance_reference\r\n"
      "x\ta/b.tflite\t1,2e-05\tok\ta/b.npz\t0\r\n"
      "\n"
      "y\tc.tflite\t\tinvalid\t\t\n");
  ASSERT_TRUE(rows.ok()) << rows.status().message();
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].model, "a/b.tflite");
  EXPECT_EQ((*rows)[0].golden, "a/b.npz");
  EXPECT_EQ((*rows)[0].tolerance_fast, "1,2e-05");
  EXPECT_EQ((*rows)[0].tolerance_reference, "0");
  EXPECT_FALSE((*rows)[0].invalid);
  EXPECT_TRUE((*rows)[1].invalid);
}

TEST(Suite, RefusesWhatItDoesNotUnderstand) {
  const std::string header = "model\tgolden\texpect\ttolerance_reference\ttolerance_fast\n";
  EXPECT_EQ(ParseSuite("model\tgolden\texpect\ttolerance_fast\n").status().message(),
            "suite has no column 'tolerance_reference'");
  EXPECT_EQ(ParseSuite(header + "a\tb\tmaybe\t\t\n").status().message(),
            "suite line 2: expect is 'maybe', expected 'ok' or 'invalid'");
  EXPECT_FALSE(ParseSuite(header + "\tb\tok\t\t\n").ok());
  EXPECT_FALSE(ParseSuite(header).ok());
  EXPECT_FALSE(ParseSuite("").ok());
}

TEST(Suite, GoldenNames) {
  struct Case {
    const char* name;
    GoldenName meaning;
  };
  const Case cases[] = {
      {"input_0", {Role::kInput, 0, 0, 1}},
      {"output_12", {Role::kOutput, 12, 0, 1}},
      {"reference_1_stride_7", {Role::kReference, 1, 0, 7}},
      {"xnnpack_0_call_3", {Role::kXnnpack, 0, 3, 1}},
      {"output_2_call_1_stride_15", {Role::kOutput, 2, 1, 15}},
      {"output_2_stride_15_call_1", {Role::kOutput, 2, 1, 15}},
  };
  for (const Case& c : cases) {
    GoldenName meaning;
    ASSERT_TRUE(ParseGoldenName(c.name, &meaning)) << c.name;
    EXPECT_EQ(meaning.role, c.meaning.role) << c.name;
    EXPECT_EQ(meaning.index, c.meaning.index) << c.name;
    EXPECT_EQ(meaning.call, c.meaning.call) << c.name;
    EXPECT_EQ(meaning.stride, c.meaning.stride) << c.name;
  }
  for (const char* other :
       {"signature", "litert_reference_0", "output_", "output_x", "output_0_", "output_-1",
        "output_0_stride_0", "output_0_call_", "input_0_extra_1"}) {
    GoldenName meaning;
    EXPECT_FALSE(ParseGoldenName(other, &meaning)) << other;
  }
}

}  // namespace
}  // namespace heddle::cli
