// SPDX-License-Identifier: Apache-2.0
// The identity of the code that is running.
#ifndef HEDDLE_BASE_BUILD_ID_H_
#define HEDDLE_BASE_BUILD_ID_H_

#include <string>

namespace heddle::core {

// What the linker made of the whole of the library or program that holds this code, in lower-case
// hexadecimal digits: whatever was built differently has another one. Empty: it made none.
std::string BuildId();

}  // namespace heddle::core

#endif  // HEDDLE_BASE_BUILD_ID_H_
