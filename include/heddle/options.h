// SPDX-License-Identifier: Apache-2.0
// What a caller may ask for. Every default is what most programs want.
#ifndef HEDDLE_OPTIONS_H_
#define HEDDLE_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "heddle/c.h"

namespace heddle {

// An application's own threads, to share the steps of calls in place of Heddle's.
class Executor {
 public:
  virtual ~Executor() = default;
  // That may work on one step at the same time, its caller's included.
  virtual int threads() const = 0;
  // Calls `part` so many times, or less often, on any threads, and returns when all these calls
  // have returned; heddle_executor in c.h says more. Thread-safe. Must not throw.
  virtual void Run(int parts, const std::function<void()>& part) = 0;
};

struct Options {                    // of an Engine
  uint64_t memory_limit_bytes = 0;  // of all that models pack, calls and sessions hold; 0: no limit
  uint64_t arena_limit_bytes = 0;   // of one call (c.h: of a model's constants); 0: 4 GiB
  uint64_t mac_limit = 0;           // multiply-adds of one call; 0: 10^13
  int cores = 0;                    // never use more than these; 0: what the container allows
  Executor* executor = nullptr;     // outlives the engine and its models; nullptr: Heddle's own
  // A folder for packed weights; "": none. nullptr: the environment's HEDDLE_CACHE, else the
  // user's own.
  const char* cache = nullptr;
};

enum class Numerics { kFast = HEDDLE_FAST, kReference = HEDDLE_REFERENCE };

struct LoadOptions {
  Numerics numerics = Numerics::kFast;
  std::string isa = {};   // force an instruction set by name (docs/isa.md); empty: the best
  bool keep_all = false;  // keep every tensor of the graph readable after a call
};

// Stops the calls that were given it. Thread-safe.
class CancelToken {
 public:
  CancelToken() { heddle_status_free(heddle_cancel_create(&token_)); }
  ~CancelToken() { heddle_cancel_free(token_); }
  CancelToken(const CancelToken&) = delete;
  CancelToken& operator=(const CancelToken&) = delete;
  void Cancel() { heddle_cancel_set(token_); }
  const heddle_cancel* get() const { return token_; }

 private:
  heddle_cancel* token_ = nullptr;
};

struct RunOptions {
  std::chrono::steady_clock::time_point deadline = {};  // absolute; the epoch: none
  const CancelToken* cancel = nullptr;
  const char* signature = nullptr;  // nullptr: the main graph
  bool fresh_state =
      false;  // a model that remembers may run without a Session; what it learns is thrown away
};

}  // namespace heddle

#endif  // HEDDLE_OPTIONS_H_
