// SPDX-License-Identifier: Apache-2.0
// The notations of /proc and /sys. What does not fit a notation wholly is no value, never half a
// value.
#ifndef HEDDLE_BASE_PARSE_H_
#define HEDDLE_BASE_PARSE_H_

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace heddle::core {

// Without blanks and line ends around it.
std::string_view Trim(std::string_view text);

// Fields between runs of blanks and line ends.
std::vector<std::string_view> SplitFields(std::string_view text);

// Lines, the empty ones left out.
std::vector<std::string_view> SplitLines(std::string_view text);

// A decimal number that fits, blanks around it allowed.
std::optional<int64_t> ParseInt(std::string_view text);

// "0-3,8,10-11": the numbers in order. At most 65536, none larger than that.
std::optional<std::vector<int>> ParseCpuList(std::string_view text);

}  // namespace heddle::core

#endif  // HEDDLE_BASE_PARSE_H_
