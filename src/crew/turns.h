// SPDX-License-Identifier: Apache-2.0
// Turns: how many calls compute at the same time, and who is next.
//
//  1. At most Budget calls hold a turn, and of the calls under one CoreCap at most as many as it
//     says. One that comes to a free turn takes it with a compare-and-swap each.
//     (AtMostBudgetAtATime, ACapHoldsOverAllItsCalls)
//  2. Otherwise it waits, first come first served within its priority; a higher priority goes
//     first. A turn that comes free is offered to who is next. That one is asleep: until it claims
//     the turn, a call that comes may take it, of no lower priority than all who wait. But turns go
//     to who waits once in kSliceNs each, whoever comes: then the next is granted one, awake or
//     not. (FirstComeFirstServedWithinAPriority, ANewcomerDoesNotOvertakeWhoWaits,
//     WhoIsAwakeMayTakeWhatIsOffered, WhoIsNextIsNotOvertakenForLong, NoLowerPriorityOvertakes)
//  3. A call that only its CoreCap keeps waiting stands in nobody else's way, and does not lose
//     its place. (WhoWaitsForACapStandsInNobodysWay, AWaitForACapKeepsItsPlace)
//  4. A waiter that has waited longer than kMostStarvedNs goes before any that came later, whatever
//     their priorities, and then keeps its turn as if none were higher than its own: it computes
//     for kLongTurnNs, not for a tile. (WhoStarvesGoesFirst, Turn.WhoStarvedKeepsItForAWhile)
//  5. A turn is given up at a tile boundary when a higher priority waits, or after kLongTurnNs when
//     anyone waits; who gave it up waits again, at the end of its priority. At most `budget` calls
//     are parked so, since each keeps its memory. (YieldsToHigherAtOnceToOthersAfterAWhile,
//     YieldsToWhoWaitsForTheSameCap, Turn.WhoIsHelpedYieldsBetweenTiles)
//  6. No wakeup is lost: a call that finds no turn counts itself as waiting before it looks again,
//     and a turn is given back before its owner looks for waiters. So with caps.
//     (Crew.SeededStress)
//  7. Nobody is woken under the lock: with many callers and short calls, they would queue for it
//     behind each other's wakes. (NobodyIsWokenUnderTheLock)
#ifndef HEDDLE_CREW_TURNS_H_
#define HEDDLE_CREW_TURNS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "crew/executor.h"

namespace heddle::core {

inline constexpr int64_t kLongTurnNs = 10'000'000;
// Some of what a system gives a thread at a time. With turns that change hands less often nothing
// is lost to the time that it takes to wake somebody; with longer slices the slowest calls are
// slower than where the system alone shares out the cores.
inline constexpr int64_t kSliceNs = 8'000'000;
inline constexpr int64_t kMostStarvedNs = 100'000'000;

class CoreCap;

// Wakes whom it was made for, or nobody: who waits may have seen it all, and be gone.
struct TurnWake {
  void (*wake)(void* arg) = nullptr;  // nullptr: nobody sleeps
  void* arg = nullptr;
};

// One that waits for a turn; lives as long as it waits. Granted once.
class TurnWaiter {
 public:
  virtual ~TurnWaiter() = default;
  // The waiter now holds a turn. Called under the lock of Turns, on any thread; the waiter may be
  // gone when this returns. What it returns is called once the lock is given back.
  virtual TurnWake Granted() = 0;
  // There may be a turn for it: it should Claim one. nullopt: it cannot, and is granted one. Called
  // like Granted; the waiter stays.
  virtual std::optional<TurnWake> Offered() { return std::nullopt; }
  // Whether it had waited so long for the turn that it holds.
  bool starved() const { return starved_; }

 protected:
  CoreCap* cap() const { return cap_; }

