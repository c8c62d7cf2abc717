// SPDX-License-Identifier: Apache-2.0
// What others wait for must end for all of them, also when memory runs out.
#ifndef HEDDLE_ENGINE_CAUGHT_H_
#define HEDDLE_ENGINE_CAUGHT_H_

#include <exception>
#include <new>

#include "heddle/status.h"

namespace heddle::core {

// Runs `make`, which returns a Status or Result; an exception becomes an error like any other.
template <class F>
auto Caught(F make) -> decltype(make()) {
  try {
    return make();
  } catch (const std::bad_alloc&) {
    return Status(Code::kResourceExhausted, "out of memory");
  } catch (const std::exception& e) {
    return Status(Code::kInternal, e.what());
  }
}

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_CAUGHT_H_
