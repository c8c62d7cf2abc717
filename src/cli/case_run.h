// SPDX-License-Identifier: Apache-2.0
// The model of a suite's case, and its calls.
#ifndef HEDDLE_CLI_CASE_RUN_H_
#define HEDDLE_CLI_CASE_RUN_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/golden_set.h"
#include "cli/ports.h"
#include "heddle/engine.h"
#include "model/model.h"

namespace heddle::cli {

// Thread-safe.
struct CaseModel {
  static Result<CaseModel> Load(const Engine& engine, const std::string& path, Numerics numerics);

  std::shared_ptr<const core::Model> source;
  heddle::Model model;
};

struct CaseCall {
  Ports ports;
  std::vector<OwnedTensor> inputs;
};

// Every call of a case: the inputs of its goldens, hash inputs where there is none.
Result<std::vector<CaseCall>> CallsOf(const CaseModel& model, const GoldenSet& goldens);

// Calls that follow each other, on a Session where the model can have one.
class CaseRun {
 public:
  // A model that can have none makes one call.
  static Result<CaseRun> Open(const CaseModel& model, size_t calls);
  Result<Outputs> Run(const Ports& ports, const std::vector<OwnedTensor>& inputs);

 private:
  explicit CaseRun(const heddle::Model& model) : model_(model) {}
  heddle::Model model_;
  std::optional<Session> session_;
};

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_CASE_RUN_H_
