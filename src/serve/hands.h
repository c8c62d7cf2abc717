// SPDX-License-Identifier: Apache-2.0
// Hands: the threads that run what a Queue holds.
#ifndef HEDDLE_SERVE_HANDS_H_
#define HEDDLE_SERVE_HANDS_H_

#include <cstdint>

#include "crew/executor.h"

namespace heddle::core {

class Request;

// Thread-safe. Never called under the Queue's lock.
class Hands {
 public:
  virtual int budget() const = 0;
  // Some thread will work for the Queue once, with a turn of this priority. Called again for the
  // priority only once that thread is at work. Allocates nothing of its own.
  virtual void Post(Priority priority) = 0;
  // The calling thread will wait for the request until then: runs it, if it is the next and a turn
  // is free.
  virtual void Lend(Request& request, int64_t until_ns) = 0;

 protected:
  ~Hands() = default;
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_HANDS_H_
