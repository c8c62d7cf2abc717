// SPDX-License-Identifier: Apache-2.0
// LoadedModel: whose state a call runs on, and the part that all calls share.
#include "base/errors.h"
#include "engine/loaded_model.h"

namespace heddle::core {

Result<std::shared_ptr<const Plan>> LoadedModel::PlanOf(int subgraph, std::span<const Shape> inputs,
                                                        const RunControl& control) {
  HEDDLE_ASSIGN(Entry * entry, EntryOf(subgraph, control));
  return entry->PlanOf(inputs, control);
}

Result<std::shared_ptr<const Plan>> LoadedModel::NextPlan(const std::shared_ptr<const Plan>& before,
                                                          const Found& found) {
  HEDDLE_ASSIGN(Entry * entry, EntryOf(before->program->subgraph_index()));
  return entry->NextPlan(before, found);
}

// Runs every initialiser once, so that what a call reads does not depend on the calls before it.
Status LoadedModel::Initialise(const RunControl& control) {
  if (initialised_.load(std::memory_order_acquire)) return Status();
  const PatientLock::Hold hold(initialising_, control);
  HEDDLE_TRY(hold.Check());
  if (initialised_.load(std::memory_order_relaxed)) return Status();
  HEDDLE_ASSIGN(model_state_, State::Make(layout_, engine_->budget(), nullptr));
  for (int subgraph : layout_->initialisers) {
    if (!model_state_->BeginOnce(subgraph)) continue;
    HEDDLE_ASSIGN(Entry * entry, EntryOf(subgraph, control));
    HEDDLE_ASSIGN(Entry::Lease lease, entry->Acquire({}, control));
    const Status status = lease.Run(control, model_state_.get());
    if (!status.ok())
      return Status(status.code(),
                    fmt::format("initialiser, subgraph {}, {}", subgraph, status.message()));
  }
  model_state_->DropSessions();
  HEDDLE_ASSIGN(shared_state_, State::Make(layout_, engine_->budget(), model_state_.get()));
  initialised_.store(true, std::memory_order_release);
  return Status();
}

Result<std::unique_ptr<State>> LoadedModel::NewState(const RunControl& control) {
  HEDDLE_TRY(Initialise(control));
  return State::Make(layout_, engine_->budget(), model_state_.get());
}

const char* LoadedModel::StateName(const char* signature) const {
  const Result<const Ports*> ports = FindPorts(signature);
  if (!ports.ok()) return nullptr;
  const std::string& name = layout_->named[static_cast<size_t>((*ports)->subgraph)];
  return name.empty() ? nullptr : name.c_str();
}

Result<State*> LoadedModel::StateFor(int subgraph, const RunRequest& request,
                                     std::unique_ptr<State>* own) {
  if (!layout_->touches[subgraph]) return static_cast<State*>(nullptr);
  if (request.state != nullptr) return request.state;
  HEDDLE_TRY(Initialise(request.control));
  const std::string& name = layout_->named[subgraph];
  if (!name.empty() && !request.fresh_state)
    return FailedPrecondition(
        "the model keeps state ({}): run it in a Session, or ask for a fresh state", name);
  // A random generator starts anew for every call.
  if (name.empty() && layout_->memories.empty()) return shared_state_.get();
  HEDDLE_ASSIGN(*own, NewState(request.control));
  return own->get();
}

}  // namespace heddle::core
