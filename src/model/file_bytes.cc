// SPDX-License-Identifier: Apache-2.0
#include "model/file_bytes.h"

#include <cstring>

namespace heddle::core {

Result<FileBytes> FileBytes::Open(const std::string& path) {
  FileBytes bytes;
  HEDDLE_ASSIGN(bytes.mapped_, MappedFile::Open(path));
  if (bytes.mapped_.bytes().size() > kReadLimit) return bytes;
  bytes.mapped_ = MappedFile();
  // The file may have grown meanwhile: then this is the error that says so.
  HEDDLE_ASSIGN(bytes.memory_, core::ReadFile(path, kReadLimit));
  HEDDLE_TRY(bytes.memory_.Seal());
  return bytes;
}

Result<FileBytes> FileBytes::Copy(std::span<const std::byte> source) {
  FileBytes bytes;
  HEDDLE_ASSIGN(bytes.memory_, AnonymousMemory::Allocate(source.size()));
  if (!source.empty()) std::memcpy(bytes.memory_.data(), source.data(), source.size());
  HEDDLE_TRY(bytes.memory_.Seal());
  return bytes;
}

std::span<const std::byte> FileBytes::AlignedCopy(std::span<const std::byte> bytes) {
  copies_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes.size()));
  std::memcpy(copies_.back().get(), bytes.data(), bytes.size());
  return {copies_.back().get(), bytes.size()};
}

}  // namespace heddle::core
