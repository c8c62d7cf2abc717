// SPDX-License-Identifier: Apache-2.0
#include "cli/suite.h"

#include <algorithm>
#include <array>

#include "base/errors.h"

namespace heddle::cli {
namespace {

using core::InvalidArgument;

std::vector<std::string_view> Split(std::string_view line, char separator) {
  std::vector<std::string_view> fields;
  for (;;) {
    const size_t at = line.find(separator);
    fields.push_back(line.substr(0, at));
    if (at == std::string_view::npos) return fields;
    line.remove_prefix(at + 1);
  }
}

}  // namespace

const char* VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPassed:
      return "passed";
    case Verdict::kFailed:
      return "failed";
    case Verdict::kUnsupported:
      return "unsupported";
  }
  return "";
}

Result<std::vector<SuiteRow>> ParseSuite(std::string_view text) {
  constexpr std::array kColumns = {"model", "golden", "expect", "tolerance_reference",
                                   "tolerance_fast"};
  std::array<size_t, kColumns.size()> at{};
  std::vector<SuiteRow> rows;
  size_t number = 0;
  for (std::string_view line : Split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const std::vector<std::string_view> fields = Split(line, '\t');
    if (number == 1) {
      for (size_t c = 0; c < kColumns.size(); ++c) {
        const auto it = std::find(fields.begin(), fields.end(), kColumns[c]);
        if (it == fields.end()) return InvalidArgument("suite has no column '{}'", kColumns[c]);
        at[c] = static_cast<size_t>(it - fields.begin());
      }
      continue;
    }
    const auto field = [&](size_t c) {
      return std::string(at[c] < fields.size() ? fields[at[c]] : std::string_view());
    };
    const std::string expect = field(2);
    if (field(0).empty() || (expect != "ok" && expect != "invalid")) {
      return InvalidArgument("suite line {}: expect is '{}', expected 'ok' or 'invalid'", number,
                             expect);
    }
    rows.push_back({field(0), field(1), expect == "invalid", field(3), field(4)});
  }
  if (number == 0 || rows.empty()) return InvalidArgument("suite has no cases");
  return rows;
}

}  // namespace heddle::cli
