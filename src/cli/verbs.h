// SPDX-License-Identifier: Apache-2.0
// The verbs: what a command line gives each of them, and what does it.
#ifndef HEDDLE_CLI_VERBS_H_
#define HEDDLE_CLI_VERBS_H_

#include <optional>
#include <string>
#include <vector>

#include "heddle/status.h"

namespace heddle::cli {

// A member is what the option of its name says, else what goes without it.
struct RunGiven {
  std::string model, inputs, image, labels, signature, output, trace;
  std::string numerics = "fast", device = "cpu";
  std::vector<std::string> input;  // NAME=F.npy
  std::optional<float> mean, std;
  int top = 0, cores = 0;
  bool hash_inputs = false, profile = false, json = false;
};

struct InspectGiven {
  std::string model;
  bool steps = false, json = false;
};

struct VerifyGiven {
  std::string model, suite, numerics, filter, device = "cpu";
  std::vector<std::string> again;
  bool json = false;
};

struct BenchGiven {
  std::string model, inputs, trace, numerics = "fast", device = "cpu";
  std::string callers = "1,2,4", arrivals = "poisson";
  double rate = 0, seconds = 3;  // rate: of --open-loop; 0: not asked for
  int cores = 0;
  bool profile = false, json = false;
};

// The exit status, or why it could not be done.
Result<int> Do(const RunGiven& given);
Result<int> Do(const InspectGiven& given);
Result<int> Do(const VerifyGiven& given);
Result<int> Do(const BenchGiven& given);

// The numbers in "1,2,4", each one that `heddle bench` takes.
Result<std::vector<int>> CallersOf(const std::string& list);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_VERBS_H_
