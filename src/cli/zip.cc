// SPDX-License-Identifier: Apache-2.0
#include "cli/zip.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/errors.h"

namespace heddle::cli {
namespace {

using core::Internal;
using core::InvalidArgument;
using core::ResourceExhausted;
using core::Unsupported;

constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50, kEnd64Locator = 0x07064b50;
constexpr size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22;
constexpr size_t kEnd64Bytes = 56, kEnd64LocatorBytes = 20;
constexpr uint64_t kInExtra = 0xFFFFFFFF;  // a 32-bit field whose value is in the zip64 field
constexpr uint64_t kDeflateRatio = 1032;   // deflate packs no better than this

// Little-endian numbers of the archive; `has` is asked first.
class Fields {
 public:
  explicit Fields(std::span<const std::byte> bytes) : bytes_(bytes) {}
  bool has(uint64_t at, uint64_t size) const {
    return at <= bytes_.size() && size <= bytes_.size() - at;
  }
  uint64_t Get(uint64_t at, int size) const {
    uint64_t value = 0;
    for (int i = size - 1; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(bytes_[at + i]);
    return value;
  }
  std::string Text(uint64_t at, uint64_t size) const {
    return std::string(reinterpret_cast<const char*>(bytes_.data()) + at, size);
  }
  size_t size() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
};

struct Directory {
  uint64_t offset = 0, entries = 0;
};

Result<Directory> FindDirectory(const Fields& f) {
  const Status none = InvalidArgument("not a zip archive: it has no central directory");
  if (f.size() < kEndBytes) return none;
  uint64_t at = f.size() - kEndBytes;
  const uint64_t lowest = at > 0xFFFF ? at - 0xFFFF : 0;  // a comment may follow
  while (f.Get(at, 4) != kEnd) {
    if (at == lowest) return none;
    --at;
  }
  Directory d{f.Get(at + 16, 4), f.Get(at + 10, 2)};
  if (at < kEnd64LocatorBytes || f.Get(at - kEnd64LocatorBytes, 4) != kEnd64Locator) return d;
  const uint64_t end64 = f.Get(at - kEnd64LocatorBytes + 8, 8);
  if (!f.has(end64, kEnd64Bytes) || f.Get(end64, 4) != kEnd64) {
    return InvalidArgument("zip archive is broken: its zip64 end record is missing");
  }
  return Directory{f.Get(end64 + 48, 8), f.Get(end64 + 32, 8)};
}

// The zip64 extra field holds, in this order, those of the three that do not fit 32 bits.
bool ReadExtra(const Fields& f, uint64_t at, uint64_t end, ZipMember& m) {
  while (end - at >= 4) {
    const uint64_t id = f.Get(at, 2), size = f.Get(at + 2, 2);
    at += 4;
    if (size > end - at) return false;
    if (id == 1) {
      uint64_t field = at;
      for (uint64_t* value : {&m.bytes, &m.packed_bytes, &m.header}) {
        if (*value != kInExtra) continue;
        if (field + 8 > at + size) return false;
        *value = f.Get(field, 8);
        field += 8;
      }
    }
    at += size;
  }
  return true;
}

// The first `limit` bytes of the member, or all of them.
Result<std::vector<std::byte>> Inflate(std::span<const std::byte> packed, const ZipMember& m,
                                       uint64_t limit) {
  if (m.bytes > (packed.size() + 1) * kDeflateRatio ||
      std::max(m.bytes, uint64_t{packed.size()}) > std::numeric_limits<uInt>::max()) {
    return ResourceExhausted("zip member '{}' says that {} bytes become {}", m.name, packed.size(),
                             m.bytes);
  }
  std::vector<std::byte> out(std::min(m.bytes, limit));
  std::byte nothing{};  // zlib wants a pointer even for no bytes
  z_stream z{};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK) return Internal("zlib cannot start");
  z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  z.next_out = reinterpret_cast<Bytef*>(out.empty() ? &nothing : out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int code = inflate(&z, Z_FINISH);
  const bool ended = code == Z_STREAM_END || out.size() < m.bytes;
  const bool whole = ended && z.total_out == out.size();
  inflateEnd(&z);
  if (!whole) return InvalidArgument("zip member '{}' does not inflate to its size", m.name);
  return out;
}

uint32_t Crc(std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// Empty where deflating does not pay.
std::vector<std::byte> Deflate(std::span<const std::byte> content) {
  if (content.size() > std::numeric_limits<uInt>::max()) return {};
  z_stream z{};
  if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return {};
  }
  std::vector<std::byte> out(content.size());
  z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(content.data()));
  z.avail_in = static_cast<uInt>(content.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int code = out.empty() ? Z_BUF_ERROR : deflate(&z, Z_FINISH);
  out.resize(code == Z_STREAM_END ? z.total_out : 0);
  deflateEnd(&z);
  return out;
}

}  // namespace

Result<std::vector<ZipMember>> ListZip(std::span<const std::byte> archive) {
  const Fields f(archive);
  HEDDLE_ASSIGN(const Directory directory, FindDirectory(f));
  std::vector<ZipMember> members;
  uint64_t at = directory.offset;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    const Status broken =
        InvalidArgument("zip archive is broken: directory entry {} of {}", i, directory.entries);
    if (!f.has(at, kCentralBytes) || f.Get(at, 4) != kCentral) return broken;
    const uint64_t name = f.Get(at + 28, 2), extra = f.Get(at + 30, 2);
    const uint64_t body = at + kCentralBytes, rest = name + extra + f.Get(at + 32, 2);
    if (!f.has(body, rest)) return broken;
    ZipMember m;
    m.name = f.Text(body, name);
    m.method = static_cast<uint16_t>(f.Get(at + 10, 2));
    m.crc = static_cast<uint32_t>(f.Get(at + 16, 4));
    m.packed_bytes = f.Get(at + 20, 4);
    m.bytes = f.Get(at + 24, 4);
    m.header = f.Get(at + 42, 4);
    if (!ReadExtra(f, body + name, body + name + extra, m)) return broken;
    members.push_back(std::move(m));
    at = body + rest;
  }
  return members;
}

Result<std::vector<std::byte>> ReadMemberHead(std::span<const std::byte> archive,
                                              const ZipMember& m, uint64_t limit) {
  const Fields f(archive);
  const Status broken = InvalidArgument("zip member '{}' is not where the directory says", m.name);
  if (!f.has(m.header, kLocalBytes) || f.Get(m.header, 4) != kLocal) return broken;
  if (f.Get(m.header + 6, 2) & 1) return Unsupported("zip member '{}' is encrypted", m.name);
  const uint64_t data = m.header + kLocalBytes + f.Get(m.header + 26, 2) + f.Get(m.header + 28, 2);
  if (!f.has(data, m.packed_bytes)) return broken;
  const auto packed = archive.subspan(data, m.packed_bytes);
  std::vector<std::byte> content;
  if (m.method == 8) {
    HEDDLE_ASSIGN(content, Inflate(packed, m, limit));
  } else if (m.method == 0 && m.bytes == m.packed_bytes) {
    const auto head = packed.first(std::min<uint64_t>(packed.size(), limit));
    content.assign(head.begin(), head.end());
  } else {
    return Unsupported("zip member '{}' has compression method {}, expected 0 or 8", m.name,
                       m.method);
  }
  return content;
}

Result<std::vector<std::byte>> ReadMember(std::span<const std::byte> archive, const ZipMember& m) {
  HEDDLE_ASSIGN(std::vector<std::byte> content, ReadMemberHead(archive, m, m.bytes));
  if (Crc(content) != m.crc) return InvalidArgument("zip member '{}' has a wrong CRC", m.name);
  return content;
}

void ZipWriter::Put(uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i, value >>= 8) out_.push_back(static_cast<std::byte>(value & 255));
}

