// SPDX-License-Identifier: Apache-2.0
// Whole files.
#ifndef HEDDLE_CLI_FILES_H_
#define HEDDLE_CLI_FILES_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "heddle/status.h"

namespace heddle::cli {

Result<std::vector<std::byte>> ReadFile(const std::string& path);
Result<std::string> ReadText(const std::string& path);
Status WriteFile(const std::string& path, std::span<const std::byte> bytes);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_FILES_H_
