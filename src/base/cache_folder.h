// SPDX-License-Identifier: Apache-2.0
// CacheFolder: files that this user alone reads and writes, and that may all be gone tomorrow.
#ifndef HEDDLE_BASE_CACHE_FOLDER_H_
#define HEDDLE_BASE_CACHE_FOLDER_H_

#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/file.h"
#include "heddle/status.h"

namespace heddle::core {

//  1. Nothing is read from, or written to, a folder that another user owns or may enter, nor read
//  from a file that another user owns or may write. Links are not followed.
//  2. A file is there as a whole or not at all, whatever ends its writer, and never changes: who
//  has mapped it keeps what it mapped, though it is replaced or removed.
//  3. One process writes at a time. Who reads waits for nobody.
//  4. Only files whose names begin with kPrefix are ever removed.
class CacheFolder {
 public:
  static constexpr std::string_view kPrefix = "heddle-";  // of all names below

  // HEDDLE_CACHE: a path, or "off"; else heddle in XDG_CACHE_HOME, else in .cache of HOME. "":
  // none, as for a program with more rights than who started it.
  static std::string OfUser();

  // `user`: whose it must be.
  static Result<CacheFolder> Open(const std::string& path, uid_t user = geteuid());
  // The same after making it, and the one above it, where they are missing. Root makes none in
  // another user's folder: that user could not use it.
  static Result<CacheFolder> Make(const std::string& path, uid_t user = geteuid());

  // Notes the use, once a day, for Trim.
  Result<MappedFile> Map(const std::string& name) const;

  // Held by who writes, until its end.
  class Lock {
   public:
    Lock(Lock&&) noexcept = default;
    ~Lock();

   private:
    friend class CacheFolder;
    explicit Lock(Descriptor folder) : folder_(std::move(folder)) {}
    Descriptor folder_;
  };
  // kFailedPrecondition: somebody else writes.
  Result<Lock> TryLock() const;

  // The parts one behind the other. `stop`, once set, ends it with kCancelled.
  Status Write(const Lock& lock, const std::string& name,
               std::span<const std::span<const std::byte>> parts,
               const std::atomic<bool>& stop) const;
  // Removes what was used longest ago until at most so many bytes are left, and what ended writers
  // have left behind.
  Status Trim(const Lock& lock, uint64_t most_bytes) const;
  void Remove(const std::string& name) const;

 private:
  CacheFolder(Descriptor folder, std::string path, uid_t user)
      : folder_(std::move(folder)), path_(std::move(path)), user_(user) {}
  Status WriteParts(const Descriptor& file, const std::string& name,
                    std::span<const std::span<const std::byte>> parts,
                    const std::atomic<bool>& stop) const;

  Descriptor folder_;
  std::string path_;
  uid_t user_;
};

}  // namespace heddle::core

#endif  // HEDDLE_BASE_CACHE_FOLDER_H_
