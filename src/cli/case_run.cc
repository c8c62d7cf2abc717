// SPDX-License-Identifier: Apache-2.0
#include "cli/case_run.h"

#include <chrono>

namespace heddle::cli {
namespace {

// A model that loops for ever fails its case instead of stopping the suite.
constexpr std::chrono::minutes kCallLimit{20};
constexpr uint32_t kHashStep = 16;  // of the hash rule, from one call to the next

}  // namespace

Result<CaseModel> CaseModel::Load(const Engine& engine, const std::string& path,
                                  Numerics numerics) {
  HEDDLE_ASSIGN(std::shared_ptr<const core::Model> source, core::Model::ReadFile(path));
  LoadOptions options;
  options.numerics = numerics;
  HEDDLE_ASSIGN(heddle::Model model, engine.Load(path, options));
  return CaseModel{std::move(source), std::move(model)};
}

Result<std::vector<CaseCall>> CallsOf(const CaseModel& model, const GoldenSet& goldens) {
  std::vector<CaseCall> calls(static_cast<size_t>(goldens.calls()));
  for (int i = 0; i < goldens.calls(); ++i) {
    CaseCall& call = calls[static_cast<size_t>(i)];
    HEDDLE_ASSIGN(call.ports, PortsOf(*model.source, goldens.SignatureOf(i)));
    const auto offset = kHashStep * static_cast<uint32_t>(i);
    HEDDLE_ASSIGN(call.inputs, MakeInputs(call.ports, goldens.InputsOf(i), offset));
  }
  return calls;
}

Result<CaseRun> CaseRun::Open(const CaseModel& model, size_t calls) {
  CaseRun run(model.model);
  Result<Session> session = run.model_.NewSession();
  if (session.ok()) {
    run.session_.emplace(std::move(*session));
  } else if (calls > 1 || session.status().code() != Code::kUnsupported) {
    return session.status();
  }
  return run;
}

Result<Outputs> CaseRun::Run(const Ports& ports, const std::vector<OwnedTensor>& inputs) {
  RunOptions options;
  options.deadline = std::chrono::steady_clock::now() + kCallLimit;
  options.signature = ports.key();
  const std::vector<TensorView> views = ViewsOf(inputs);
  return session_ ? session_->Run(std::span(views), options)
                  : model_.Run(std::span(views), options);
}

}  // namespace heddle::cli
