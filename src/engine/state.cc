// SPDX-License-Identifier: Apache-2.0
#include "engine/state.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/errors.h"

namespace heddle::core {

Result<std::unique_ptr<State>> State::Make(std::shared_ptr<const StateLayout> layout,
                                           MemoryBudget& budget, const State* of_model) {
  std::unique_ptr<State> state(new State(budget));
  state->of_model_ = of_model;
  for (const StateLayout::Memory& m : layout->memories) {
    state->offsets_.push_back(state->memory_bytes_);
    state->memory_bytes_ += (m.bytes + 63) / 64 * 64;
  }
  HEDDLE_TRY(state->Take(state->memory_bytes_));
  state->memories_.reset(new (std::nothrow) std::byte[state->memory_bytes_ + 64]);
  if (state->memories_ == nullptr)
    return ResourceExhausted("no memory for {} bytes of state", state->memory_bytes_);
  state->resources_ = std::vector<Stored>(layout->of_model.size());
  state->done_.resize(layout->initialisers.size());
  state->layout_ = std::move(layout);
  state->Reset();
  return state;
}

State::~State() { budget_.Give(taken_); }

Status State::Take(uint64_t bytes) {
  if (!budget_.Take(bytes))
    return ResourceExhausted("state of {} bytes is past the engine's limit of {}, {} are in use",
                             bytes, budget_.limit(), budget_.used());
  taken_ += bytes;
  return Status();
}

void State::Reset() {
  for (size_t i = 0; i < offsets_.size(); ++i)
    std::memset(memory(static_cast<int>(i)), static_cast<int>(layout_->memories[i].fill),
                layout_->memories[i].bytes);
  for (Stored& stored : resources_) stored.resource.set = false;
  done_.assign(done_.size(), false);
}

void State::Drop(Stored& stored) {
  budget_.Give(stored.value_room + stored.keys_room);
  taken_ -= stored.value_room + stored.keys_room;
  stored = Stored();
}

void State::DropSessions() {
  for (size_t r = 0; r < resources_.size(); ++r)
    if (!layout_->of_model[r]) Drop(resources_[r]);
}

const Resource* State::Find(int32_t id) {
  if (id < 0 || static_cast<size_t>(id) >= resources_.size()) return nullptr;
  const bool elsewhere = of_model_ != nullptr && layout_->of_model[id];
  return &(elsewhere ? of_model_ : this)->resources_[id].resource;
}

Status State::Store(const ResourceValue& from, ResourceValue* to,
                    std::unique_ptr<std::byte[]>* memory, size_t* room) {
  if (from.bytes.size() > *room) {
    std::unique_ptr<std::byte[]> larger(new (std::nothrow) std::byte[from.bytes.size()]);
    if (larger == nullptr)
      return ResourceExhausted("no memory for {} bytes of state", from.bytes.size());
    HEDDLE_TRY(Take(from.bytes.size() - *room));
    *memory = std::move(larger);
    *room = from.bytes.size();
  }
  if (!from.bytes.empty()) std::memcpy(memory->get(), from.bytes.data(), from.bytes.size());
  *to = {from.type, from.shape, {memory->get(), from.bytes.size()}};
  return Status();
}

Status State::Assign(int32_t id, const ResourceValue& value) {
  if (of_model_ != nullptr && layout_->of_model[id]) return Status();
  Stored& s = resources_[id];
  s.resource.set = false;  // what fails half-way holds nothing
  s.resource.keys = {};
  HEDDLE_TRY(Store(value, &s.resource.value, &s.value, &s.value_room));
  s.resource.set = true;
  return Status();
}

Status State::Import(int32_t id, const ResourceValue& keys, const ResourceValue& values) {
  if (of_model_ != nullptr && layout_->of_model[id]) return Status();
  Stored& s = resources_[id];
  if (s.resource.set) return Status();
  HEDDLE_TRY(Store(values, &s.resource.value, &s.value, &s.value_room));
  HEDDLE_TRY(Store(keys, &s.resource.keys, &s.keys, &s.keys_room));
  s.resource.index.Build(s.resource.keys);
  s.resource.set = true;
  return Status();
}

bool State::BeginOnce(int subgraph) {
  const auto& all = layout_->initialisers;
  const size_t i = static_cast<size_t>(std::find(all.begin(), all.end(), subgraph) - all.begin());
  // What the Model has for all needs no second run.
  if (of_model_ != nullptr && !layout_->writes_session[i]) return false;
  if (done_[i]) return false;
  done_[i] = true;
  return true;
}

void State::UndoOnce(int subgraph) {
  const auto& all = layout_->initialisers;
  done_[static_cast<size_t>(std::find(all.begin(), all.end(), subgraph) - all.begin())] = false;
}

void State::Swap(State& other) {
  std::swap(taken_, other.taken_);
  memories_.swap(other.memories_);
  resources_.swap(other.resources_);
  done_.swap(other.done_);
}

Status State::CopyFrom(const State& other) {
  Reset();
  std::memcpy(memories_.get(), other.memories_.get(), memory_bytes_);
  for (size_t r = 0; r < resources_.size(); ++r) {
    const Resource& from = other.resources_[r].resource;
    if (!from.set) continue;
    const auto id = static_cast<int32_t>(r);
    const bool table = from.keys.type != Type::kNone;
    HEDDLE_TRY(table ? Import(id, from.keys, from.value) : Assign(id, from.value));
  }
  done_ = other.done_;
  return Status();
}

}  // namespace heddle::core
