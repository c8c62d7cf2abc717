// SPDX-License-Identifier: Apache-2.0
#include "base/fork.h"

#include <pthread.h>
#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "base/clock.h"
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

// OwnWork announces itself before it looks for forks, and a fork before it looks for OwnWork: one
// of them sees the other. While a fork holds it off no count of it moves for good, so the child
// needs no shared page to know.
constinit std::atomic<int> own_works = 0;
constinit std::atomic<int> holding_forks = 0;
constinit thread_local bool in_own_work = false;

// Of the fork that this thread is in.
constinit thread_local uint64_t begun_before_fork = 0;
constinit thread_local bool quiet_before_fork = false;

// All that a child needs is made when the library is loaded, before there are calls, and never
// destroyed.
struct Watch {
  Counts* counts;
  const Status* poisoned;
};
void BeforeFork();
void AfterForkInParent();
void AfterForkInChild();

Watch Install() {
  Watch watch;
  watch.counts = MapCounts(nullptr, 0);
  watch.poisoned = new Status(FailedPrecondition(
      "this process was forked while a call was in flight; fork when no call is running, or exec "
      "in the child"));
  if (watch.counts == nullptr ||
      pthread_atfork(BeforeFork, AfterForkInParent, AfterForkInChild) != 0) {
    static Counts unwatched;
    watch.counts = &unwatched;
    poison = new Status(ResourceExhausted("no memory to watch for fork() with"));
  }
  return watch;
}
// Early: also for calls that initialisers of other files make.
[[gnu::init_priority(200)]] const Watch watch = Install();

// Looks again and again rather than sleep until it is woken: OwnWork mostly ends within
// microseconds and should not pay for forks, which are rare.
bool WaitUntilQuiet() {
  constexpr std::chrono::microseconds kLookAgain{20};
  const int64_t until = SystemClock().NowNs() + kMostForkWaitNs;
  for (;;) {
    // In this order a call may be taken for one in flight, never the other way round. And OwnWork
    // last: if it was for a call, that one is over.
    const uint64_t ended = watch.counts->Ended();
    begun_before_fork = watch.counts->Begun();
    if (begun_before_fork != ended) return false;
    if (own_works.load(std::memory_order_seq_cst) == 0) return true;
    if (in_own_work || SystemClock().NowNs() >= until) return false;
    std::this_thread::sleep_for(kLookAgain);
  }
}

void LetOwnWorkBegin() {
  holding_forks.fetch_sub(1, std::memory_order_seq_cst);
  holding_forks.notify_all();
}

// A child that will be poisoned holds nothing off: calls may be waiting for that work.
void BeforeFork() {
  holding_forks.fetch_add(1, std::memory_order_seq_cst);
  quiet_before_fork = CheckForked().ok() && WaitUntilQuiet();
  if (!quiet_before_fork) LetOwnWorkBegin();
}

void AfterForkInParent() {
  if (quiet_before_fork) LetOwnWorkBegin();
}

void AfterForkInChild() {
  const bool fine = quiet_before_fork && watch.counts->Begun() == begun_before_fork;
  // Of threads that did not come along.
  own_works.store(0, std::memory_order_relaxed);
  holding_forks.store(0, std::memory_order_relaxed);
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

OwnWork::OwnWork() {
  for (;;) {
    own_works.fetch_add(1, std::memory_order_seq_cst);
    const int forks = holding_forks.load(std::memory_order_seq_cst);
    if (forks == 0) break;
    own_works.fetch_sub(1, std::memory_order_seq_cst);
    holding_forks.wait(forks, std::memory_order_seq_cst);
  }
  in_own_work = true;
}

OwnWork::~OwnWork() {
  in_own_work = false;
  own_works.fetch_sub(1, std::memory_order_release);
}

Status CheckForked() {
  const Status* status = poison.load(std::memory_order_acquire);
  return status == nullptr ? Status() : *status;
}

}  // namespace heddle::core
