// SPDX-License-Identifier: Apache-2.0
#include "plan/weight_store.h"

#include <sys/mman.h>

#include <algorithm>

#include "base/errors.h"

namespace heddle::core {
namespace {

// Small enough that a tiny model maps little, large enough that MobileNets need a handful.
constexpr size_t kChunkBytes = size_t{1} << 20;
constexpr size_t kAlignment = 64;
constexpr size_t kPage = 4096;

size_t RoundUp(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

}  // namespace

WeightStore::~WeightStore() {
  for (const Chunk& c : chunks_) munmap(c.data, c.size);
}

Result<const std::byte*> WeightStore::Pack(const void* source, std::string_view layout,
                                           size_t bytes,
                                           const std::function<void(std::byte*)>& fill) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::pair<const void*, std::string> key(source, layout);
  const auto found = blobs_.find(key);
  if (found != blobs_.end()) return found->second;
  HEDDLE_ASSIGN(std::byte * blob, Take(bytes));
  fill(blob);
  blobs_.emplace(std::move(key), blob);
  return static_cast<const std::byte*>(blob);
}

Result<std::byte*> WeightStore::Take(size_t bytes) {
  if (bytes > limit_bytes_ || bytes_ > limit_bytes_ - bytes)
    return ResourceExhausted("packed weights need {} bytes more than the limit of {}", bytes,
                             limit_bytes_);
  const size_t need = RoundUp(std::max<size_t>(bytes, 1), kAlignment);
  if (chunks_.empty() || chunks_.back().sealed ||
      chunks_.back().size - chunks_.back().used < need) {
    const size_t size = RoundUp(std::max(need, kChunkBytes), kPage);
    void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED)
      return ResourceExhausted("no memory for {} bytes of packed weights", size);
    chunks_.push_back({static_cast<std::byte*>(data), size, 0, false});
  }
  Chunk& chunk = chunks_.back();
  std::byte* taken = chunk.data + chunk.used;
  chunk.used += need;
  bytes_ += bytes;
  return taken;
}

void WeightStore::Seal() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (Chunk& c : chunks_) {
    if (c.sealed) continue;
    const size_t kept = RoundUp(std::max<size_t>(c.used, 1), kPage);
    if (kept < c.size) munmap(c.data + kept, c.size - kept);
    c.size = kept;
    mprotect(c.data, c.size, PROT_READ);
    c.sealed = true;
  }
}

size_t WeightStore::bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return bytes_;
}

}  // namespace heddle::core
