// SPDX-License-Identifier: Apache-2.0
// fork() takes only the calling thread along: a child made while other threads were inside the
// library inherits their half-done work and locks that nobody will release. It must learn so at
// once instead of hanging.
//
//  1. A child is fine if no InFlight was alive when fork() began, and none came to life until the
//  child's own start. (ChildOfAQuietProcessIsFine, ChildIsPoisonedByACallThatBeganDuringTheFork)
//  2. Any other child is poisoned, also by a call of the forking thread, and so are its own
//  children. (ChildIsPoisonedByACallOfAnotherThread, ChildIsPoisonedByTheForkingThreadsOwnCall)
//  3. Neither a call nor a fork ever waits for the other.
//  4. What the library's own threads do when no call is in flight is OwnWork: to tell of a result,
//  to look in vain for more to do. It poisons no child: a fork of a quiet process waits for its end
//  and keeps more from beginning. (ForkWaitsForOwnWork, OwnWorkDoesNotBeginDuringAFork)
//  5. That wait ends. An InFlight that comes to life ends it, so does kMostForkWaitNs, since
//  callbacks of the application are OwnWork, too; and a callback that forks waits for nothing. Then
//  the child is poisoned. (ForkDoesNotWaitForOwnWorkDuringACall, ForkInOwnWorkPoisons,
//  ForkGivesUpOnOwnWorkThatDoesNotEnd)
//
// Sees fork(), which runs pthread_atfork handlers; not vfork, posix_spawn or a bare clone, whose
// children may only exec.
#ifndef HEDDLE_BASE_FORK_H_
#define HEDDLE_BASE_FORK_H_

#include <cstdint>

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

// One piece of the work of a thread that the library has started, on that thread. Not nested. What
// a child may use, such a thread changes only inside of one, or for a call in flight. Begins when
// no fork of a quiet process is under way.
class OwnWork {
 public:
  OwnWork();
  ~OwnWork();
  OwnWork(const OwnWork&) = delete;
  OwnWork& operator=(const OwnWork&) = delete;
};

inline constexpr int64_t kMostForkWaitNs = 1'000'000'000;

// kFailedPrecondition in a poisoned child. Takes no lock, allocates nothing.
Status CheckForked();

}  // namespace heddle::core

#endif  // HEDDLE_BASE_FORK_H_
