// SPDX-License-Identifier: Apache-2.0
#include "model/file_bytes.h"

#include <cstring>

namespace heddle::core {

Result<FileBytes> FileBytes::Open(const std::string& path) {
  FileBytes bytes;
  bytes.path_ = path;
  const Result<FileLook> look = LookAt(path);
  HEDDLE_TRY(bytes.ReadOrMap());
  if (look.ok()) bytes.look_ = *look;
  if (!bytes.Unchanged()) bytes.look_.reset();
  return bytes;
}

Status FileBytes::ReadOrMap() {
  HEDDLE_ASSIGN(mapped_, MappedFile::Open(path_));
  if (mapped_.bytes().size() > kReadLimit) return Status();
  mapped_ = MappedFile();
  // The file may have grown meanwhile: then this is the error that says so.
  HEDDLE_ASSIGN(memory_, core::ReadFile(path_, kReadLimit));
  return memory_.Seal();
}

bool FileBytes::Unchanged() const {
  if (!look_) return false;
  const Result<FileLook> now = LookAt(path_);
  return now.ok() && now->file == look_->file;
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
