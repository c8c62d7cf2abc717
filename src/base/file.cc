// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <system_error>

#include "base/descriptor.h"
#include "base/errors.h"

namespace heddle::core {
namespace {

constexpr size_t kLargePage = size_t{2} << 20;

size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }
size_t RoundUpToPage(size_t bytes) {
  return RoundUp(bytes, static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

Status PathError(int error, std::string_view action, const std::string& path) {
  return SystemError(error, fmt::format("cannot {} \"{}\"", action, path));
}

// Without O_NONBLOCK, opening a named pipe would wait for its other end.
Result<Descriptor> OpenForReading(const std::string& path) {
  int fd;
  do {
    fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return PathError(errno, "open", path);
  return Descriptor(fd);
}

Result<size_t> RegularSize(const Descriptor& file, const std::string& path) {
  struct stat info;
  if (fstat(file.get(), &info) != 0) return PathError(errno, "look at", path);
  if (!S_ISREG(info.st_mode)) {
    return InvalidArgument("\"{}\" is {}, expected a regular file", path,
                           S_ISDIR(info.st_mode) ? "a directory" : "a device, pipe or socket");
  }
  return static_cast<size_t>(info.st_size);
}

// Up to `bytes`, fewer only at the end of the file.
Result<size_t> ReadFully(const Descriptor& file, std::byte* to, size_t bytes,
                         const std::string& path) {
  size_t done = 0;
  while (done < bytes) {
    const ssize_t n = read(file.get(), to + done, bytes - done);
    if (n == 0) break;
    if (n > 0) {
      done += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      return PathError(errno, "read", path);
    }
  }
  return done;
}

}  // namespace

Status SystemError(int error, std::string_view what) {
  // Not strerror, which may share its text between threads.
  const std::string reason = std::error_code(error, std::generic_category()).message();
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return NotFound("{}: {}", what, reason);
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ResourceExhausted("{}: {}", what, reason);
    default:
      return FailedPrecondition("{}: {}", what, reason);
  }
}

// The system aligns to large pages what is a multiple of them. The last one may add an eighth to
// what is asked for; else the memory is cut to its small pages.
Result<AnonymousMemory> AnonymousMemory::Allocate(size_t bytes) {
  AnonymousMemory memory;
  if (bytes == 0) return memory;
  const bool large = bytes >= kLargePage && bytes <= SIZE_MAX - kLargePage;
  const size_t room = large ? RoundUp(bytes, kLargePage) : bytes;
  void* data = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) {
    return SystemError(errno, fmt::format("cannot allocate {} bytes", bytes));
  }
  memory.data_ = static_cast<std::byte*>(data);
  memory.size_ = bytes;
  memory.mapped_ = room;
  if (room - bytes > bytes / 8) memory.Shrink(bytes);
  // A fault for every 2 MiB instead of every 4 KiB. Only a wish: a refusal changes nothing.
  if (large) madvise(data, memory.mapped_, MADV_HUGEPAGE);
  return memory;
}

AnonymousMemory& AnonymousMemory::operator=(AnonymousMemory&& other) noexcept {
  if (this != &other) {
    Release();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_ = std::exchange(other.mapped_, 0);
  }
  return *this;
}

void AnonymousMemory::Release() {
  if (data_ != nullptr) munmap(data_, mapped_);
}

Status AnonymousMemory::Seal() {
  if (data_ != nullptr && mprotect(data_, mapped_, PROT_READ) != 0) {
    return SystemError(errno, fmt::format("cannot make {} bytes read-only", size_));
  }
  return Status();
}

Status AnonymousMemory::Unseal() {
  if (data_ != nullptr && mprotect(data_, mapped_, PROT_READ | PROT_WRITE) != 0) {
    return SystemError(errno, fmt::format("cannot make {} bytes writable", size_));
  }
  return Status();
}

void AnonymousMemory::Shrink(size_t bytes) {
  const size_t kept = RoundUpToPage(bytes);
  if (kept < mapped_) {
    munmap(data_ + kept, mapped_ - kept);
    mapped_ = kept;
  }
  size_ = bytes;
  if (kept == 0) data_ = nullptr;
}

Status AnonymousMemory::GiveBack(size_t offset, size_t bytes) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t begin = RoundUpToPage(offset);
  // The rest of the last page belongs to nobody else.
  const size_t end = offset + bytes == size_ ? mapped_ : (offset + bytes) / page * page;
  // Else the system makes a large page of what is left, zeros and all.
  if (mapped_ >= kLargePage) madvise(data_, mapped_, MADV_NOHUGEPAGE);
  if (begin < end && madvise(data_ + begin, end - begin, MADV_DONTNEED) != 0) {
    return SystemError(errno, fmt::format("cannot give back {} bytes", end - begin));
  }
  return Status();
}

