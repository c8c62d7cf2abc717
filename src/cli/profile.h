// SPDX-License-Identifier: Apache-2.0
// `heddle bench --profile`: the time of each step.
#ifndef HEDDLE_CLI_PROFILE_H_
#define HEDDLE_CLI_PROFILE_H_

#include <string>
#include <vector>

#include "cli/ports.h"
#include "heddle/options.h"

namespace heddle::cli {

struct StepTime {
  int op = 0;
  std::string name, kernel, shape;  // of output 0
  int64_t macs = 0;
  double us = -1;  // below 0: not a step that can be run by itself
};

// Runs the main graph's steps one by one, each many times on the values that a whole run gave it,
// so its operands are in the cache more often than in a call. The median is what counts.
Result<std::vector<StepTime>> ProfileSteps(const std::string& path, Numerics numerics,
                                           const std::vector<TensorView>& inputs);

std::string ProfileText(const std::vector<StepTime>& steps);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_PROFILE_H_