 private:
  friend class Turns;
  friend class WaitList;
  TurnWaiter* next_ = nullptr;
  CoreCap* cap_ = nullptr;
  Priority priority_ = Priority::kNormal;
  int64_t since_ns_ = 0;
  bool waits_ = false, blocked_ = false;  // in a list, in that of its cap
  bool starved_ = false;
};

// Who waits, by priority and then by when they came. Changed under the lock of Turns; the looks
// need none.
class WaitList {
 public:
  bool anyone() const { return waiting_.load(std::memory_order_seq_cst) > 0; }
  // The highest priority that waits; kPriorities: none.
  int highest() const { return highest_.load(std::memory_order_relaxed); }
  // Whether who is next has waited for its turn for less than this.
  bool MayBeOvertaken(Priority by, const Clock& clock, int64_t limit_ns) const;
  bool MustBeServed(int64_t now_ns, int64_t limit_ns) const {
    return now_ns - served_ns_.load(std::memory_order_relaxed) >= limit_ns;
  }
  void Add(TurnWaiter& waiter);
  TurnWaiter* Next(int64_t now_ns) const;  // nullptr: nobody
  TurnWaiter* Serve(int64_t now_ns);       // the same, and it waits no longer
  void Serve(TurnWaiter& waiter, int64_t now_ns);
  void Remove(TurnWaiter& waiter);

 private:
  void UpdateHighest();

  std::array<TurnWaiter*, kPriorities> first_{};
  std::atomic<int> waiting_{0};
  std::atomic<int> highest_{kPriorities};
  std::atomic<int64_t> served_ns_{0};  // when one was last served, or the first came
};

// The most cores that the calls of one Engine use together. Outlives them.
class CoreCap {
 public:
  explicit CoreCap(int cores) : cores_(cores) {}  // REQUIRES: cores > 0
  CoreCap(const CoreCap&) = delete;
  CoreCap& operator=(const CoreCap&) = delete;

  // Cores that each of its active calls may use besides its own.
  int spare() const {
    const int active = active_.load(std::memory_order_relaxed);
    return active <= 0 ? cores_ - 1 : (cores_ - active) / active;
  }

 private:
  friend class Turns;
  int64_t overtaken_ns() const { return kSliceNs / cores_; }
  bool has_room() const { return active_.load(std::memory_order_seq_cst) < cores_; }
  bool TryEnter();
  void Leave() { active_.fetch_sub(1, std::memory_order_seq_cst); }

  const int cores_;
  std::atomic<int> active_{0};  // hold a turn, or wait for one with room under this cap kept free
  WaitList blocked_;
};

class Turns {
 public:
  Turns(const Clock& clock, int budget) : clock_(clock), budget_(budget) {}

  int budget() const { return budget_.load(std::memory_order_relaxed); }
  // Holders beyond a smaller budget finish their turn; a larger one is granted at once.
  void SetBudget(int budget);

  int active() const { return active_.load(std::memory_order_relaxed); }

  // A `cap` of nullptr: none.
  bool TryTake(CoreCap* cap = nullptr, Priority priority = Priority::kNormal);
  // Takes a turn now and returns true, or makes `waiter` wait: Granted() will be called.
  bool TakeOrWait(TurnWaiter& waiter, Priority priority, CoreCap* cap = nullptr);
  // For a waiter that was offered a turn: takes one, or finds that it was granted one. False: it
  // waits as before.
  bool Claim(TurnWaiter& waiter);
  void Give(CoreCap* cap = nullptr);
  // The waiter gives up; false: it has been granted, or will be at any moment.
  bool Forget(TurnWaiter& waiter);

  // For the holder of a turn taken at `since_ns`, at a tile boundary.
  bool ShouldYield(Priority priority, int64_t since_ns, const CoreCap* cap = nullptr) const;
  // Gives the turn to the next and makes `waiter` wait for another; false: nobody waits any more or
  // too many are parked, and the turn is kept.
  bool Yield(TurnWaiter& waiter, Priority priority, CoreCap* cap = nullptr);
  // For a waiter that had yielded, once granted.
  void Unpark() { parked_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  int64_t OvertakenNs() const { return kSliceNs / budget(); }
  bool TakeFree();
  class Locked;
  void Promote(TurnWaiter& waiter);  // under the lock
  void OfferRoom(CoreCap& cap, Locked& lock);
  void OfferTurns(Locked& lock);
  void OfferAll(CoreCap* cap, Locked& lock);

  const Clock& clock_;
  std::atomic<int> budget_;
  std::atomic<int> active_{0};
  std::atomic<int> parked_{0};
  std::mutex mutex_;
  WaitList ready_;  // each has room under its cap
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_TURNS_H_
