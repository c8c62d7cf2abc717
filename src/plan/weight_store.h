// SPDX-License-Identifier: Apache-2.0
// WeightStore: the one copy of what a Model's Programs make of its constants.
#ifndef HEDDLE_PLAN_WEIGHT_STORE_H_
#define HEDDLE_PLAN_WEIGHT_STORE_H_

#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "kernels/operation.h"

namespace heddle::core {

// Memory is taken from anonymous pages. Seal makes every page written so far read-only for good: a
// stray write to a packed weight is a fault, not a wrong answer. Thread-safe.
class WeightStore final : public PackStore {
 public:
  explicit WeightStore(uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}
  ~WeightStore();
  WeightStore(const WeightStore&) = delete;
  WeightStore& operator=(const WeightStore&) = delete;

  Result<const std::byte*> Pack(const void* source, std::string_view layout, size_t bytes,
                                const std::function<void(std::byte*)>& fill) override;
  void Seal();
  size_t bytes() const;  // handed out so far

 private:
  struct Chunk {
    std::byte* data = nullptr;
    size_t size = 0, used = 0;
    bool sealed = false;
  };
  Result<std::byte*> Take(size_t bytes);  // REQUIRES: mutex_ held

  const uint64_t limit_bytes_;
  mutable std::mutex mutex_;
  std::vector<Chunk> chunks_;
  std::map<std::pair<const void*, std::string>, const std::byte*> blobs_;
  size_t bytes_ = 0;
};

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_WEIGHT_STORE_H_
