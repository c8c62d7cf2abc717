// SPDX-License-Identifier: Apache-2.0
// tests/cli/check_trace.py holds whole files against what they claim.
#include "cli/trace.h"

#include <gtest/gtest.h>

namespace heddle::cli {
namespace {

bool Says(const std::string& text, const char* part) { return text.find(part) != text.npos; }

TEST(TraceJson, TimesCountFromTheFirstBegin) {
  const core::TraceSpan spans[] = {{nullptr, nullptr, -1, {0, 0}, 7, 5'001'500, 5'002'000},
                                   {nullptr, nullptr, -1, {0, 0}, 8, 5'001'000, 5'003'250}};
  const std::string text = TraceJson(spans, 0);
  EXPECT_TRUE(Says(text, "\"ts\": 0.5")) << text;
  EXPECT_TRUE(Says(text, "\"dur\": 2.25")) << text;
  EXPECT_TRUE(Says(text, "\"lost\": 0")) << text;
}

// The step's own span, which would keep it, found no room.
TEST(TraceJson, TilesOfAnUnknownStepAreLeftOut) {
  const core::TraceSpan spans[] = {
      {nullptr, nullptr, -1, {0, 0}, 7, 0, 10},
      {nullptr, reinterpret_cast<const core::PlanStep*>(8), 0, {0, 4}, 7, 2, 3}};
  const std::string text = TraceJson(spans, 5);
  EXPECT_FALSE(Says(text, "tiles")) << text;
  EXPECT_TRUE(Says(text, "\"lost\": 5")) << text;
  EXPECT_TRUE(Says(text, "\"call\"")) << text;
}

TEST(TraceJson, OfNothing) { EXPECT_TRUE(Says(TraceJson({}, 0), "\"traceEvents\": []")); }

}  // namespace
}  // namespace heddle::cli
