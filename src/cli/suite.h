// SPDX-License-Identifier: Apache-2.0
// Suites: models with inputs and golden outputs, and the rule by which a case passes.
#ifndef HEDDLE_CLI_SUITE_H_
#define HEDDLE_CLI_SUITE_H_

#include <string>
#include <string_view>
#include <vector>

#include "cli/npz.h"
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
  std::string why;                  // of all but kPassed
  std::vector<double> difference;   // per output, the largest of all calls
  std::vector<double> equal_share;  // per output, the smallest of all calls
};

// What the arrays of a golden mean: "reference_1_call_2_stride_7".
struct GoldenName {
  enum class Role { kInput, kOutput, kReference, kXnnpack };
  Role role = Role::kInput;
  int index = 0;
  int call = 0;
  int stride = 1;
};
// False: a name that is no golden (and is ignored).
bool ParseGoldenName(std::string_view name, GoldenName* out);

// One case from load to comparison, on a Session of its own. `folder`: what the paths are relative
// to.
CaseResult RunCase(const Engine& engine, const std::string& folder, const SuiteRow& row,
                   Numerics numerics);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_SUITE_H_
