// SPDX-License-Identifier: Apache-2.0
// FileBytes: the bytes of a model file, in memory or mapped, for as long as a Model lives.
#ifndef HEDDLE_MODEL_FILE_BYTES_H_
#define HEDDLE_MODEL_FILE_BYTES_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "heddle/status.h"

namespace heddle::core {

class FileBytes {
 public:
  static constexpr size_t kAlignment = 64;         // of the first byte
  static constexpr size_t kReadLimit = 64u << 20;  // larger files are mapped

  static Result<std::unique_ptr<FileBytes>> Open(const std::string& path);
  static Result<std::unique_ptr<FileBytes>> Copy(std::span<const std::byte> bytes);
  ~FileBytes();
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;

  std::span<const std::byte> all() const { return {data_, size_}; }

  // A copy of `bytes`, aligned to 16 and kept as long as this object.
  std::span<const std::byte> AlignedCopy(std::span<const std::byte> bytes);

 private:
  FileBytes() = default;
  void Allocate(size_t size);
  Status ReadAll(int fd, const std::string& path, size_t size);

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  bool mapped_ = false;
  std::vector<std::unique_ptr<std::byte[]>> copies_;
};

}  // namespace heddle::core

#endif  // HEDDLE_MODEL_FILE_BYTES_H_
