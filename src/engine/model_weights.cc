// SPDX-License-Identifier: Apache-2.0
// The part of a LoadedModel that knows the cache of packed weights.
#include <optional>
#include <utility>

#include "engine/loaded_model.h"

namespace heddle::core {
namespace {

// An embedding program's operator may compute something else tomorrow, and what is computed of
// constants with it, too.
bool UsesRegistered(const Model& model, const OperatorSource* registered) {
  if (registered == nullptr) return false;
  for (const Subgraph& graph : model.subgraphs())
    for (const Operator& op : graph.operators)
      if (op.code == OpCode::kCUSTOM && registered->Has(op.custom_name)) return true;
  return false;
}

}  // namespace

void LoadedModel::FindWeights() {
  const std::optional<PackedCache>& cache = engine_->options().cache;
  if (!cache || options_.keep_all || !cache->Takes(*model_) ||
      UsesRegistered(*model_, options_.registered.get())) {
    checked_ = true;
    return;
  }
  cache_ = &*cache;
  Result<PackedFile> file = cache_->Find(*model_, {options_.numerics, options_.isa});
  found_ = file.ok();
  weights_->NameSources(
      [model = model_.get()](const void* source) { return NameOfSource(*model, source); },
      found_ ? std::optional<PackedFile>(std::move(file).value()) : std::nullopt);
}

Status LoadedModel::KeepWeights() {
  if (cache_ == nullptr) return Status();
  if (!weights_->intact()) return PackAgain({});
  if (!found_) cache_->KeepLater(model_, {options_.numerics, options_.isa}, weights_);
  if (weights_->checked()) checked_ = weights_->Check();
  return Status();
}

Status LoadedModel::PackAgain(const RunControl& control) {
  for (const auto& lazy : entries_) {
    lazy->ready = nullptr;
    lazy->entry = nullptr;
    lazy->error = Status();
  }
  weights_->Forget();
  cache_->Reject(*model_, {options_.numerics, options_.isa});
  checked_ = true;
  HEDDLE_TRY(UncheckedEntryOf(0, control).status());
  cache_->KeepLater(model_, {options_.numerics, options_.isa}, weights_);
  return Status();
}

Status LoadedModel::CheckWeights(const RunControl& control) {
  if (checked_.load(std::memory_order_acquire)) return Status();
  const PatientLock::Hold hold(checking_, control);
  HEDDLE_TRY(hold.Check());
  if (checked_) return Status();
  if (!weights_->Check()) return PackAgain(control);
  checked_ = true;
  return Status();
}

}  // namespace heddle::core
