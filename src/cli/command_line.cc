// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/caught.h"
#include "base/errors.h"
#include "cli/flags.h"
#include "cli/verb.h"

namespace heddle::cli {
namespace {

// The exit status of what was done, or why not all of it could be written.
Result<int> Written(Result<int> done) {
  std::fflush(stdout);
  if (!done.ok() || std::ferror(stdout) == 0) return done;
  return core::ResourceExhausted("cannot write all of standard output");
}

int ExitStatus(const Result<int>& done) {
  if (done.ok()) return *done;
  Complain(fmt::format("heddle: {}", done.status().message()));
  return kFirstError + static_cast<int>(done.status().code());
}

}  // namespace

int RunCommandLine(int argc, char** argv) {
  return ExitStatus(core::Caught([&] {
    const Action action = ParseFlags(argc, argv);
    return Written(action());
  }));
}

}  // namespace heddle::cli
