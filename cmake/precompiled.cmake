# SPDX-License-Identifier: Apache-2.0
# heddle_precompile(target [headers]): nearly every source includes these, and reads them once per target instead of
# once per file: half of the time to build from nothing. `headers` of this project are those that most of the target's
# sources stand on, who would be built anew with them anyway. The `dev` preset builds without, so that no source may lean
# on them (CMAKE_DISABLE_PRECOMPILE_HEADERS).
function(heddle_precompile target)
  target_precompile_headers(
    ${target} PRIVATE <fmt/format.h> <algorithm> <array> <cmath> <cstdint> <functional> <limits> <map> <memory> <optional>
    <span> <string> <string_view> <unordered_map> <utility> <variant> <vector> ${ARGN})
  target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")  # lets ccache compare contents
endfunction()
