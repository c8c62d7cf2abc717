// SPDX-License-Identifier: Apache-2.0
#include "engine/packed_cache.h"

#include <string_view>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/background.h"

namespace heddle::core {
namespace {

constexpr size_t kHashDigits = 64;
// What says of a file what its hash is takes a page.
constexpr uint64_t kPage = 4096;

std::string NameOfLook(const FileIdentity& file) {
  return fmt::format("{}file-{:x}-{:x}", CacheFolder::kPrefix, file.device, file.inode);
}

std::string TextOfLook(const FileIdentity& file) {
  return fmt::format("heddle 1 {} {} {} {} {} ", file.device, file.inode, file.bytes,
                     file.modified_ns, file.changed_ns);
}

}  // namespace

bool PackedCache::Takes(const Model& model) const {
  if (options_.build.empty() || !model.look()) return false;
  const FileLook& look = *model.look();
  return look.file.bytes >= options_.smallest_bytes && look.settled(options_.settled_ns);
}

std::string PackedCache::NameOfPacked(const std::string& hash, Use use) const {
  return fmt::format("{}packed-{}-{}-{}-{}", CacheFolder::kPrefix, hash, options_.build,
                     use.numerics == Numerics::kReference ? "reference" : "fast", IsaName(use.isa));
}

Result<std::string> PackedCache::KnownHash(const CacheFolder& folder, const Model& model) const {
  HEDDLE_ASSIGN(const MappedFile file, folder.Map(NameOfLook(model.look()->file)));
  const std::span<const std::byte> bytes = file.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string before = TextOfLook(model.look()->file);
  if (text.size() != before.size() + kHashDigits || !text.starts_with(before))
    return NotFound("the file was another one when its hash was noted");
  const std::string_view hash = text.substr(before.size());
  if (hash.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    return NotFound("no hash was noted");
  return std::string(hash);
}

Result<PackedFile> PackedCache::Find(const Model& model, Use use) const {
  HEDDLE_ASSIGN(const CacheFolder folder, CacheFolder::Open(options_.folder));
  HEDDLE_ASSIGN(const std::string hash, KnownHash(folder, model));
  const std::string name = NameOfPacked(hash, use);
  HEDDLE_ASSIGN(MappedFile file, folder.Map(name));
  return PackedFile::Open(std::move(file), name);
}

void PackedCache::Reject(const Model& model, Use use) const {
  const Result<CacheFolder> folder = CacheFolder::Open(options_.folder);
  if (!folder.ok()) return;
  const Result<std::string> hash = KnownHash(*folder, model);
  if (!hash.ok()) return;
  folder->Remove(NameOfPacked(*hash, use));
  Log(LogLevel::kInfo, "packed weights in \"{}\" were damaged and are packed anew",
      options_.folder);
}

Status PackedCache::Keep(const Model& model, Use use, std::span<const NamedBlob> blobs,
                         const std::atomic<bool>& stop) const {
  HEDDLE_ASSIGN(const CacheFolder folder, CacheFolder::Make(options_.folder));
  HEDDLE_ASSIGN(const CacheFolder::Lock lock, folder.TryLock());
  HEDDLE_ASSIGN(const std::string hash, Sha256Hex(model.bytes()));
  model.GiveBackPages();
  // A mapped file's bytes are those that were packed only if it stayed what it was.
  if (!model.Unchanged()) return FailedPrecondition("the model's file has changed");

  const std::string name = NameOfPacked(hash, use);
  Result<MappedFile> there = folder.Map(name);
  if (!there.ok() || !PackedFile::Open(std::move(there).value(), name).ok()) {
    const PackedParts parts(name, blobs);
    if (parts.bytes() > options_.most_bytes / 2)
      return ResourceExhausted("{} bytes of packed weights, expected at most {}", parts.bytes(),
                               options_.most_bytes / 2);
    HEDDLE_TRY(folder.Trim(lock, options_.most_bytes - parts.bytes() - kPage));
    HEDDLE_TRY(folder.Write(lock, name, parts.all(), stop));
  }
  const std::string text = TextOfLook(model.look()->file) + hash;
  const std::vector<std::span<const std::byte>> parts{std::as_bytes(std::span(text))};
  return folder.Write(lock, NameOfLook(model.look()->file), parts, stop);
}

void PackedCache::KeepLater(std::shared_ptr<const Model> model, Use use,
                            std::shared_ptr<const WeightStore> weights) const {
  // The names now: the store's lock is for calls only.
  std::vector<NamedBlob> blobs = weights->Named();
  uint64_t bytes = 0;
  for (const NamedBlob& blob : blobs) bytes += blob.bytes.size();
  if (bytes < options_.smallest_bytes) return;
  // The cryptographic library cleans up after itself when the process ends: it must be there
  // before what waits for the job.
  static const bool ready = Sha256Hex({}).ok();
  if (!ready) return;
  Background::OfProcess().Post([cache = *this, model = std::move(model), use,
                                blobs = std::move(blobs),
                                weights = std::move(weights)](const std::atomic<bool>& stop) {
    const Status kept = cache.Keep(*model, use, blobs, stop);
    if (!kept.ok())
      Log(LogLevel::kInfo, "packed weights are not kept in \"{}\": {}", cache.options_.folder,
          kept.message());
  });
}

}  // namespace heddle::core
