// SPDX-License-Identifier: Apache-2.0
// What the verbs and their options are called, what they take, and the help.
#ifndef HEDDLE_CLI_FLAGS_H_
#define HEDDLE_CLI_FLAGS_H_

#include <functional>

#include "heddle/status.h"

namespace heddle::cli {

// What the command line asks for: an exit status, or why it could not be done.
using Action = std::function<Result<int>()>;

// Help and complaints of wrong usage are written here: then the action has only the exit status.
Action ParseFlags(int argc, char** argv);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_FLAGS_H_