Result<MappedFile> MappedFile::Open(const std::string& path) {
  HEDDLE_ASSIGN(const Descriptor file, OpenForReading(path));
  return Of(file, path);
}

Result<MappedFile> MappedFile::Of(const Descriptor& file, const std::string& path) {
  HEDDLE_ASSIGN(const size_t size, RegularSize(file, path));
  MappedFile mapped;
  if (size == 0) return mapped;
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) return PathError(errno, "map", path);
  mapped.data_ = static_cast<const std::byte*>(data);
  mapped.size_ = size;
  return mapped;
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    Release();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void MappedFile::GiveBack() const {
  if (size_ != 0) madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED);
}

void MappedFile::Release() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

Result<AnonymousMemory> ReadFile(const std::string& path, size_t max_bytes) {
  HEDDLE_ASSIGN(const Descriptor file, OpenForReading(path));
  HEDDLE_ASSIGN(const size_t size, RegularSize(file, path));
  if (size > max_bytes) {
    return ResourceExhausted("\"{}\" has {} bytes, expected at most {}", path, size, max_bytes);
  }
  HEDDLE_ASSIGN(AnonymousMemory memory, AnonymousMemory::Allocate(size));
  HEDDLE_ASSIGN(const size_t done, ReadFully(file, memory.data(), size, path));
  std::byte beyond;
  HEDDLE_ASSIGN(const size_t more, ReadFully(file, &beyond, 1, path));
  if (done != size || more != 0) {
    return FailedPrecondition("\"{}\" changed while it was read: expected {} bytes, found {}", path,
                              size, more != 0 ? "more" : fmt::format("{}", done));
  }
  return memory;
}

Status ReadPart(const std::string& path, size_t offset, std::span<std::byte> to) {
  HEDDLE_ASSIGN(const Descriptor file, OpenForReading(path));
  if (lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
    return PathError(errno, "seek in", path);
  }
  HEDDLE_ASSIGN(const size_t done, ReadFully(file, to.data(), to.size(), path));
  if (done == to.size()) return Status();
  return FailedPrecondition("\"{}\" has {} bytes from {} on, expected {}", path, done, offset,
                            to.size());
}

Result<FileLook> LookAt(const std::string& path) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return PathError(errno, "look at", path);
  const auto ns = [](const timespec& t) { return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec; };
  FileLook look;
  look.file.device = info.st_dev;
  look.file.inode = info.st_ino;
  look.file.bytes = static_cast<uint64_t>(info.st_size);
  look.file.modified_ns = ns(info.st_mtim);
  look.file.changed_ns = ns(info.st_ctim);
  look.at_ns = ns(now);
  return look;
}

Result<std::string> ReadText(const std::string& path, size_t max_bytes) {
  HEDDLE_ASSIGN(const Descriptor file, OpenForReading(path));
  std::string text;
  size_t size = 0;
  while (size <= max_bytes) {  // one byte more than allowed tells a text that is too long
    const size_t wanted = std::min(max_bytes + 1 - size, std::max<size_t>(4096, size));
    text.resize(size + wanted);
    HEDDLE_ASSIGN(const size_t got,
                  ReadFully(file, reinterpret_cast<std::byte*>(&text[size]), wanted, path));
    size += got;
    if (got < wanted) {
      text.resize(size);
      return text;
    }
  }
  return ResourceExhausted("\"{}\" has more than {} bytes", path, max_bytes);
}

}  // namespace heddle::core
