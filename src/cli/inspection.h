// SPDX-License-Identifier: Apache-2.0
// What can be told of a model without running it.
#ifndef HEDDLE_CLI_INSPECTION_H_
#define HEDDLE_CLI_INSPECTION_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/model.h"
#include "plan/audit.h"
#include "plan/batch.h"

namespace heddle::cli {

struct OperatorUse {  // one operator in one version
  std::string name;
  int version = 1;
  int count = 0;
  int on_cpu = 0;  // of them, those that the CPU takes
  int64_t macs = 0;
};

struct StepFact {
  int op = 0;
  std::string name, kernel, inputs, outputs;  // shapes, constants left out
  int64_t macs = 0;
};

struct Inspection {
  std::shared_ptr<const core::Model> model;
  std::string sha256;  // of the file
  const char* isa = "";
  std::vector<OperatorUse> operators;  // of all subgraphs, the most used first
  std::vector<StepFact> steps;         // of the main graph at the file's shapes, as far as it plans
  std::vector<std::string> problems;   // what would make it fail; empty: nothing known
  std::vector<core::Finding> findings;    // those as errors, and what the audit found
  std::vector<std::string> state;         // what a session of it keeps
  std::optional<core::BatchProof> batch;  // whether calls may be stacked; nothing where it fails
  uint64_t weights_bytes = 0;             // of constants in the file
  uint64_t packed_bytes = 0;              // what the engine makes of them
  uint64_t activation_bytes = 0;          // of one call
  int64_t macs = 0;
  bool whole_plan = false;  // steps, macs and activation_bytes tell of the whole main graph
};

// Fails only where the file is no model at all.
Result<Inspection> Inspect(const std::string& path);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_INSPECTION_H_
