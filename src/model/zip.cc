// SPDX-License-Identifier: Apache-2.0
#include "model/zip.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace heddle::core {
namespace {

constexpr size_t kMaxFiles = 64;
constexpr size_t kMaxFileBytes = 16u << 20;
constexpr size_t kMaxTotalBytes = 64u << 20;
constexpr size_t kMaxComment = 65535;
// Deflate makes at most 1032 bytes of one: a claim beyond that is a lie, and takes no memory.
constexpr size_t kMaxInflation = 1032;

constexpr uint32_t kEndMark = 0x06054b50, kEntryMark = 0x02014b50, kLocalMark = 0x04034b50;
constexpr size_t kEndBytes = 22, kEntryBytes = 46, kLocalBytes = 30;

using Bytes = std::span<const std::byte>;

// REQUIRES: the number lies within `bytes`. The format is little-endian.
uint32_t Number(Bytes bytes, size_t at, int size) {
  uint32_t n = 0;
  for (int i = size - 1; i >= 0; --i) n = n << 8 | std::to_integer<uint32_t>(bytes[at + i]);
  return n;
}

std::optional<Bytes> Part(Bytes bytes, size_t at, size_t size) {
  if (at > bytes.size() || size > bytes.size() - at) return std::nullopt;
  return bytes.subspan(at, size);
}

struct Entry {
  std::string name;
  bool encrypted;
  uint32_t method, crc, packed, size, local;
};

// Where the mark of the archive's end is: its comment reaches to the last byte.
std::optional<size_t> FindEnd(Bytes file) {
  if (file.size() < kEndBytes) return std::nullopt;
  const size_t last = file.size() - kEndBytes;
  for (size_t comment = 0; comment <= std::min(last, kMaxComment); ++comment) {
    const size_t at = last - comment;
    if (Number(file, at, 4) == kEndMark && Number(file, at + 20, 2) == comment) return at;
  }
  return std::nullopt;
}

std::optional<Entry> ReadEntry(Bytes directory, size_t& at) {
  const auto head = Part(directory, at, kEntryBytes);
  if (!head || Number(*head, 0, 4) != kEntryMark) return std::nullopt;
  const size_t name = Number(*head, 28, 2), extra = Number(*head, 30, 2),
               comment = Number(*head, 32, 2);
  const auto text = Part(directory, at + kEntryBytes, name);
  if (!text) return std::nullopt;
  at += kEntryBytes + name + extra + comment;
  return Entry{std::string(reinterpret_cast<const char*>(text->data()), name),
               (Number(*head, 8, 2) & 1) != 0,
               Number(*head, 10, 2),
               Number(*head, 16, 4),
               Number(*head, 20, 4),
               Number(*head, 24, 4),
               Number(*head, 42, 4)};
}

bool Inflate(Bytes packed, std::string& out) {
  z_stream z{};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return false;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int end = inflate(&z, Z_FINISH);
  inflateEnd(&z);
  return end == Z_STREAM_END && z.avail_out == 0;
}

std::optional<std::string> ReadContent(Bytes archive, const Entry& entry) {
  const auto head = Part(archive, entry.local, kLocalBytes);
  if (!head || Number(*head, 0, 4) != kLocalMark) return std::nullopt;
  const size_t begin =
      size_t{entry.local} + kLocalBytes + Number(*head, 26, 2) + Number(*head, 28, 2);
  const auto packed = Part(archive, begin, entry.packed);
  if (!packed) return std::nullopt;
  std::string content;
  if (entry.method == 0) {
    if (entry.packed != entry.size) return std::nullopt;
    content.assign(reinterpret_cast<const char*>(packed->data()), packed->size());
  } else {
    if (entry.size > (packed->size() + 1) * kMaxInflation) return std::nullopt;
    content.resize(entry.size);
    if (!Inflate(*packed, content)) return std::nullopt;
  }
  const uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
  if (crc != entry.crc) return std::nullopt;
  return content;
}

bool Wanted(const Entry& entry) {
  const bool folder = entry.name.empty() || entry.name.back() == '/';
  const bool readable = !entry.encrypted && (entry.method == 0 || entry.method == 8);
  return !folder && readable && entry.size <= kMaxFileBytes;
}

}  // namespace

std::vector<AssociatedFile> ReadArchive(Bytes file) {
  const auto end = FindEnd(file);
  if (!end) return {};
  const size_t count = Number(file, *end + 10, 2), size = Number(file, *end + 12, 4),
               offset = Number(file, *end + 16, 4);
  if (size_t{size} + offset > *end) return {};
  // Offsets count from the archive's own first byte, which may lie behind the flatbuffer, or from
  // the file's.
  const Bytes archive = file.first(*end).subspan(*end - size - offset);
  const Bytes directory = archive.subspan(offset);

  std::vector<AssociatedFile> files;
  size_t at = 0, total = 0;
  for (size_t i = 0; i < std::min(count, kMaxFiles); ++i) {
    auto entry = ReadEntry(directory, at);
    if (!entry) return {};
    if (!Wanted(*entry) || entry->size > kMaxTotalBytes - total) continue;
    auto content = ReadContent(archive, *entry);
    if (!content) return {};
    total += content->size();
    files.push_back({std::move(entry->name), std::move(*content)});
  }
  return files;
}

}  // namespace heddle::core
