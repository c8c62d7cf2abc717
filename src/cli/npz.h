// SPDX-License-Identifier: Apache-2.0
// numpy's .npz: named arrays in a zip archive.
#ifndef HEDDLE_CLI_NPZ_H_
#define HEDDLE_CLI_NPZ_H_

#include <map>
#include <span>

#include "cli/array.h"
#include "heddle/status.h"

namespace heddle::cli {

using ArrayMap = std::map<std::string, Array, std::less<>>;

Result<ArrayMap> ReadNpz(const std::string& path);
Result<ArrayMap> ParseNpz(std::span<const std::byte> bytes);
Result<std::vector<std::byte>> FormatNpz(std::span<const NamedArray> arrays);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_NPZ_H_
