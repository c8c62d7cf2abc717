// SPDX-License-Identifier: Apache-2.0
// What the verbs share.
#ifndef HEDDLE_CLI_VERB_H_
#define HEDDLE_CLI_VERB_H_

#include <string>
#include <string_view>

#include "heddle/options.h"
#include "heddle/status.h"

namespace heddle::cli {

// Exit status of the program; an error is kFirstError + its Code.
enum Exit : int { kDone = 0, kCheckFailed = 1, kUsage = 2, kFirstError = 10 };

Numerics NumericsOf(const std::string& name);  // "fast" or "reference"

// This build runs models on the CPU alone.
Status CheckDevice(const std::string& device);

// Writes to standard output; RunCommandLine tells when that fails.
void Print(std::string_view text);
// A line on standard error, control characters made visible.
void Complain(std::string_view text);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_VERB_H_
