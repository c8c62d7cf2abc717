// SPDX-License-Identifier: Apache-2.0
// `heddle verify --suite`.
#ifndef HEDDLE_CLI_VERIFY_SUITE_H_
#define HEDDLE_CLI_VERIFY_SUITE_H_

#include <string>

#include "cli/suite_again.h"
#include "heddle/options.h"
#include "heddle/status.h"

namespace heddle::cli {

struct SuiteOptions {
  std::string path;
  Numerics numerics = Numerics::kFast;
  std::string filter;  // a glob on the model's path; empty: all
  Again again;
  bool json = false;
};

// Runs the cases on all cores and prints what the command line promises, in the suite's order.
Result<int> VerifySuite(const SuiteOptions& options);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_VERIFY_SUITE_H_
