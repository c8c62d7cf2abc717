// SPDX-License-Identifier: Apache-2.0
#include "cli/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/errors.h"

namespace heddle::cli {
namespace {

using core::InvalidArgument;
using core::NotFound;

struct Close {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using File = std::unique_ptr<std::FILE, Close>;

}  // namespace

Result<std::vector<std::byte>> ReadFile(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return InvalidArgument("'{}' is a folder, expected a file", path);
  }
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) return NotFound("cannot read '{}': {}", path, std::strerror(errno));
  std::vector<std::byte> bytes;
  size_t used = 0;
  do {
    bytes.resize(used + std::max<size_t>(used, 64 << 10));
    used += std::fread(bytes.data() + used, 1, bytes.size() - used, file.get());
  } while (used == bytes.size());
  if (std::ferror(file.get())) return NotFound("cannot read all of '{}'", path);
  bytes.resize(used);
  return bytes;
}

Result<std::string> ReadText(const std::string& path) {
  HEDDLE_ASSIGN(const std::vector<std::byte> bytes, ReadFile(path));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Status WriteFile(const std::string& path, std::span<const std::byte> bytes) {
  File file(std::fopen(path.c_str(), "wb"));
  if (!file) return NotFound("cannot write '{}': {}", path, std::strerror(errno));
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
  if (std::fclose(file.release()) != 0 || !written) {
    return NotFound("cannot write all {} bytes of '{}'", bytes.size(), path);
  }
  return Status();
}

}  // namespace heddle::cli
