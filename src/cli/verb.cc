// SPDX-License-Identifier: Apache-2.0
#include "cli/verb.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/errors.h"
#include "cli/text.h"

namespace heddle::cli {

Numerics NumericsOf(const std::string& name) {
  return name == "reference" ? Numerics::kReference : Numerics::kFast;
}

Status CheckDevice(const std::string& device) {
  if (device == "cpu") return Status();
  return core::Unsupported("device '{}': this build has cpu", device);
}

void Print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Complain(std::string_view text) { fmt::print(stderr, "{}\n", Printable(text)); }

}  // namespace heddle::cli
