// SPDX-License-Identifier: Apache-2.0
// Status and Result<T>: how everything in Heddle reports failure. No exceptions, no printing, no
// abort.
#ifndef HEDDLE_STATUS_H_
#define HEDDLE_STATUS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "heddle/c.h"

namespace heddle {

// The kinds of failure; c.h says what each means.
enum class Code : int32_t {
  kOk = HEDDLE_OK,
  kInvalidArgument = HEDDLE_INVALID_ARGUMENT,
  kInvalidModel = HEDDLE_INVALID_MODEL,
  kNotFound = HEDDLE_NOT_FOUND,
  kUnsupported = HEDDLE_UNSUPPORTED,
  kFailedPrecondition = HEDDLE_FAILED_PRECONDITION,
  kResourceExhausted = HEDDLE_RESOURCE_EXHAUSTED,
  kDeadlineExceeded = HEDDLE_DEADLINE_EXCEEDED,
  kCancelled = HEDDLE_CANCELLED,
  kInternal = HEDDLE_INTERNAL,
};

// Success, or a code with a text that names the thing, what was expected and what was found.
// Success costs one null pointer. Immutable; copies share the text.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message, int64_t retry_ns = 0)
      : error_(code == Code::kOk
                   ? nullptr
                   : std::make_shared<const Error>(code, std::move(message), retry_ns)) {}

  bool ok() const { return error_ == nullptr; }
  Code code() const { return ok() ? Code::kOk : error_->code; }
  std::string_view message() const { return ok() ? std::string_view() : error_->message; }
  const char* c_str() const { return ok() ? "" : error_->message.c_str(); }
  // After how long a request that was refused may find room; 0: nothing says that it ever will.
  int64_t retry_ns() const { return ok() ? 0 : error_->retry_ns; }

 private:
  struct Error {
    Error(Code c, std::string m, int64_t r) : code(c), message(std::move(m)), retry_ns(r) {}
    Code code;
    std::string message;
    int64_t retry_ns;
  };
  std::shared_ptr<const Error> error_;
};

// A value, or the Status that says why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT: a value is a result
  Result(Status status) : status_(std::move(status)) {  // NOLINT: so is an error
    if (status_.ok()) status_ = Status(Code::kInternal, "a Result was made from an OK status");
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  // REQUIRES: ok().
  T& value() & { return *value_; }
  const T& value() const& { return *value_; }
  T&& value() && { return *std::move(value_); }
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return *std::move(value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace heddle

#define HEDDLE_CONCAT_INNER_(a, b) a##b
#define HEDDLE_CONCAT_(a, b) HEDDLE_CONCAT_INNER_(a, b)

// Returns from the enclosing function when `expr` (a Status) is an error.
#define HEDDLE_TRY(expr)                                     \
  do {                                                       \
    ::heddle::Status heddle_try_status_ = (expr);            \
    if (!heddle_try_status_.ok()) return heddle_try_status_; \
  } while (0)

// HEDDLE_ASSIGN(auto x, expr): declares x from a Result, or returns its error.
#define HEDDLE_ASSIGN(decl, expr) \
  HEDDLE_ASSIGN_(HEDDLE_CONCAT_(heddle_result_, __LINE__), decl, expr)
#define HEDDLE_ASSIGN_(tmp, decl, expr) \
  auto tmp = (expr);                    \
  if (!tmp.ok()) return tmp.status();   \
  decl = std::move(tmp).value()

#endif  // HEDDLE_STATUS_H_
