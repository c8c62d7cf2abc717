// SPDX-License-Identifier: Apache-2.0
// The part of a LoadedModel that sees to its weights: who packs them, the cache of packed ones, and
// what is given back.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/caught.h"
#include "engine/loaded_model.h"
#include "plan/spent.h"

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
  found_ = false;
  return Status();
}

Status LoadedModel::CheckWeights(const RunControl& control) {
  if (checked_.load(std::memory_order_acquire)) return Status();
  const PatientLock::Hold hold(checking_, control);
  HEDDLE_TRY(hold.Check());
  if (checked_) return Status();
  if (!weights_->Check()) return PackAgain(control);
  GiveBackSpent();
  checked_ = true;
  return Status();
}

// In pieces of a few milliseconds, since turns go round. Without a turn where none is free: who
// waits for one here, while the holder of one waits for what is made here, would wait for ever.
void LoadedModel::FillParts(int64_t parts, int64_t part_bytes, const FillRange& fill) {
  constexpr float kNsPerByte = 0.4f, kPieceNs = 3'000'000, kWorthHelpNs = 100'000;
  struct Piece {
    const FillRange& fill;
    int64_t first;
  };
  Region region;
  region.tile_ns = kNsPerByte * static_cast<float>(part_bytes);
  region.run = [](void* arg, int64_t begin, int64_t end, std::byte*) {
    const Piece& piece = *static_cast<const Piece*>(arg);
    piece.fill(piece.first + begin, piece.first + end);
    return uint32_t{0};
  };
  if (static_cast<float>(parts) * region.tile_ns < kWorthHelpNs) return fill(0, parts);
  const auto most = std::max<int64_t>(2, static_cast<int64_t>(kPieceNs / (region.tile_ns + 1)));
  for (int64_t first = 0; first < parts; first += most) {
    Piece piece{fill, first};
    region.arg = &piece;
    region.tiles = std::min(most, parts - first);
    Turn turn(Crew::OfProcess(), Priority::kNormal, engine_->cap(), Turn::NoWait());
    (turn.held() ? engine_->ExecutorOf(turn) : AloneExecutor()).Run(region);
  }
}

// Not while what was packed waits to be kept, or is not known to be intact: both may need all of
// it. A model that keeps all shows its constants, too.
void LoadedModel::GiveBackSpent() {
  constexpr size_t kWorthSpending = 16384;  // a system call
  const bool keeps = cache_ != nullptr && !found_;
  if (options_.keep_all || keeps || !weights_->checked()) return;
  const Status done = Caught([&] {
    std::vector<const Program*> programs;
    for (const auto& lazy : entries_)
      programs.push_back(lazy->entry == nullptr ? nullptr : lazy->entry->program().get());
    const std::vector<std::span<const std::byte>> spent = FindSpent(*model_, programs);
    for (const std::span<const std::byte> blob : spent)
      if (blob.size() >= kWorthSpending) weights_->Spend(blob);
    model_->GiveBack(spent);
    return Status();
  });
  static_cast<void>(done);  // without memory to find out, what there is stays
}

}  // namespace heddle::core
