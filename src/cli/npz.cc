// SPDX-License-Identifier: Apache-2.0
#include "cli/npz.h"

#include "base/errors.h"
#include "cli/files.h"
#include "cli/npy.h"

namespace heddle::cli {
namespace {

constexpr std::string_view kSuffix = ".npy";
constexpr uint64_t kHeadBytes = 128 << 10;  // a header of version 1 has 64 KiB at most
constexpr uint64_t kExpansion = 1032;       // members that overlap could otherwise grow without end

Status In(const std::string& what, const Status& status) {
  return Status(status.code(), what + ": " + std::string(status.message()));
}

}  // namespace

Result<ArrayMap> ParseNpz(std::span<const std::byte> bytes) {
  HEDDLE_ASSIGN(const std::vector<ZipMember> members, ListZip(bytes));
  ArrayMap arrays;
  uint64_t total = 0;
  for (const ZipMember& member : members) {
    std::string name = member.name;
    if (!name.ends_with(kSuffix)) continue;
    name.resize(name.size() - kSuffix.size());
    HEDDLE_ASSIGN(const std::vector<std::byte> content, ReadMember(bytes, member));
    total += content.size();
    if (total > bytes.size() * kExpansion) {
      return core::InvalidArgument("{} bytes of archive hold more than {} of arrays", bytes.size(),
                                   total);
    }
    Result<Array> array = ParseNpy(content);
    if (!array.ok()) return In("array '" + name + "'", array.status());
    arrays.insert_or_assign(std::move(name), std::move(*array));
  }
  return arrays;
}

Result<NpzFile> NpzFile::Open(const std::string& path) {
  NpzFile file;
  HEDDLE_ASSIGN(file.bytes_, ReadFile(path));
  const Result<std::vector<ZipMember>> members = ListZip(file.bytes_);
  if (!members.ok()) return In("'" + path + "'", members.status());
  for (const ZipMember& member : *members) {
    std::string name = member.name;
    if (!name.ends_with(kSuffix)) continue;
    name.resize(name.size() - kSuffix.size());
    file.members_.insert_or_assign(std::move(name), member);
  }
  return file;
}

std::set<std::string> NpzFile::names() const {
  std::set<std::string> names;
  for (const auto& [name, member] : members_) names.insert(name);
  return names;
}

Result<Array> NpzFile::Head(const std::string& name) const {
  const ZipMember& member = members_.at(name);
  HEDDLE_ASSIGN(const std::vector<std::byte> start, ReadMemberHead(bytes_, member, kHeadBytes));
  Result<NpyHead> head = ParseNpyHead(start);
  if (!head.ok()) return In("array '" + name + "'", head.status());
  const Status body = CheckBody(*head, member.bytes);
  if (!body.ok()) return In("array '" + name + "'", body);
  return std::move(head->array);
}

Result<Array> NpzFile::Read(const std::string& name) const {
  HEDDLE_ASSIGN(const std::vector<std::byte> content, ReadMember(bytes_, members_.at(name)));
  Result<Array> array = ParseNpy(content);
  if (!array.ok()) return In("array '" + name + "'", array.status());
  return array;
}

Result<ArrayMap> ReadNpz(const std::string& path) {
  HEDDLE_ASSIGN(const std::vector<std::byte> bytes, ReadFile(path));
  Result<ArrayMap> arrays = ParseNpz(bytes);
  if (!arrays.ok()) return In("'" + path + "'", arrays.status());
  return arrays;
}

Result<std::vector<std::byte>> FormatNpz(std::span<const NamedArray> arrays) {
  ZipWriter zip;
  for (const auto& [name, array] : arrays) {
    HEDDLE_TRY(zip.Add(name + std::string(kSuffix), FormatNpy(array)));
  }
  return zip.Finish();
}

}  // namespace heddle::cli
