// SPDX-License-Identifier: Apache-2.0
// FileBytes: the bytes of a model file, in memory or mapped, for as long as a Model lives.
#ifndef HEDDLE_MODEL_FILE_BYTES_H_
#define HEDDLE_MODEL_FILE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "heddle/status.h"

namespace heddle::core {

// The first byte is aligned to a page; nothing can write to any of them.
class FileBytes {
 public:
  static constexpr size_t kReadLimit = 64u << 20;  // larger files are mapped

  // `settled_ns`: see FileLook.
  static Result<FileBytes> Open(const std::string& path, int64_t settled_ns = FileLook::kSettledNs);
  static Result<FileBytes> Copy(std::span<const std::byte> bytes);

  std::span<const std::byte> all() const {
    return memory_.size() != 0 ? memory_.bytes() : mapped_.bytes();
  }

  // The file before all was read, if it was the same afterwards.
  const std::optional<FileLook>& look() const { return look_; }
  bool Unchanged() const;

  // Gives the pages of a mapped file back; they come again from the file when they are read again.
  void GiveBack() const { mapped_.GiveBack(); }
  // The same of whole pages of what was read into memory: they are zeros until BringBack. Nothing
  // happens where the file could not be told from another one later.
  void GiveBack(std::span<const std::byte> spent);
  // What was given back and overlaps `bytes` is what it was. kFailedPrecondition: the file is not.
  Status BringBack(std::span<const std::byte> bytes);
  // A copy of `bytes`, aligned to 16 and kept as long as this object.
  std::span<const std::byte> AlignedCopy(std::span<const std::byte> bytes);

 private:
  struct Range {
    size_t offset, bytes;
  };
  Status ReadOrMap();
  Status Refill(const Range& range);

  std::string path_;
  std::optional<FileLook> look_;
  AnonymousMemory memory_;
  MappedFile mapped_;
  std::vector<std::unique_ptr<std::byte[]>> copies_;
  bool settled_ = false;           // look_ is one to know the file by
  std::vector<Range> given_back_;  // of memory_
};

}  // namespace heddle::core

#endif  // HEDDLE_MODEL_FILE_BYTES_H_