Status ZipWriter::Add(const std::string& name, std::span<const std::byte> content) {
  ZipMember m{name, 0, Crc(content), content.size(), content.size(), out_.size()};
  std::vector<std::byte> packed = Deflate(content);
  if (!packed.empty()) {
    m.method = 8;
    m.packed_bytes = packed.size();
    content = packed;
  }
  if (name.size() > 0xFFFF || out_.size() + m.packed_bytes + m.bytes >= kInExtra) {
    return ResourceExhausted("npz output passes 4 GB at array '{}'", name);
  }
  Put(kLocal, 4), Put(20, 2), Put(0x800, 2), Put(m.method, 2);  // 0x800: names are UTF-8
  Put(0, 2), Put(0x21, 2);                                      // 1980-01-01: same input, same file
  Put(m.crc, 4), Put(m.packed_bytes, 4), Put(m.bytes, 4), Put(name.size(), 2), Put(0, 2);
  const auto text = std::as_bytes(std::span(name));
  out_.insert(out_.end(), text.begin(), text.end());
  out_.insert(out_.end(), content.begin(), content.end());
  members_.push_back(std::move(m));
  return Status();
}

std::vector<std::byte> ZipWriter::Finish() {
  const size_t start = out_.size();
  for (const ZipMember& m : members_) {
    Put(kCentral, 4), Put(20, 2), Put(20, 2), Put(0x800, 2), Put(m.method, 2);
    Put(0, 2), Put(0x21, 2), Put(m.crc, 4), Put(m.packed_bytes, 4), Put(m.bytes, 4);
    Put(m.name.size(), 2), Put(0, 2 + 2 + 2 + 2 + 4), Put(m.header, 4);
    const auto text = std::as_bytes(std::span(m.name));
    out_.insert(out_.end(), text.begin(), text.end());
  }
  const size_t bytes = out_.size() - start;
  Put(kEnd, 4), Put(0, 4), Put(members_.size(), 2), Put(members_.size(), 2);
  Put(bytes, 4), Put(start, 4), Put(0, 2);
  return std::move(out_);
}

}  // namespace heddle::cli
