// SPDX-License-Identifier: Apache-2.0
#include "base/fork.h"

#include <pthread.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdint>

#include "base/errors.h"

namespace heddle::core {
namespace {

// Of all calls ever, on one line: most often one thread writes both.
struct alignas(64) Shard {
  std::atomic<uint64_t> begun;
  std::atomic<uint64_t> ended;
};

// Fork copies private pages one after the other while other threads write: a child could see what a
// call did without the count that says that it began. So the counts lie in memory that parent and
// child share until the child has compared them: whatever of a call the child can see, it sees the
// call's begin.
struct Counts {
  static constexpr unsigned kShards = 16;
  Shard shards[kShards];

  uint64_t Begun() const {
    uint64_t sum = 0;
    for (const Shard& shard : shards) sum += shard.begun.load(std::memory_order_acquire);
    return sum;
  }
  uint64_t Ended() const {
    uint64_t sum = 0;
    for (const Shard& shard : shards) sum += shard.ended.load(std::memory_order_acquire);
    return sum;
  }
};

Counts* MapCounts(void* where, int flags) {
  void* data = mmap(where, sizeof(Counts), PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS | flags, -1, 0);
  return data != MAP_FAILED ? static_cast<Counts*>(data) : nullptr;  // zero pages are zero counts
}

constinit std::atomic<const Status*> poison = nullptr;
constinit std::atomic<unsigned> next_shard = 0;
constinit thread_local unsigned this_threads_shard = Counts::kShards;  // none yet

// Of the fork that this thread is in.
constinit thread_local uint64_t begun_before_fork = 0;
constinit thread_local bool in_flight_before_fork = false;

// All that a child needs is made when the library is loaded, before there are calls, and never
// destroyed.
struct Watch {
  Counts* counts;
  const Status* poisoned;
};
void BeforeFork();
void AfterForkInChild();

Watch Install() {
  Watch watch;
  watch.counts = MapCounts(nullptr, 0);
  watch.poisoned = new Status(FailedPrecondition(
      "this process was forked while a call was in flight; fork when no call is running, or exec "
      "in the child"));
  if (watch.counts == nullptr || pthread_atfork(BeforeFork, nullptr, AfterForkInChild) != 0) {
    static Counts unwatched;
    watch.counts = &unwatched;
    poison = new Status(ResourceExhausted("no memory to watch for fork() with"));
  }
  return watch;
}
// Early: also for calls that initialisers of other files make.
[[gnu::init_priority(200)]] const Watch watch = Install();

void BeforeFork() {
  // In this order a call may be taken for one in flight, never the other way round.
  const uint64_t ended = watch.counts->Ended();
  begun_before_fork = watch.counts->Begun();
  in_flight_before_fork = begun_before_fork != ended;
}

void AfterForkInChild() {
  const bool fine = !in_flight_before_fork && watch.counts->Begun() == begun_before_fork;
  // The same address with counts of its own. Where that fails the parent's are shared on: poisoned
  // for safety.
  const bool apart = MapCounts(watch.counts, MAP_FIXED) != nullptr;
  if (!fine || !apart) poison.store(watch.poisoned, std::memory_order_release);
}

unsigned ThisThreadsShard() {
  if (this_threads_shard == Counts::kShards) {
    this_threads_shard = next_shard.fetch_add(1, std::memory_order_relaxed) % Counts::kShards;
  }
  return this_threads_shard;
}

}  // namespace

InFlight::InFlight() : shard_(ThisThreadsShard()) {
  watch.counts->shards[shard_].begun.fetch_add(1, std::memory_order_acq_rel);
  std::atomic_thread_fence(
      std::memory_order_release);  // nothing of the call is seen before its begin
}

InFlight::~InFlight() {
  watch.counts->shards[shard_].ended.fetch_add(1, std::memory_order_release);
}

Status CheckForked() {
  const Status* status = poison.load(std::memory_order_acquire);
  return status == nullptr ? Status() : *status;
}

}  // namespace heddle::core
