// SPDX-License-Identifier: Apache-2.0
// Bytes from the operating system: memory of its own, files read, files mapped.
// Errors name the path, what was tried and the system's reason.
#ifndef HEDDLE_BASE_FILE_H_
#define HEDDLE_BASE_FILE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "heddle/status.h"

namespace heddle::core {

class Descriptor;

// The Status of a failed system call: "<what>: <text of error>". Missing files are kNotFound,
// limits of memory or descriptors kResourceExhausted, all else kFailedPrecondition.
Status SystemError(int error, std::string_view what);

// Pages of this process alone, zero at first, aligned to a page; large pages where the system has
// them and they add little. Moves like a unique_ptr. Different
// objects may be used by different threads; the calls on one need the caller's order.
class AnonymousMemory {
 public:
  AnonymousMemory() = default;
  static Result<AnonymousMemory> Allocate(size_t bytes);
  ~AnonymousMemory() { Release(); }
  AnonymousMemory(AnonymousMemory&& other) noexcept { *this = std::move(other); }
  AnonymousMemory& operator=(AnonymousMemory&& other) noexcept;

  std::byte* data() const { return data_; }  // nullptr when size() is 0
  size_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

  // From now on a write anywhere in it is a fault.
  Status Seal();
  Status Unseal();
  // Keeps the first `bytes`, where they are, and hands the whole pages behind them back for good.
  // REQUIRES: bytes <= size().
  void Shrink(size_t bytes);
  // Hands the whole pages inside [offset, offset + bytes) back to the system; they read as zero
  // afterwards and cost nothing until written again. REQUIRES: the range lies inside.
  Status GiveBack(size_t offset, size_t bytes);

 private:
  void Release();

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t mapped_ = 0;  // bytes that the system gave
};

// A regular file, mapped read-only. Who overwrites or cuts the file in place changes these bytes or
// makes reading them a fault: replace such a file by renaming. Immutable; thread-safe.
class MappedFile {
 public:
  MappedFile() = default;
  static Result<MappedFile> Open(const std::string& path);
  // Of one that is open already; `path` is for errors.
  static Result<MappedFile> Of(const Descriptor& file, const std::string& path);
  ~MappedFile() { Release(); }
  MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  // Hands its pages back to the system, which reads them again when they are touched again.
  void GiveBack() const;

 private:
  void Release();

  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// The whole of a regular file, in memory that later changes of the file do not reach. A file of
// more than `max_bytes` is kResourceExhausted and is not read; one that changes its size meanwhile
// is kFailedPrecondition.
Result<AnonymousMemory> ReadFile(const std::string& path, size_t max_bytes);

// Bytes of a file from `offset` on, as many as `to` takes; kFailedPrecondition: it has not so many.
Status ReadPart(const std::string& path, size_t offset, std::span<std::byte> to);

// What tells one state of a file from another without reading it. Times are since 1970, by the
// clock of the file's system.
struct FileIdentity {
  uint64_t device = 0, inode = 0, bytes = 0;
  int64_t modified_ns = 0, changed_ns = 0;
  bool operator==(const FileIdentity&) const = default;
};
struct FileLook {
  FileIdentity file;
  int64_t at_ns = 0;  // of the look

  // A file may change again within a tick of its clock and look the same: only one that had not
  // changed for so long can be known by its look.
  static constexpr int64_t kSettledNs = 2'000'000'000;
  bool settled(int64_t ns = kSettledNs) const {
    return at_ns - std::max(file.modified_ns, file.changed_ns) >= ns;
  }
};
Result<FileLook> LookAt(const std::string& path);

// A small text, also of /proc and /sys, whose files do not tell their size. More than `max_bytes`:
// kResourceExhausted.
Result<std::string> ReadText(const std::string& path, size_t max_bytes);

}  // namespace heddle::core

#endif  // HEDDLE_BASE_FILE_H_
