// SPDX-License-Identifier: Apache-2.0
// The seam to code that throws: the standard library's, when memory runs out.
#ifndef HEDDLE_BASE_CAUGHT_H_
#define HEDDLE_BASE_CAUGHT_H_

#include "heddle/status.h"

namespace heddle::core {

// kResourceExhausted. There is always memory for it: it is made when the library is loaded.
const Status& OutOfMemory() noexcept;

// Whether it is that one: what failed may work the next time.
bool IsOutOfMemory(const Status& status) noexcept;

// What the exception means that is being handled. REQUIRES: inside a catch clause.
Status CaughtStatus() noexcept;

// Runs `make`, which returns a Status or Result; an exception becomes an error like any other.
template <class F>
auto Caught(F&& make) noexcept -> decltype(make()) {
  try {
    return make();
  } catch (...) {
    return CaughtStatus();
  }
}

}  // namespace heddle::core

#endif  // HEDDLE_BASE_CAUGHT_H_
