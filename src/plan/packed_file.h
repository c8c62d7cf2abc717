// SPDX-License-Identifier: Apache-2.0
// PackedFile: blobs by name, as one process writes them and others map them.
#ifndef HEDDLE_PLAN_PACKED_FILE_H_
#define HEDDLE_PLAN_PACKED_FILE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "heddle/status.h"

namespace heddle::core {

struct NamedBlob {
  std::string name;
  std::span<const std::byte> bytes;
};

// The parts of such a file: a head that says what follows, and the blobs, each at a multiple of 64.
class PackedParts {
 public:
  // `key`: what the blobs were made from and by; only who asks for the same will get them. The
  // blobs outlive this.
  PackedParts(std::string_view key, std::span<const NamedBlob> blobs);
  PackedParts(const PackedParts&) = delete;
  PackedParts& operator=(const PackedParts&) = delete;

  std::span<const std::span<const std::byte>> all() const { return all_; }
  uint64_t bytes() const { return bytes_; }

 private:
  std::vector<std::byte> head_;
  std::vector<std::span<const std::byte>> all_;
  uint64_t bytes_ = 0;
};

// Immutable; thread-safe.
class PackedFile {
 public:
  struct Blob {
    std::span<const std::byte> bytes;
    uint64_t checksum = 0;
    // Reads all of it.
    bool Intact() const;
  };

  // Whatever the bytes are, an error or a file whose blobs lie inside it: length, key and head are
  // checked, each blob by who uses it.
  static Result<PackedFile> Open(MappedFile file, std::string_view key);

  const Blob* Find(std::string_view name) const;  // nullptr: there is none
  size_t count() const { return blobs_.size(); }

 private:
  MappedFile file_;
  std::map<std::string_view, Blob> blobs_;  // names lie in the file
};

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_PACKED_FILE_H_
