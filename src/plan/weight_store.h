// SPDX-License-Identifier: Apache-2.0
// WeightStore: the one copy of what a Model's Programs make of its constants.
#ifndef HEDDLE_PLAN_WEIGHT_STORE_H_
#define HEDDLE_PLAN_WEIGHT_STORE_H_

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/memory_budget.h"
#include "kernels/operation.h"

namespace heddle::core {

// Memory is taken from anonymous pages. Seal makes every page written so far read-only for good: a
// stray write to a packed weight is a fault, not a wrong answer. Thread-safe.
class WeightStore final : public PackStore {
 public:
  // `expected_bytes`: about as much will be packed; a guess only costs address space. `budget`:
  // where its bytes come from, outlives this; nullptr: nowhere.
  explicit WeightStore(uint64_t limit_bytes, size_t expected_bytes = 0,
                       MemoryBudget* budget = nullptr)
      : limit_bytes_(limit_bytes), expected_bytes_(expected_bytes), budget_(budget) {}
  ~WeightStore();
  WeightStore(const WeightStore&) = delete;
  WeightStore& operator=(const WeightStore&) = delete;

  Result<const std::byte*> Pack(const void* source, std::string_view layout, size_t bytes,
                                const std::function<void(std::byte*)>& fill) override;
  // The same of what can fail to be made: then nothing of it is kept.
  Result<const std::byte*> TryPack(const void* source, std::string_view layout, size_t bytes,
                                   const std::function<Status(std::byte*)>& fill);
  Status Seal();
  size_t bytes() const;  // handed out so far

 private:
  struct Chunk {
    AnonymousMemory memory;
    size_t used = 0;
    bool sealed = false;
  };
  Result<std::byte*> Take(size_t bytes);  // REQUIRES: mutex_ held
  Status MakeRoom(size_t need);           // in the last chunk
  void GiveBack(size_t bytes);            // what was taken last

  const uint64_t limit_bytes_;
  const size_t expected_bytes_;
  MemoryBudget* const budget_;
  mutable std::mutex mutex_;
  std::vector<Chunk> chunks_;
  std::map<std::pair<const void*, std::string>, const std::byte*> blobs_;
  size_t bytes_ = 0;
};

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_WEIGHT_STORE_H_
