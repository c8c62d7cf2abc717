// SPDX-License-Identifier: Apache-2.0
// Crew: the process's compute threads and the rule by which they help calls.
//
//  1. The calling thread always executes; a call makes progress though no helper ever comes.
//  2. Calls hold a Turn each (turns.h); at most Budget do. The helpers of a call whose Engine has a
//     cap are part of it, too.
//  3. Slots, where turns publish their regions, live as long as the Crew; how tiles are claimed
//  from
//     one is claims.h's.
//  4. At most budget - active turns helpers work, looked at again at each claim; so at most Budget
//     threads compute, plus one tile per helper while the gate closes.
//  5. Helpers spin only while a call is in flight that they may help, and for no longer than a
//     tenth of the time that they worked lately; between calls they sleep.
//  6. A region is shared only when its tiles are worth the exchange of cache lines, and a sleeping
//     helper is woken only when what a call could have shared lately is worth the wake.
//  7. A task that is posted takes a turn like any call and runs on one of these threads: there is
//  no
//     second pool.
//  8. A Turn inside a Turn of the same thread is the same turn: it runs inline, and alone.
#ifndef HEDDLE_CREW_CREW_H_
#define HEDDLE_CREW_CREW_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "crew/claims.h"
#include "crew/executor.h"
#include "crew/futex.h"
#include "crew/turns.h"

namespace heddle::core {

// What the Crew did since it was made. Read without a lock; each number is its own reading.
struct CrewCounters {
  int budget = 0, threads = 0;
  uint64_t shared_regions = 0;  // that were open to helpers
  uint64_t helped_claims = 0;   // that helpers computed
  uint64_t helped_ns = 0;
  uint64_t straggler_ns = 0;  // that callers waited for helpers' last tiles
  uint64_t spin_ns = 0;       // that helpers looked for work in vain
  uint64_t wakes = 0, waits_for_turn = 0, yields = 0, posted = 0;
};

// Work without a calling thread. Owned by who posts it, until Run begins.
class CrewTask : public TurnWaiter {
 public:
  virtual void Run() = 0;

 private:
  friend class Crew;
  void Granted() final;
  class Crew* crew_ = nullptr;
  CrewTask* next_ = nullptr;
};

class Crew {
 public:
  struct Options {
    int most_threads = 0;              // of the Crew's own; they start as the budget grows
    std::function<int()> read_budget;  // called on the Crew's threads, and once here
    const Clock* clock = &SystemClock();
  };
  explicit Crew(Options options);
  ~Crew();  // REQUIRES: no turn is held, no task waits
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // The process's own. A forked child has another, without threads at first.
  static Crew& OfProcess();

  // A `cap` of nullptr: none.
  void Post(CrewTask& task, Priority priority, CoreCap* cap = nullptr);
  int budget() const { return turns_.budget(); }
  CrewCounters counters() const;

 private:
  friend class Turn;
  friend class CrewTask;
  using SlotClaims = Claims<SystemAtomics>;
  struct alignas(128) Slot {
    SlotClaims claims;
    // Written by the turn that owns the slot before it opens a region.
    Region region;
    int64_t block = 1;  // tiles of the region in one tile of the claims
    // Looked at by helpers without a claim, so perhaps those of another region: the most tiles in
    // one claim, and how many may help.
    std::atomic<uint32_t> most{1};
    std::atomic<int> most_helpers{0}, helpers{0};
    std::atomic<uint64_t> failure{kNone};  // first tile of the failing claim << 32 | code
    std::atomic<bool> taken{false};
    std::atomic<uint64_t> shared_regions{0}, straggler_ns{0};
  };
  struct alignas(128) Helper {
    std::thread thread;
    AnonymousMemory scratch;
    std::atomic<uint64_t> claims{0}, worked_ns{0}, spin_ns{0};
    int64_t credit_ns = 0;  // that it may still spin
  };
  static constexpr uint64_t kNone = ~uint64_t{0};
  static constexpr int kSlots = 64;
  // Of a helper: reserved, pages come as they are touched. Regions that need more are not shared.
  static constexpr size_t kScratchBytes = size_t{64} << 20;

  void StartThreads(int wanted);
  void Loop(Helper& self, unsigned id);
  bool RunGranted();
  bool Join();
  bool MayStay() const { return helping_.load(std::memory_order_relaxed) <= Room(); }
  int Room() const { return turns_.budget() - turns_.active(); }
  bool HelpOne(Helper& self, unsigned from);
  bool HelpAt(Slot& slot, Helper& self);
  bool AnythingOpen() const;
  bool SpinForWork(Helper& self);
  void SleepForWork();
  void Ring(int count);
  void LookAtBudget();
  void AskForBudget(int64_t now);
  uint32_t Compute(Slot& slot, const Claim& claim, std::byte* scratch);
  Slot* TakeSlot();

  const Clock& clock_;
  std::function<int()> read_budget_;
  Turns turns_;
  const int most_threads_;
  std::mutex start_mutex_;
  std::atomic<int> threads_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> budget_read_ns_;
  std::atomic<int> helping_{0};  // present: they compute or look for something to compute
  std::atomic<int> sleepers_{0}, top_slot_{0};
  std::atomic<uint32_t> bell_{0};  // moves whenever somebody must look
  std::atomic<uint64_t> wakes_{0}, waits_{0}, yields_{0}, posted_{0};
  std::mutex granted_mutex_;
  std::atomic<int> granted_{0};
  CrewTask *first_granted_ = nullptr, *last_granted_ = nullptr;
  std::unique_ptr<Slot[]> slots_;
  std::unique_ptr<Helper[]> helpers_;  // the first threads_ of them run
};

// Whether this thread computes on a turn of its own or helps one.
bool& InTurn();

// The right to compute on the calling thread, from construction, which may wait, to destruction.
class Turn final : public Executor {
 public:
  // What may end the wait; looked at every few milliseconds.
  struct GoOn {
    bool (*go_on)(const void* arg) = nullptr;
    const void* arg = nullptr;  // nullptr: nothing ends it
  };
  // A `cap` of nullptr: none.
  Turn(Crew& crew, Priority priority, CoreCap* cap, GoOn wait);
  Turn(Crew& crew, Priority priority, CoreCap* cap) : Turn(crew, priority, cap, GoOn()) {}
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // False: the wait was ended; then nothing may be run.
  bool held() const { return held_; }
  uint32_t Run(const Region& region) override;

 private:
  friend class Crew;
  class Waiter;
  struct Inherited {};  // for a task, whose turn is there already
  Turn(Crew& crew, CoreCap* cap, Inherited);
  void WaitFor(Waiter& waiter);
  bool MayGoOn() const { return wait_.arg == nullptr || wait_.go_on(wait_.arg); }
  bool ShouldYield() const {
    return !nested_ && crew_.turns_.ShouldYield(priority_, since_ns_, cap_);
  }
  void Yield();
  int Spare() const;
  uint32_t RunAlone(const Region& region);
  void Share(const Region& region, int spare);
  void WaitForStragglers(uint32_t count);

  Crew& crew_;
  const Priority priority_;
  const bool nested_;
  bool held_ = true;
  CoreCap* const cap_;
  const GoOn wait_;
  int64_t since_ns_ = 0;
  float unshared_ns_ = 0;  // that helpers could have taken over since the last wake
  Crew::Slot* slot_ = nullptr;
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_CREW_H_
