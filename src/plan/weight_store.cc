// SPDX-License-Identifier: Apache-2.0
#include "plan/weight_store.h"

#include <algorithm>
#include <cstring>

#include "base/caught.h"
#include "base/errors.h"

namespace heddle::core {
namespace {

// Small enough that a tiny model maps little; large enough that large pages can hold what a large
// one packs.
constexpr size_t kSmallestChunk = size_t{1} << 20, kLargestChunk = size_t{64} << 20;
constexpr size_t kAlignment = 64;

size_t RoundUp(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

}  // namespace

WeightStore::~WeightStore() {
  if (budget_ != nullptr) budget_->Give(bytes_);
}

Result<const std::byte*> WeightStore::Pack(const void* source, std::string_view layout,
                                           size_t bytes,
                                           const std::function<void(std::byte*)>& fill) {
  return TryPack(source, layout, bytes, [&](std::byte* blob) {
    fill(blob);
    return Status();
  });
}

Result<const std::byte*> WeightStore::TryPack(const void* source, std::string_view layout,
                                              size_t bytes,
                                              const std::function<Status(std::byte*)>& fill) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::pair<const void*, std::string> key(source, layout);
  const auto found = blobs_.find(key);
  if (found != blobs_.end()) return found->second;
  HEDDLE_ASSIGN(std::byte * blob, Take(bytes));
  const Status filled = Caught([&]() -> Status {
    HEDDLE_TRY(fill(blob));
    blobs_.emplace(std::move(key), blob);
    return Status();
  });
  if (filled.ok()) return static_cast<const std::byte*>(blob);
  GiveBack(bytes);
  return filled;
}

Result<std::byte*> WeightStore::Take(size_t bytes) {
  if (bytes > limit_bytes_ || bytes_ > limit_bytes_ - bytes)
    return ResourceExhausted("packed weights need {} bytes more than the limit of {}", bytes,
                             limit_bytes_);
  const size_t need = RoundUp(std::max<size_t>(bytes, 1), kAlignment);
  HEDDLE_TRY(MakeRoom(need));
  if (budget_ != nullptr && !budget_->Take(bytes)) {
    budget_->Reclaim();
    if (!budget_->Take(bytes))
      return ResourceExhausted(
          "packed weights need {} bytes, the engine's limit is {} and {} are in use", bytes,
          budget_->limit(), budget_->used());
  }
  bytes_ += bytes;
  Chunk& chunk = chunks_.back();
  std::byte* taken = chunk.memory.data() + chunk.used;
  chunk.used += need;
  return taken;
}

Status WeightStore::MakeRoom(size_t need) {
  if (!chunks_.empty() && !chunks_.back().sealed &&
      chunks_.back().memory.size() - chunks_.back().used >= need)
    return Status();
  const size_t left = expected_bytes_ - std::min(expected_bytes_, bytes_);
  Chunk chunk;
  HEDDLE_ASSIGN(chunk.memory, AnonymousMemory::Allocate(
                                  std::max(need, std::clamp(left, kSmallestChunk, kLargestChunk))));
  chunks_.push_back(std::move(chunk));
  return Status();
}

void WeightStore::GiveBack(size_t bytes) {
  const size_t need = RoundUp(std::max<size_t>(bytes, 1), kAlignment);
  Chunk& chunk = chunks_.back();
  chunk.used -= need;
  std::memset(chunk.memory.data() + chunk.used, 0, need);  // as whoever fills it next expects it
  bytes_ -= bytes;
  if (budget_ != nullptr) budget_->Give(bytes);
}

Status WeightStore::Seal() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (Chunk& c : chunks_) {
    if (c.sealed) continue;
    c.memory.Shrink(c.used);
    HEDDLE_TRY(c.memory.Seal());
    c.sealed = true;
  }
  return Status();
}

size_t WeightStore::bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

}  // namespace heddle::core
