// SPDX-License-Identifier: Apache-2.0
// Request: one inference that somebody submitted, from submission until nobody needs its outcome.
#ifndef HEDDLE_SERVE_REQUEST_H_
#define HEDDLE_SERVE_REQUEST_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/fork.h"
#include "crew/executor.h"
#include "heddle/status.h"
#include "serve/heap.h"

namespace heddle::core {

class Target;
class Completions;
struct Lane;
struct Cost;

enum class RequestState : uint8_t {
  kNew,
  kBlocked,  // its submitter waits for room
  kWaiting,  // accepted
  kRunning,
  kHeld,  // it ran; those of its stream that began before it have not ended
  kDone,
};

// Owned by its submitter, and by the Queue from acceptance until the outcome was told; the last
// owner recycles it.
class Request {
 public:
  Request() = default;
  virtual ~Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  void Own() { owners_.fetch_add(1, std::memory_order_relaxed); }
  void Disown() {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) Recycle();
  }
  bool done() const { return word.load(std::memory_order_acquire) == kDoneWord; }

  // What the submitter asks for.
  Target* target = nullptr;
  uint64_t stream = 0;
  bool serial = false;  // `stream` is a session: one after another
  bool in_order = false;
  Priority priority = Priority::kNormal;
  int64_t deadline_ns = 0;
  uint64_t bytes = 0;
  uint64_t kind = 0;       // requests of one kind cost the same
  bool batchable = false;  // may run as one with others that are alike: see Target
  Completions* completions = nullptr;
  uint64_t tag = 0;

  // The outcome: of who runs it, then of the Queue; does not change any more once done().
  Status status;
  // Looked at by the call that runs.
  std::atomic<bool> stop{false};
  // What waiters sleep on.
  static constexpr uint32_t kDoneWord = 2;
  std::atomic<uint32_t> word{0};

  // Of the Queue, under its lock.
  RequestState state = RequestState::kNew;
  Lane* lane = nullptr;
  Request *next = nullptr, *previous = nullptr;            // in the lane
  Request *next_live = nullptr, *previous_live = nullptr;  // accepted, not done
  Request* next_held = nullptr;                            // in the lane's order of ends
  Request* next_ended = nullptr;
  Lane* told_in_order = nullptr;  // whose next request is told after this one
  bool announced = false;         // to all but `then`
  int batch_size = 1;             // it included
  // Of the first of a batch, or of one that runs by itself.
  bool begun_alone = false, begun_busy = false, again = false, forbidden = false;
  Request* next_in_batch = nullptr;
  bool has_waiters = false;
  size_t expiry_place = kNotInHeap;
  Cost* cost = nullptr;  // as long as it is of this kind: see Queue::CostOf
  int64_t estimate_ns = 0;
  bool foreseen = false;                                // the estimate is learned
  int64_t accepted_ns = 0, begun_ns = 0, ended_ns = 0;  // ended: its run
  int64_t ran_ns = 0;   // the run alone, of the first of a batch; 0: as long as from begun to ended
  uint8_t charged = 0;  // the priority that it began with
  uint8_t generation = 0;
  void (*then)(void* arg, Request& request) = nullptr;
  void* then_arg = nullptr;
  std::optional<InFlight> in_flight;  // from acceptance until it is done

 protected:
  virtual void Recycle() = 0;
  // As new, with one owner. REQUIRES: no owner is left.
  void Renew() {
    status = Status();
    stop.store(false, std::memory_order_relaxed);
    word.store(0, std::memory_order_relaxed);
    state = RequestState::kNew;
    lane = nullptr;
    cost = nullptr;
    then = nullptr;
    owners_.store(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<int> owners_{1};
};

}  // namespace heddle::core

#endif  // HEDDLE_SERVE_REQUEST_H_
