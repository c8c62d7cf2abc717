// SPDX-License-Identifier: Apache-2.0
#include "model/file_bytes.h"

#include <algorithm>
#include <cstring>

#include "base/errors.h"

namespace heddle::core {
namespace {

// Less is not worth the system calls.
constexpr size_t kLeastGivenBack = 16384;

}  // namespace

Result<FileBytes> FileBytes::Open(const std::string& path, int64_t settled_ns) {
  FileBytes bytes;
  bytes.path_ = path;
  const Result<FileLook> look = LookAt(path);
  HEDDLE_TRY(bytes.ReadOrMap());
  if (look.ok()) bytes.look_ = *look;
  if (!bytes.Unchanged()) bytes.look_.reset();
  bytes.settled_ = bytes.look_ && bytes.look_->settled(settled_ns);
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

void FileBytes::GiveBack(std::span<const std::byte> spent) {
  const size_t offset = static_cast<size_t>(spent.data() - memory_.data());
  if (!settled_ || spent.size() < kLeastGivenBack || offset >= memory_.size()) return;
  given_back_.push_back({offset, spent.size()});
  if (!memory_.GiveBack(offset, spent.size()).ok()) given_back_.pop_back();
}

Status FileBytes::BringBack(std::span<const std::byte> bytes) {
  const size_t begin = static_cast<size_t>(bytes.data() - memory_.data());
  const auto wanted = [&](const Range& r) {
    return r.offset < begin + bytes.size() && begin < r.offset + r.bytes;
  };
  while (true) {
    const auto it = std::find_if(given_back_.begin(), given_back_.end(), wanted);
    if (it == given_back_.end()) return Status();
    HEDDLE_TRY(Refill(*it));
    given_back_.erase(it);
  }
}

// Where it fails, the range is given back as before.
Status FileBytes::Refill(const Range& range) {
  HEDDLE_TRY(memory_.Unseal());
  Status status = ReadPart(path_, range.offset, {memory_.data() + range.offset, range.bytes});
  if (status.ok() && !Unchanged())
    status = FailedPrecondition(
        "\"{}\" has changed since the model was loaded, whose constants were to be read again",
        path_);
  if (!status.ok()) static_cast<void>(memory_.GiveBack(range.offset, range.bytes));
  const Status sealed = memory_.Seal();
  return status.ok() ? sealed : status;
}

std::span<const std::byte> FileBytes::AlignedCopy(std::span<const std::byte> bytes) {
  copies_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes.size()));
  std::memcpy(copies_.back().get(), bytes.data(), bytes.size());
  return {copies_.back().get(), bytes.size()};
}

}  // namespace heddle::core
