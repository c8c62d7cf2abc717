// SPDX-License-Identifier: Apache-2.0
#include "plan/packed_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/errors.h"
#include "base/hash.h"

namespace heddle::core {
namespace {

constexpr char kMagic[8] = {'h', 'e', 'd', 'd', 'l', 'e', 'P', '1'};
constexpr size_t kAlignment = 64;
constexpr std::byte kZeros[kAlignment] = {};

// The head: this, an entry for each blob, the key, the names. Nothing else is as long.
struct Head {
  char magic[8];
  uint64_t file_bytes, head_bytes;
  uint64_t blobs, key_bytes;
  uint64_t checksum;  // of the head, with this one 0
};
struct BlobEntry {
  uint64_t offset, bytes, name_bytes, checksum;
};

size_t RoundUp(size_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }

template <class T>
void Append(std::vector<std::byte>& to, const T* from, size_t count) {
  const auto* bytes = reinterpret_cast<const std::byte*>(from);
  to.insert(to.end(), bytes, bytes + count * sizeof(T));
}

uint64_t HashOfHead(Head head, std::span<const std::byte> rest) {
  head.checksum = 0;
  return ContentHash(rest, ContentHash(std::as_bytes(std::span(&head, 1))));
}

// Takes the first `bytes` off `from`. REQUIRES: there are as many.
std::span<const std::byte> Cut(std::span<const std::byte>& from, size_t bytes) {
  const std::span<const std::byte> cut = from.first(bytes);
  from = from.subspan(bytes);
  return cut;
}

std::string_view Text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Status Broken(const char* what) { return FailedPrecondition("packed weights: {}", what); }

}  // namespace

PackedParts::PackedParts(std::string_view key, std::span<const NamedBlob> blobs) {
  Head head{};
  std::memcpy(head.magic, kMagic, sizeof(kMagic));
  head.blobs = blobs.size();
  head.key_bytes = key.size();
  head.head_bytes = sizeof(Head) + blobs.size() * sizeof(BlobEntry) + key.size();
  for (const NamedBlob& blob : blobs) head.head_bytes += blob.name.size();
  bytes_ = head.head_bytes;
  std::vector<std::byte> rest;
  for (const NamedBlob& blob : blobs) {
    const BlobEntry entry{RoundUp(bytes_), blob.bytes.size(), blob.name.size(),
                          ContentHash(blob.bytes)};
    Append(rest, &entry, 1);
    bytes_ = entry.offset + entry.bytes;
  }
  Append(rest, key.data(), key.size());
  for (const NamedBlob& blob : blobs) Append(rest, blob.name.data(), blob.name.size());
  head.file_bytes = bytes_;
  head.checksum = HashOfHead(head, rest);
  Append(head_, &head, 1);
  head_.insert(head_.end(), rest.begin(), rest.end());

  all_.push_back(head_);
  size_t at = head_.size();
  for (const NamedBlob& blob : blobs) {
    all_.push_back(std::span(kZeros).first(RoundUp(at) - at));
    all_.push_back(blob.bytes);
    at = RoundUp(at) + blob.bytes.size();
  }
}

bool PackedFile::Blob::Intact() const { return ContentHash(bytes) == checksum; }

Result<PackedFile> PackedFile::Open(MappedFile file, std::string_view key) {
  const std::span<const std::byte> all = file.bytes();
  Head head;
  if (all.size() < sizeof(head)) return Broken("cut short");
  std::memcpy(&head, all.data(), sizeof(head));
  if (std::memcmp(head.magic, kMagic, sizeof(kMagic)) != 0) return Broken("another format");
  if (head.file_bytes != all.size()) return Broken("another length than it says");
  if (head.head_bytes < sizeof(head) || head.head_bytes > all.size()) return Broken("head");
  std::span<const std::byte> rest = all.first(head.head_bytes).subspan(sizeof(head));
  if (HashOfHead(head, rest) != head.checksum) return Broken("damaged head");
  // From here on only who writes another format on purpose is wrong.
  if (head.blobs > rest.size() / sizeof(BlobEntry)) return Broken("blobs");
  std::span<const std::byte> entries = Cut(rest, head.blobs * sizeof(BlobEntry));
  if (head.key_bytes > rest.size()) return Broken("key");
  if (Text(Cut(rest, head.key_bytes)) != key) return Broken("of something else");
  PackedFile packed;
  for (uint64_t i = 0; i < head.blobs; ++i) {
    BlobEntry entry;
    std::memcpy(&entry, Cut(entries, sizeof(entry)).data(), sizeof(entry));
    if (entry.name_bytes > rest.size()) return Broken("name");
    const std::string_view name = Text(Cut(rest, entry.name_bytes));
    if (entry.offset % kAlignment != 0 || entry.offset < head.head_bytes ||
        entry.offset > all.size() || entry.bytes > all.size() - entry.offset)
      return Broken("blob outside");
    packed.blobs_[name] = {all.subspan(entry.offset, entry.bytes), entry.checksum};
  }
  if (!rest.empty()) return Broken("names");
  packed.file_ = std::move(file);
  return packed;
}

const PackedFile::Blob* PackedFile::Find(std::string_view name) const {
  const auto found = blobs_.find(name);
  return found == blobs_.end() ? nullptr : &found->second;
}

}  // namespace heddle::core
