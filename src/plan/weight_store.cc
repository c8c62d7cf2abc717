// SPDX-License-Identifier: Apache-2.0
#include "plan/weight_store.h"

#include <fmt/format.h>

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
// Of the file: a load takes a millisecond or two longer; what is more waits for the first run.
constexpr size_t kCheckedWhenTaken = size_t{16} << 20;

size_t RoundUp(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

}  // namespace

WeightStore::~WeightStore() { Release(bytes_); }

Result<const std::byte*> WeightStore::Pack(const void* source, std::string_view layout,
                                           size_t bytes,
                                           const std::function<void(std::byte*)>& fill) {
  const auto filled = [&](std::byte* blob) {
    fill(blob);
    return Status();
  };
  const std::lock_guard<std::mutex> lock(mutex_);
  return PackNew(source, layout, bytes, filled, Look::kLater);
}

// Called by a `fill`, so under the lock.
void WeightStore::FillParts(int64_t parts, int64_t part_bytes, const FillRange& fill) {
  if (filler_) return filler_(parts, part_bytes, fill);
  fill(0, parts);
}

void WeightStore::FillBy(Filler filler) {
  const std::lock_guard<std::mutex> lock(mutex_);
  filler_ = std::move(filler);
}

Result<const std::byte*> WeightStore::TryPack(const void* source, std::string_view layout,
                                              size_t bytes,
                                              const std::function<Status(std::byte*)>& fill) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return PackNew(source, layout, bytes, fill, Look::kNow);
}

Result<const std::byte*> WeightStore::PackNew(const void* source, std::string_view layout,
                                              size_t bytes,
                                              const std::function<Status(std::byte*)>& fill,
                                              Look look) {
  std::pair<const void*, std::string> key(source, layout);
  const auto found = blobs_.find(key);
  if (found != blobs_.end()) return found->second.data;
  HEDDLE_TRY(Reserve(bytes));
  const std::byte* made = nullptr;
  bool room = false;
  const Status status = Caught([&]() -> Status {
    Known known{bytes, NameOf(source, layout), true};
    made = FromFile(known.name, bytes, look);
    if (made == nullptr) {
      HEDDLE_ASSIGN(std::byte * blob, Room(bytes));
      room = true;
      HEDDLE_TRY(fill(blob));
      made = blob;
      known.taken = false;
    }
    if (source_name_) known_[made] = std::move(known);
    blobs_.emplace(std::move(key), Blob{made, bytes});
    return Status();
  });
  if (status.ok()) return made;
  known_.erase(made);
  if (room) GiveBack(bytes);
  Release(bytes);
  return status;
}

std::string WeightStore::NameOf(const void* source, std::string_view layout) const {
  if (!source_name_) return "";
  std::string name = source_name_(source);
  const auto* address = static_cast<const std::byte*>(source);
  auto before = known_.upper_bound(address);
  if (name.empty() && before != known_.begin()) {
    const auto& [blob, known] = *--before;
    const size_t offset = static_cast<size_t>(address - blob);
    if (offset < known.bytes && !known.name.empty())
      name = fmt::format("({})+{}", known.name, offset);
  }
  return name.empty() ? name : fmt::format("{} {}", name, layout);
}

const std::byte* WeightStore::FromFile(const std::string& name, size_t bytes, Look look) {
  if (!file_ || name.empty()) return nullptr;
  const PackedFile::Blob* blob = file_->Find(name);
  if (blob == nullptr || blob->bytes.size() != bytes) return nullptr;
  if (look == Look::kNow || all_when_taken_ || bytes <= kCheckedWhenTaken - checked_bytes_) {
    if (!blob->Intact()) {
      intact_ = false;
      return nullptr;
    }
    if (look == Look::kLater && !all_when_taken_) checked_bytes_ += bytes;
  } else {
    unchecked_.push_back(blob);
  }
  return blob->bytes.data();
}

Status WeightStore::Reserve(size_t bytes) {
  if (bytes > limit_bytes_ || bytes_ > limit_bytes_ - bytes)
    return ResourceExhausted("packed weights need {} bytes more than the limit of {}", bytes,
                             limit_bytes_);
  if (budget_ != nullptr && !budget_->Take(bytes)) {
    budget_->Reclaim();
    if (!budget_->Take(bytes))
      return ResourceExhausted(
          "packed weights need {} bytes, the engine's limit is {} and {} are in use", bytes,
          budget_->limit(), budget_->used());
  }
  bytes_ += bytes;
  return Status();
}

void WeightStore::Release(size_t bytes) {
  bytes_ -= bytes;
  if (budget_ != nullptr) budget_->Give(bytes);
}

Result<std::byte*> WeightStore::Room(size_t bytes) {
  const size_t need = RoundUp(std::max<size_t>(bytes, 1), kAlignment);
  HEDDLE_TRY(MakeRoom(need));
  Chunk& chunk = chunks_.back();
  std::byte* taken = chunk.memory.data() + chunk.used;
  chunk.used += need;
  return taken;
}

Status WeightStore::MakeRoom(size_t need) {
  if (!chunks_.empty() && !chunks_.back().sealed &&
      chunks_.back().memory.size() - chunks_.back().used >= need)
    return Status();
  const size_t before = bytes_ - std::min(bytes_, need);  // what this is for is counted already
  const size_t left = expected_bytes_ - std::min(expected_bytes_, before);
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

// The pages of a file that was mapped are the system's already.
void WeightStore::Spend(std::span<const std::byte> blob) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto it = std::find_if(blobs_.begin(), blobs_.end(), [&](const auto& entry) {
    return entry.second.data == blob.data() &&
           RoundUp(entry.second.bytes, kAlignment) == RoundUp(blob.size(), kAlignment);
  });
  if (it == blobs_.end()) return;
  const Blob spent = it->second;
  for (Chunk& chunk : chunks_) {
    const size_t offset = static_cast<size_t>(spent.data - chunk.memory.data());
    if (offset < chunk.used && !chunk.memory.GiveBack(offset, spent.bytes).ok()) return;
  }
  known_.erase(spent.data);
  blobs_.erase(it);
  Release(spent.bytes);
}

size_t WeightStore::bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

void WeightStore::NameSources(SourceName name, std::optional<PackedFile> file) {
  const std::lock_guard<std::mutex> lock(mutex_);
  source_name_ = std::move(name);
  file_ = std::move(file);
}

std::vector<NamedBlob> WeightStore::Named() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<NamedBlob> blobs;
  for (const auto& [data, known] : known_)
    if (!known.taken && !known.name.empty()) blobs.push_back({known.name, {data, known.bytes}});
  return blobs;
}

bool WeightStore::intact() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return intact_;
}

bool WeightStore::checked() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return unchecked_.empty();
}

bool WeightStore::Check() {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const PackedFile::Blob* blob : unchecked_) intact_ = intact_ && blob->Intact();
  unchecked_.clear();
  all_when_taken_ = true;
  return intact_;
}

void WeightStore::Forget() {
  const std::lock_guard<std::mutex> lock(mutex_);
  blobs_.clear();
  known_.clear();
  chunks_.clear();
  file_.reset();
  unchecked_.clear();
  intact_ = true;
  Release(bytes_);
}

}  // namespace heddle::core
