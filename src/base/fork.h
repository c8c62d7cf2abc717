// SPDX-License-Identifier: Apache-2.0
// fork() takes only the calling thread along: a child made while other threads were inside the
// library inherits their half-done work and locks that nobody will release. It must learn so at
// once instead of hanging.
//
//  1. A child is fine if from the begin of fork() until its own start no InFlight was alive or came
//  to life.
//  2. Any other child is poisoned, also by a call of the forking thread, and so are its own
//  children.
//  3. Neither a call nor a fork ever waits for the other.
//
// Sees fork(), which runs pthread_atfork handlers; not vfork, posix_spawn or a bare clone, whose
// children may only exec.
#ifndef HEDDLE_BASE_FORK_H_
#define HEDDLE_BASE_FORK_H_

#include "heddle/status.h"

namespace heddle::core {

// One call in flight, from construction to destruction, which may happen on another thread.
// Thread-safe; costs two atomic additions on a cache line that few threads share. A caller asks
// CheckForked after making one.
class InFlight {
 public:
  InFlight();
  ~InFlight();
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

 private:
  unsigned shard_;
};

// kFailedPrecondition in a poisoned child. Takes no lock, allocates nothing.
Status CheckForked();

}  // namespace heddle::core

#endif  // HEDDLE_BASE_FORK_H_
