// SPDX-License-Identifier: Apache-2.0
// `heddle verify MODEL`.
#ifndef HEDDLE_CLI_VERIFY_MODEL_H_
#define HEDDLE_CLI_VERIFY_MODEL_H_

#include <optional>
#include <string>

#include "heddle/options.h"
#include "heddle/status.h"

namespace heddle::cli {

struct VerifyOptions {
  std::string model;
  std::optional<Numerics> numerics;  // nothing: both
  bool json = false;
};

// Runs the model on every ISA of this CPU and holds every tensor against the plain kernels' bits.
Result<int> VerifyModel(const VerifyOptions& options);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_VERIFY_MODEL_H_
