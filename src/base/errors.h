// SPDX-License-Identifier: Apache-2.0
// Short ways to make a Status with a formatted text.
#ifndef HEDDLE_BASE_ERRORS_H_
#define HEDDLE_BASE_ERRORS_H_

#include <fmt/format.h>

#include "heddle/status.h"

namespace heddle::core {

template <class... A>
Status InvalidArgument(fmt::format_string<A...> f, A&&... a) {
  return Status(Code::kInvalidArgument, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Status InvalidModel(fmt::format_string<A...> f, A&&... a) {
  return Status(Code::kInvalidModel, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Status NotFound(fmt::format_string<A...> f, A&&... a) {
  return Status(Code::kNotFound, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Status Unsupported(fmt::format_string<A...> f, A&&... a) {
  return Status(Code::kUnsupported, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Status FailedPrecondition(fmt::format_string<A...> f, A&&... a) {
  return Status(Code::kFailedPrecondition, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Status ResourceExhausted(fmt::format_string<A...> f, A&&... a) {
  return Status(Code::kResourceExhausted, fmt::format(f, std::forward<A>(a)...));
}
template <class... A>
Status Internal(fmt::format_string<A...> f, A&&... a) {
  return Status(Code::kInternal, fmt::format(f, std::forward<A>(a)...));
}

}  // namespace heddle::core

#endif  // HEDDLE_BASE_ERRORS_H_
