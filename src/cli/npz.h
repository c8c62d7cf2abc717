// SPDX-License-Identifier: Apache-2.0
// numpy's .npz: named arrays in a zip archive.
#ifndef HEDDLE_CLI_NPZ_H_
#define HEDDLE_CLI_NPZ_H_

#include <map>
#include <set>
#include <span>

#include "cli/array.h"
#include "cli/zip.h"
#include "heddle/status.h"

namespace heddle::cli {

using ArrayMap = std::map<std::string, Array, std::less<>>;

// An archive whose arrays are read one by one, each after a look at its header.
class NpzFile {
 public:
  static Result<NpzFile> Open(const std::string& path);

  std::set<std::string> names() const;
  // Type and shape, checked against the size of the member, without the data. REQUIRES: a name of
  // the file, as for Read.
  Result<Array> Head(const std::string& name) const;
  Result<Array> Read(const std::string& name) const;

 private:
  std::vector<std::byte> bytes_;
  std::map<std::string, ZipMember> members_;
};

Result<ArrayMap> ReadNpz(const std::string& path);
Result<ArrayMap> ParseNpz(std::span<const std::byte> bytes);
Result<std::vector<std::byte>> FormatNpz(std::span<const NamedArray> arrays);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_NPZ_H_
