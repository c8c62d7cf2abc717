// SPDX-License-Identifier: Apache-2.0
// A case run again in ways that must not change its answers.
#ifndef HEDDLE_CLI_SUITE_AGAIN_H_
#define HEDDLE_CLI_SUITE_AGAIN_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cli/case_run.h"

namespace heddle::cli {

struct Again {
  bool resized = false;   // between its calls, the same call with more rows
  bool threads = false;   // by many threads at once, on a model that nobody has run yet
  bool poisoned = false;  // in memory full of other bytes than the last time
  int64_t within_ns = int64_t{60} * 1'000'000'000;  // what first took longer is not run again
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

// Why a case that took so long is not run again; empty: it is.
std::string WhyNotAgain(int64_t took_ns, const Again& again);

// Why an answer is not the first one's bits, or a run failed; empty: all are the same.
std::string RunAgain(const FirstRun& first, const Again& again);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_SUITE_AGAIN_H_
