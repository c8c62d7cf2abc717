// SPDX-License-Identifier: Apache-2.0
#include "model/file_bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include "base/errors.h"

namespace heddle::core {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

Status SystemError(const std::string& path, const char* what) {
  const int error = errno;
  const Code code = error == ENOENT || error == ENOTDIR ? Code::kNotFound
                    : error == ENOMEM                   ? Code::kResourceExhausted
                                                        : Code::kInvalidArgument;
  return Status(
      code, fmt::format("'{}': cannot {}: {}", path, what, std::generic_category().message(error)));
}

}  // namespace

Result<std::unique_ptr<FileBytes>> FileBytes::Open(const std::string& path) {
  // Not blocking: opening a pipe that nobody writes to would never return.
  Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return SystemError(path, "open");
  struct stat info;
  if (fstat(file.fd, &info) != 0) return SystemError(path, "stat");
  if (!S_ISREG(info.st_mode)) return InvalidArgument("'{}': not a regular file", path);

  std::unique_ptr<FileBytes> bytes(new FileBytes());
  const size_t size = static_cast<size_t>(info.st_size);
  if (size <= kReadLimit) {
    HEDDLE_TRY(bytes->ReadAll(file.fd, path, size));
    return bytes;
  }
  void* map = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (map == MAP_FAILED) return SystemError(path, "map");
  bytes->data_ = static_cast<std::byte*>(map);
  bytes->size_ = size;
  bytes->mapped_ = true;
  return bytes;
}

Result<std::unique_ptr<FileBytes>> FileBytes::Copy(std::span<const std::byte> source) {
  std::unique_ptr<FileBytes> bytes(new FileBytes());
  bytes->Allocate(source.size());
  if (!source.empty()) std::memcpy(bytes->data_, source.data(), source.size());
  return bytes;
}

Status FileBytes::ReadAll(int fd, const std::string& path, size_t size) {
  Allocate(size);
  size_t done = 0;
  while (done < size) {
    const ssize_t n = read(fd, data_ + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(path, "read");
    if (n == 0) return InvalidModel("'{}': ends at byte {}, expected {}", path, done, size);
    done += static_cast<size_t>(n);
  }
  return Status();
}

void FileBytes::Allocate(size_t size) {
  data_ = static_cast<std::byte*>(::operator new(size, std::align_val_t(kAlignment)));
  size_ = size;
}

std::span<const std::byte> FileBytes::AlignedCopy(std::span<const std::byte> bytes) {
  copies_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes.size()));
  std::memcpy(copies_.back().get(), bytes.data(), bytes.size());
  return {copies_.back().get(), bytes.size()};
}

FileBytes::~FileBytes() {
  if (mapped_) {
    munmap(data_, size_);
  } else {
    ::operator delete(data_, std::align_val_t(kAlignment));
  }
}

}  // namespace heddle::core
