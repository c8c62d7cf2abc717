// SPDX-License-Identifier: Apache-2.0
// A case run again in ways that must not change its answers.
#ifndef HEDDLE_CLI_SUITE_AGAIN_H_
#define HEDDLE_CLI_SUITE_AGAIN_H_

#include <span>
#include <string>
#include <vector>

#include "cli/case_run.h"

namespace heddle::cli {

struct Again {
  bool resized = false;   // between its calls, the same call with more rows
  bool threads = false;   // by many threads at once, on a model that nobody has run yet
  bool poisoned = false;  // in memory full of other bytes than the last time
  bool any() const { return resized || threads || poisoned; }
};

// The outputs of one call.
using Answer = std::vector<OwnedTensor>;
Answer AnswerOf(const Outputs& outputs);

// What a case is and what its calls answered at first.
struct FirstRun {
  const Engine& engine;
  const std::string path;
  Numerics numerics;
  const CaseModel& model;
  const std::vector<CaseCall>& calls;
  std::vector<Answer> answers;
};

// Why an answer is not the first one's bits, or a run failed; empty: all are the same.
std::string RunAgain(const FirstRun& first, const Again& again);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_SUITE_AGAIN_H_
