// SPDX-License-Identifier: Apache-2.0
// Turns: how many calls compute at the same time, and who is next.
//
//  1. At most Budget calls hold a turn; one that comes to a free turn takes it with one
//     compare-and-swap.
//  2. Otherwise it waits, first come first served within its priority; a higher priority goes
//     first.
//  3. A waiter that has waited longer than kMostStarvedNs goes before any that came later, whatever
//     their priorities.
//  4. A turn is given up at a tile boundary when a higher priority waits, or after kLongTurnNs when
//     anyone waits; who gave it up waits again, at the end of its priority. At most `budget` calls
//     are parked so, since each keeps its memory.
//  5. No wakeup is lost: a call that finds no turn counts itself as waiting before it looks again,
//     and a turn is given back before its owner looks for waiters.
#ifndef HEDDLE_CREW_TURNS_H_
#define HEDDLE_CREW_TURNS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "base/clock.h"
#include "crew/executor.h"

namespace heddle::core {

inline constexpr int64_t kLongTurnNs = 10'000'000;
inline constexpr int64_t kMostStarvedNs = 100'000'000;

// One that waits for a turn; lives as long as it waits. Granted once.
class TurnWaiter {
 public:
  virtual ~TurnWaiter() = default;
  // The waiter now holds a turn. Called under the lock of Turns, on any thread; the waiter may be
  // gone when this returns.
  virtual void Granted() = 0;

 private:
  friend class Turns;
  TurnWaiter* next_ = nullptr;
  int64_t since_ns_ = 0;
};

class Turns {
 public:
  Turns(const Clock& clock, int budget) : clock_(clock), budget_(budget) {}

  int budget() const { return budget_.load(std::memory_order_relaxed); }
  // Holders beyond a smaller budget finish their turn; a larger one is granted at once.
  void SetBudget(int budget);

  int active() const { return active_.load(std::memory_order_relaxed); }
  bool anyone_waits() const { return waiting_.load(std::memory_order_relaxed) > 0; }

  bool TryTake();
  // Takes a turn now and returns true, or makes `waiter` wait: Granted() will be called.
  bool TakeOrWait(TurnWaiter& waiter, Priority priority);
  void Give();
  // The waiter gives up; false: it has been granted, or will be at any moment.
  bool Forget(TurnWaiter& waiter);

  // For the holder of a turn taken at `since_ns`, at a tile boundary.
  bool ShouldYield(Priority priority, int64_t since_ns) const;
  // Gives the turn to the next and makes `waiter` wait for another; false: nobody waits any more or
  // too many are parked, and the turn is kept.
  bool Yield(TurnWaiter& waiter, Priority priority);
  // For a waiter that had yielded, once granted.
  void Unpark() { parked_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  struct List {
    TurnWaiter *first = nullptr, *last = nullptr;
  };
  void Append(TurnWaiter& waiter, Priority priority);  // these four: under the lock
  TurnWaiter* PopNext();
  void GrantWhatIsFree();
  void UpdateHighest();

  const Clock& clock_;
  std::atomic<int> budget_;
  std::atomic<int> active_{0};
  std::atomic<int> waiting_{0};
  std::atomic<int> parked_{0};
  std::atomic<int> highest_{kPriorities};  // priority that waits; kPriorities: none
  std::mutex mutex_;
  std::array<List, kPriorities> lists_;
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_TURNS_H_
