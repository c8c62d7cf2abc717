// SPDX-License-Identifier: Apache-2.0
// What the verbs share: how one is added to the command line, and the options that many have.
#ifndef HEDDLE_CLI_VERB_H_
#define HEDDLE_CLI_VERB_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "heddle/options.h"
#include "heddle/status.h"

namespace heddle::cli {

// Exit status of the program; an error is kFirstError + its Code.
enum Exit : int { kDone = 0, kCheckFailed = 1, kUsage = 2, kFirstError = 10 };

// What the command line asks for: an exit status, or why it could not be done.
using Action = std::function<Result<int>()>;

// Each adds its verb to `app`; parsing that verb sets `action`.
void AddRun(CLI::App& app, Action& action);
void AddInspect(CLI::App& app, Action& action);
void AddVerify(CLI::App& app, Action& action);
void AddBench(CLI::App& app, Action& action);

// A verb with its example at the end of the help.
CLI::App* AddVerb(CLI::App& app, const std::string& name, const std::string& what,
                  const std::string& example);

CLI::Option* AddNumerics(CLI::App* verb, std::string& numerics);  // "fast" or "reference"
Numerics NumericsOf(const std::string& name);

CLI::Option* AddDevice(CLI::App* verb, std::string& device);
// This build runs models on the CPU alone.
Status CheckDevice(const std::string& device);

CLI::Option* AddJson(CLI::App* verb, bool& json);

// What an option takes, told in the message where it is something else.
CLI::Validator WholeNumber(int lowest);
CLI::Validator AboveZero();
CLI::Validator FiniteNumber();

// Writes to standard output; RunCommandLine tells when that fails.
void Print(std::string_view text);
// A line on standard error, control characters made visible.
void Complain(std::string_view text);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_VERB_H_
