// SPDX-License-Identifier: Apache-2.0
#include "base/cache_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <vector>

#include "base/errors.h"

namespace heddle::core {
namespace {

constexpr mode_t kOthersEnter = 077, kOthersWrite = 022;
constexpr int64_t kNoteUseAfterSeconds = 24 * 3600;
// Between looks at `stop`, and what the disk is told of at once: less is left for the end.
constexpr size_t kPiece = size_t{4} << 20;
// Of a file that is being written. One writer at a time: whatever is found has no writer.
constexpr std::string_view kUnfinished = "heddle-new-";

std::string Variable(const char* name) {
  const char* value = secure_getenv(name);
  return value == nullptr ? "" : value;
}

std::string Above(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool Owns(const struct stat& info, uid_t user, mode_t forbidden) {
  return info.st_uid == user && (info.st_mode & forbidden) == 0;
}

Status WriteAll(const Descriptor& file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError(errno, "cannot write");
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return Status();
}

Status Sync(const Descriptor& file) {
  return fsync(file.get()) == 0 ? Status() : SystemError(errno, "cannot write back");
}

struct Found {
  std::string name;
  int64_t used_ns;
  uint64_t bytes;
};

}  // namespace

std::string CacheFolder::OfUser() {
  const std::string given = Variable("HEDDLE_CACHE");
  if (given == "off") return "";
  if (!given.empty()) return given;
  const std::string caches = Variable("XDG_CACHE_HOME"), home = Variable("HOME");
  if (caches.starts_with('/')) return caches + "/heddle";
  return home.starts_with('/') ? home + "/.cache/heddle" : "";
}

Result<CacheFolder> CacheFolder::Open(const std::string& path, uid_t user) {
  Descriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat info;
  if (folder.get() < 0 || fstat(folder.get(), &info) != 0)
    return SystemError(errno, fmt::format("cannot open folder \"{}\"", path));
  if (!Owns(info, user, kOthersEnter))
    return FailedPrecondition("\"{}\" is user {}'s with mode {:o}, expected user {}'s with 700",
                              path, info.st_uid, info.st_mode & 07777u, user);
  return CacheFolder(std::move(folder), path, user);
}

Result<CacheFolder> CacheFolder::Make(const std::string& path, uid_t user) {
  Result<CacheFolder> there = Open(path, user);
  if (there.status().code() != Code::kNotFound) return there;
  const std::string above = Above(path);
  struct stat info;
  if (mkdir(above.c_str(), 0700) != 0 && errno != EEXIST)
    return SystemError(errno, fmt::format("cannot make folder \"{}\"", above));
  if (stat(above.c_str(), &info) != 0)
    return SystemError(errno, fmt::format("cannot look at \"{}\"", above));
  if (user == 0 && info.st_uid != 0)
    return FailedPrecondition("\"{}\" is user {}'s, expected root's", above, info.st_uid);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return SystemError(errno, fmt::format("cannot make folder \"{}\"", path));
  return Open(path, user);
}

Result<MappedFile> CacheFolder::Map(const std::string& name) const {
  const std::string path = path_ + "/" + name;
  constexpr int kFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const Descriptor file(openat(folder_.get(), name.c_str(), kFlags));
  struct stat info;
  if (file.get() < 0 || fstat(file.get(), &info) != 0)
    return SystemError(errno, fmt::format("cannot open \"{}\"", path));
  if (!Owns(info, user_, kOthersWrite))
    return FailedPrecondition("\"{}\" is user {}'s with mode {:o}, expected user {}'s alone", path,
                              info.st_uid, info.st_mode & 07777u, user_);
  // Where that fails it goes a little too early.
  if (time(nullptr) - info.st_mtim.tv_sec > kNoteUseAfterSeconds) futimens(file.get(), nullptr);
  return MappedFile::Of(file, path);
}

// The lock is that of the opened folder, which children forked meanwhile have, too: closing it
// would not release it.
CacheFolder::Lock::~Lock() {
  if (folder_.get() >= 0) flock(folder_.get(), LOCK_UN);
}

Result<CacheFolder::Lock> CacheFolder::TryLock() const {
  Descriptor folder(openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || flock(folder.get(), LOCK_EX | LOCK_NB) != 0)
    return SystemError(errno, fmt::format("cannot lock \"{}\"", path_));
  return Lock(std::move(folder));
}

Status CacheFolder::Write(const Lock&, const std::string& name,
                          std::span<const std::span<const std::byte>> parts,
                          const std::atomic<bool>& stop) const {
  const std::string unfinished = fmt::format("{}{}", kUnfinished, name);
  unlinkat(folder_.get(), unfinished.c_str(), 0);
  Status status;
  {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const Descriptor file(openat(folder_.get(), unfinished.c_str(), kFlags, 0600));
    if (file.get() < 0)
      return SystemError(errno, fmt::format("cannot make \"{}/{}\"", path_, unfinished));
    status = WriteParts(file, name, parts, stop);
    if (status.ok()) status = Sync(file);
  }
  if (status.ok() && renameat(folder_.get(), unfinished.c_str(), folder_.get(), name.c_str()) != 0)
    status = SystemError(errno, "cannot rename");
  if (status.ok()) return Sync(folder_);
  unlinkat(folder_.get(), unfinished.c_str(), 0);
  return Status(status.code(), fmt::format("\"{}/{}\": {}", path_, name, status.message()));
}

Status CacheFolder::WriteParts(const Descriptor& file, const std::string& name,
                               std::span<const std::span<const std::byte>> parts,
                               const std::atomic<bool>& stop) const {
  size_t waiting = 0;
  for (std::span<const std::byte> part : parts) {
    while (!part.empty()) {
      if (stop.load(std::memory_order_relaxed))
        return Status(Code::kCancelled, fmt::format("\"{}\" is not wanted any more", name));
      const std::span<const std::byte> piece = part.first(std::min(kPiece, part.size()));
      HEDDLE_TRY(WriteAll(file, piece));
      part = part.subspan(piece.size());
      waiting += piece.size();
      if (waiting < kPiece) continue;
      sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
      waiting = 0;
    }
  }
  return Status();
}

Status CacheFolder::Trim(const Lock&, uint64_t most_bytes) const {
  const int folder = openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> names(folder < 0 ? nullptr : fdopendir(folder),
                                                  &closedir);
  if (names == nullptr) return SystemError(errno, fmt::format("cannot list \"{}\"", path_));
  std::vector<Found> found;
  uint64_t bytes = 0;
  while (const dirent* entry = readdir(names.get())) {
    const std::string_view name(entry->d_name);
    struct stat info;
    if (!name.starts_with(kPrefix)) continue;
    if (name.starts_with(kUnfinished)) {
      unlinkat(folder_.get(), entry->d_name, 0);
    } else if (fstatat(folder_.get(), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0) {
      const auto size = static_cast<uint64_t>(info.st_size);
      found.push_back({entry->d_name,
                       int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec, size});
      bytes += size;
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.used_ns < b.used_ns; });
  for (const Found& oldest : found) {
    if (bytes <= most_bytes) break;
    Remove(oldest.name);
    bytes -= oldest.bytes;
  }
  return Status();
}

void CacheFolder::Remove(const std::string& name) const {
  unlinkat(folder_.get(), name.c_str(), 0);
}

}  // namespace heddle::core
