// SPDX-License-Identifier: Apache-2.0
// PackedCache: packed weights on disk, so that the next process need not pack them again.
#ifndef HEDDLE_ENGINE_PACKED_CACHE_H_
#define HEDDLE_ENGINE_PACKED_CACHE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/build_id.h"
#include "base/cache_folder.h"
#include "kernels/operation.h"
#include "model/model.h"
#include "plan/packed_file.h"
#include "plan/weight_store.h"

namespace heddle::core {

// Two kinds of files in one folder. One holds the packed weights of a model's bytes (by their
// SHA-256) for numerics, ISA and the build that packed them. The other says, of a model's file as
// it was at some time, what its SHA-256 is, so that a load need not read it all to know. Immutable,
// thread-safe. Whatever the folder holds or lacks, no answer depends on it.
class PackedCache {
 public:
  struct Options {
    std::string folder;
    std::string build = BuildId();  // "": nothing is ever kept
    uint64_t most_bytes = uint64_t{2} << 30;
    // Of a model's file, and of what is packed from it: less is packed about as soon as it is
    // found (docs/cold_start.md has the measurement).
    uint64_t smallest_bytes = uint64_t{256} << 10;
    int64_t settled_ns = FileLook::kSettledNs;  // of a model's file
  };
  explicit PackedCache(Options options) : options_(std::move(options)) {}

  // What a Program is made for.
  struct Use {
    Numerics numerics = Numerics::kFast;
    Isa isa = Isa::kPlain;
  };

  // Whether it can be known by its file, and is worth it.
  bool Takes(const Model& model) const;
  // REQUIRES, all below: Takes(model).
  Result<PackedFile> Find(const Model& model, Use use) const;
  // What was found is not what had been packed: nobody shall find it again.
  void Reject(const Model& model, Use use) const;
  // Reads the model's bytes and writes. An error says why it was left undone.
  Status Keep(const Model& model, Use use, std::span<const NamedBlob> blobs,
              const std::atomic<bool>& stop) const;
  // Some time later, where it is worth it, unless the process ends before. REQUIRES: `weights` are
  // sealed, nobody makes it Forget.
  void KeepLater(std::shared_ptr<const Model> model, Use use,
                 std::shared_ptr<const WeightStore> weights) const;

 private:
  Result<std::string> KnownHash(const CacheFolder& folder, const Model& model) const;
  std::string NameOfPacked(const std::string& hash, Use use) const;

  Options options_;
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_PACKED_CACHE_H_
