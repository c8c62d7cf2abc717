// SPDX-License-Identifier: Apache-2.0
// `heddle bench --profile`: the time of each step.
#ifndef HEDDLE_CLI_PROFILE_H_
#define HEDDLE_CLI_PROFILE_H_

#include <string>
#include <vector>

#include "heddle/engine.h"

namespace heddle::cli {

std::string ProfileText(const std::vector<StepTime>& steps);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_PROFILE_H_
