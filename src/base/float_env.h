// SPDX-License-Identifier: Apache-2.0
// The float control word that kernels run under, whatever the caller's is.
#ifndef HEDDLE_BASE_FLOAT_ENV_H_
#define HEDDLE_BASE_FLOAT_ENV_H_

#include <cstdint>

namespace heddle::core {

enum class Denormals : uint8_t { kKeep, kFlush };

// From construction to destruction this thread rounds to nearest even, traps nothing and keeps
// denormals or flushes them, as operands and as results. Then the caller's word is back, exception
// flags included. May be nested. The compiler may move arithmetic of the same function across
// either end: compute in functions called in between.
class ScopedFloatEnv {
 public:
  explicit ScopedFloatEnv(Denormals denormals);
  ~ScopedFloatEnv();
  ScopedFloatEnv(const ScopedFloatEnv&) = delete;
  ScopedFloatEnv& operator=(const ScopedFloatEnv&) = delete;

 private:
  uint64_t control_;
  uint64_t flags_;
};

}  // namespace heddle::core

#endif  // HEDDLE_BASE_FLOAT_ENV_H_
