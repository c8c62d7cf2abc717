// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_CLI_COMMAND_LINE_H_
#define HEDDLE_CLI_COMMAND_LINE_H_

namespace heddle::cli {

// The program: parses, runs a verb, gives the exit status.
int RunCommandLine(int argc, char** argv);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_COMMAND_LINE_H_
