// SPDX-License-Identifier: Apache-2.0
// Suites: models with inputs and golden outputs, and the rule by which a case passes.
#ifndef HEDDLE_CLI_SUITE_H_
#define HEDDLE_CLI_SUITE_H_

#include <string>
#include <string_view>
#include <vector>

#include "cli/suite_again.h"
#include "heddle/engine.h"

namespace heddle::cli {

// A row of a SUITE.tsv; paths as they stand there.
struct SuiteRow {
  std::string model, golden;
  bool invalid = false;  // must be refused with an error
  std::string tolerance_reference, tolerance_fast;
};

// The rows of a suite; columns are found by their names in the header line.
Result<std::vector<SuiteRow>> ParseSuite(std::string_view text);

enum class Verdict { kPassed, kFailed, kUnsupported };
const char* VerdictName(Verdict verdict);  // "passed"

struct CaseResult {
  Verdict verdict = Verdict::kPassed;
  std::string why;                  // of all but kPassed; of those, what was left out
  std::vector<double> difference;   // per output, the largest of all calls
  std::vector<double> equal_share;  // per output, the smallest of all calls
};

struct CaseOptions {
  Numerics numerics = Numerics::kFast;
  Again again;  // how it is run once more, each time held against the first answer's bits
};

// One case from load to comparison, on a Session of its own. `folder`: what the paths are relative
// to.
CaseResult RunCase(const Engine& engine, const std::string& folder, const SuiteRow& row,
                   const CaseOptions& options);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_SUITE_H_
