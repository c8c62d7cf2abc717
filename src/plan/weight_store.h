// SPDX-License-Identifier: Apache-2.0
// WeightStore: the one copy of what a Model's Programs make of its constants.
#ifndef HEDDLE_PLAN_WEIGHT_STORE_H_
#define HEDDLE_PLAN_WEIGHT_STORE_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/memory_budget.h"
#include "kernels/operation.h"
#include "kernels/part_filler.h"
#include "plan/packed_file.h"

namespace heddle::core {

// Memory is taken from anonymous pages. Seal makes every page written so far read-only for good: a
// stray write to a packed weight is a fault, not a wrong answer. Thread-safe.
//
// What another process has packed may be taken in its place. A blob is then known by the name of
// its source and its layout; which constant a source is, the same file always names the same way.
class WeightStore final : public PackStore, public PartFiller {
 public:
  // `expected_bytes`: about as much will be packed; a guess only costs address space. `budget`:
  // where its bytes come from; nullptr: nowhere.
  explicit WeightStore(uint64_t limit_bytes, size_t expected_bytes = 0,
                       std::shared_ptr<MemoryBudget> budget = nullptr)
      : limit_bytes_(limit_bytes), expected_bytes_(expected_bytes), budget_(std::move(budget)) {}
  ~WeightStore();
  WeightStore(const WeightStore&) = delete;
  WeightStore& operator=(const WeightStore&) = delete;

  Result<const std::byte*> Pack(const void* source, std::string_view layout, size_t bytes,
                                const std::function<void(std::byte*)>& fill) override;
  // By whom FillBy names, else on this thread.
  void FillParts(int64_t parts, int64_t part_bytes, const FillRange& fill) override;
  // See PartFiller::FillParts; it must not ask this for anything.
  using Filler = std::function<void(int64_t parts, int64_t part_bytes, const FillRange& fill)>;
  void FillBy(Filler filler);
  // The same of what can fail to be made: then nothing of it is kept.
  Result<const std::byte*> TryPack(const void* source, std::string_view layout, size_t bytes,
                                   const std::function<Status(std::byte*)>& fill);
  Status Seal();
  size_t bytes() const;  // handed out and not spent
  // These bytes are read no more. If they are all of something that was packed here, their whole
  // pages go back to the system, and whoever packs the same again gets it made anew.
  // REQUIRES: sealed.
  void Spend(std::span<const std::byte> blob);

  // "": it has none. What is packed from an earlier blob is named after that one.
  using SourceName = std::function<std::string(const void* source)>;
  // REQUIRES: nothing is packed yet. `name` is called while something is. From `file`, if there is
  // one, comes what it has.
  void NameSources(SourceName name, std::optional<PackedFile> file);
  // What was packed here of sources that have names. REQUIRES: sealed. The bytes live as long as
  // this, or until Forget.
  std::vector<NamedBlob> Named() const;
  // Whether all that came from the file, or was to come, is as it was packed. What is looked at
  // when it is taken is packed anew if it is not. Of the rest, in files that are large, somebody
  // must ask before the first run: Check looks at it, and leaves no rest from then on.
  bool intact() const;
  bool checked() const;
  bool Check();
  // Everything that was packed or taken, and the file. REQUIRES: nobody reads any of it any more.
  void Forget();

 private:
  struct Chunk {
    AnonymousMemory memory;
    size_t used = 0;
    bool sealed = false;
  };
  struct Blob {
    const std::byte* data = nullptr;
    size_t bytes = 0;
  };
  struct Known {
    size_t bytes = 0;
    std::string name;  // "": none
    bool taken = false;
  };
  enum class Look : uint8_t { kNow, kLater };  // at a blob of the file

  // REQUIRES, all below: mutex_ held.
  Result<const std::byte*> PackNew(const void* source, std::string_view layout, size_t bytes,
                                   const std::function<Status(std::byte*)>& fill, Look look);
  std::string NameOf(const void* source, std::string_view layout) const;
  // nullptr: the file has none that can be trusted.
  const std::byte* FromFile(const std::string& name, size_t bytes, Look look);
  Status Reserve(size_t bytes);
  void Release(size_t bytes);
  Result<std::byte*> Room(size_t bytes);
  Status MakeRoom(size_t need);  // in the last chunk
  void GiveBack(size_t bytes);   // what was taken last

  const uint64_t limit_bytes_;
  const size_t expected_bytes_;
  const std::shared_ptr<MemoryBudget> budget_;
  mutable std::mutex mutex_;
  std::vector<Chunk> chunks_;
  std::map<std::pair<const void*, std::string>, Blob> blobs_;
  std::map<const std::byte*, Known> known_;  // by address, where sources have names
  size_t bytes_ = 0;
  Filler filler_;  // may be empty

  SourceName source_name_;
  std::optional<PackedFile> file_;
  std::vector<const PackedFile::Blob*> unchecked_;
  size_t checked_bytes_ = 0;  // of the file, when they were taken
  bool intact_ = true;
  bool all_when_taken_ = false;
};

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_WEIGHT_STORE_H_
