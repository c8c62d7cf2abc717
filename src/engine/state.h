// SPDX-License-Identifier: Apache-2.0
// State: what one session's calls remember.
#ifndef HEDDLE_ENGINE_STATE_H_
#define HEDDLE_ENGINE_STATE_H_

#include <memory>
#include <vector>

#include "base/memory_budget.h"
#include "kernels/state.h"
#include "plan/state_layout.h"

namespace heddle::core {

// Used by one call at a time, but for one that holds nothing of a session's own: that one is only
// read. Its bytes come from the engine's budget.
class State final : public CallState {
 public:
  // `of_model`: holds the Model's resources, outlives this; nullptr: this one is it.
  static Result<std::unique_ptr<State>> Make(std::shared_ptr<const StateLayout> layout,
                                             MemoryBudget& budget, const State* of_model);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const Resource* Find(int32_t id) override;
  Status Assign(int32_t id, const ResourceValue& value) override;
  Status Import(int32_t id, const ResourceValue& keys, const ResourceValue& values) override;

  const StateLayout& layout() const { return *layout_; }
  std::byte* memory(int index) const { return memories_.get() + offsets_[index]; }
  // Whether this state needs the initialiser to run, which marks it as run.
  bool BeginOnce(int subgraph);
  void UndoOnce(int subgraph);

  // As it was when made.
  void Reset();
  // Frees what belongs to sessions: of the Model's own state, once its initialisers have run.
  void DropSessions();
  // The whole state as bytes, for Restore on any machine. Restore refuses bytes of another Model,
  // or that are not whole, and then changes nothing.
  std::vector<std::byte> Save() const;
  Status Restore(std::span<const std::byte> bytes);
  Status CopyFrom(const State& other);

 private:
  struct Stored {  // a resource and the memory behind it
    Resource resource;
    std::unique_ptr<std::byte[]> value, keys;
    size_t value_room = 0, keys_room = 0;
  };
  explicit State(MemoryBudget& budget) : budget_(budget) {}
  Status Store(const ResourceValue& from, ResourceValue* to, std::unique_ptr<std::byte[]>* memory,
               size_t* room);
  void Drop(Stored& stored);
  void Swap(State& other);  // REQUIRES: of the same Model
  Status Load(std::span<const std::byte> body);
  Status Take(uint64_t bytes);

  std::shared_ptr<const StateLayout> layout_;
  MemoryBudget& budget_;
  const State* of_model_ = nullptr;
  uint64_t taken_ = 0;
  std::unique_ptr<std::byte[]> memories_;
  size_t memory_bytes_ = 0;
  std::vector<size_t> offsets_;
  std::vector<Stored> resources_;
  std::vector<bool> done_;  // by initialiser
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_STATE_H_
