// SPDX-License-Identifier: Apache-2.0
#include "base/caught.h"

#include <exception>
#include <new>
#include <stdexcept>

namespace heddle::core {
namespace {

Status InternalError(const char* what) noexcept {
  try {
    return Status(Code::kInternal, what);
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
}

// Never destroyed.
const Status& MakeOutOfMemory() { return *new Status(Code::kResourceExhausted, "out of memory"); }

// Made when the library is loaded, at the latest.
[[maybe_unused]] const Status& made_early = OutOfMemory();

}  // namespace

const Status& OutOfMemory() noexcept {
  static const Status& status = MakeOutOfMemory();
  return status;
}

bool IsOutOfMemory(const Status& status) noexcept {
  return status.c_str() == OutOfMemory().c_str();  // copies share the text
}

Status CaughtStatus() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  } catch (const std::length_error&) {  // more than any memory holds
    return OutOfMemory();
  } catch (const std::exception& e) {
    return InternalError(e.what());
  } catch (...) {
    return InternalError("unknown exception");
  }
}

}  // namespace heddle::core
