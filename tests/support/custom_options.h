// SPDX-License-Identifier: Apache-2.0
// The bytes of a custom operator's options, from the words of custom_recipes.inc.
#ifndef HEDDLE_TESTS_SUPPORT_CUSTOM_OPTIONS_H_
#define HEDDLE_TESTS_SUPPORT_CUSTOM_OPTIONS_H_

#include <cstddef>
#include <functional>
#include <string_view>
#include <vector>

#include "support/choices.h"

namespace heddle::core {

// `sum_of`: what a sum of the recipe, such as "2*n+1", is in this node. `slips`: now and then an
// option is absent, of another kind or wild, or the bytes are damaged.
std::vector<std::byte> CustomOptions(std::string_view words,
                                     const std::function<int32_t(std::string_view)>& sum_of,
                                     bool slips, Choices& choices);

}  // namespace heddle::core

#endif  // HEDDLE_TESTS_SUPPORT_CUSTOM_OPTIONS_H_
