// SPDX-License-Identifier: Apache-2.0
// Crew: the process's compute threads and the rule by which they help calls.
//
//  1. The calling thread always executes; a call makes progress though no helper ever comes.
//     (EveryTileOnceWhateverTheBudget with one core, ACapOfOneCoreKeepsACallAlone)
//  2. Calls hold a Turn each (turns.h); at most Budget do, and where no quota binds a few more, for
//     which cores are found that others left (budget.h). The helpers of a call whose Engine has a
//     cap are part of it, too. (ACapHoldsOverAllCallsOfAnEngine, ACapsHelperMakesRoomForACall)
//  3. Slots, where turns publish their regions, live as long as the Crew; how tiles are claimed
//     from one is claims.h's. Each tile is computed once, and the lowest failing one decides.
//     (EveryTileOnceWhateverTheBudget, TheLowestFailingTileDecides,
//     LowestFailure.OnlyWhatComesAfterItIsLeftOut)
//  4. At most budget - active turns helpers work, looked at again at each claim; so at most Budget
//     threads compute, plus one claim of at most kLongestClaimNs per helper while the gate closes.
//     Of those that are too many only as many leave. An SMT sibling is no core here, and the
//     Governor may keep more of them away. (NeverMoreThanTheBudget, NoMoreLeaveThanMust,
//     SiblingsDoNotHelp, TheGovernorKeepsHelpersAway)
//  5. Of a core that is there for a part of each period helpers use only their Allowance
//     (budget.h). (HelpersPauseBeforeTheQuotaIsSpent) And whoever computes keeps the Pace of a
//     quota. (WhoComputesKeepsThePaceOfAQuota)
//  6. What limits the process is read again while calls run, by the Crew's threads; a change is
//     followed within a second. (AChangedLimitIsFollowedWithinASecond)
//  7. Helpers spin only while a call is in flight that they may help, or has ended a moment ago,
//     and for no longer than a tenth of the time that they worked lately; else they sleep.
//     (WhoCallsAgainAtOnceFindsItAwake, WhoWorkedLittleWaitsLittle, AnIdleCrewSleeps)
//  8. A region is shared only when its tiles are worth the exchange of cache lines. A sleeping
//     helper is woken only when what a call could have shared lately is worth a wake, as wakes
//     were measured here, the nearest first, and no more than are missing of those that all
//     calls have use for. (SmallRegionsStayAlone, HelpComesFromNearby, NoMoreAreWokenThanMissing,
//     EveryCallIsHelped, WhereWakesTakeLongFewerAreWorthIt)
//  9. A helper on a slow kind of core leaves the last tiles to the fast. (SlowCoresLeaveTheTail)
// 10. A task that is posted takes a turn like any call and runs on one of these threads: there is
//     no second pool, and a thread for each turn. Where one waits in the middle, having yielded,
//     another thread stands in for its own, for those that are granted a turn meanwhile.
//     (PostedTasksAllRun, EachTurnHasAThreadForATask, Turn.WhoYieldsLeavesATaskAThread)
// 11. A thread that the system refuses is tried for again, a few times in a second, for as long as
//     it is wanted; by a task that has none, with each that is posted. A task that yields has a
//     thread to stand in for its own, or does not yield.
//     (ARefusedThreadIsTriedForAgain, ATaskDoesNotYieldWithoutAStandIn)
// 12. A Turn inside a Turn of the same thread is the same turn: it runs inline, and alone.
//     (ATurnInsideATurnIsTheSame)
//     One that may wait for nobody gets a turn that is free, or none, and keeps it.
//     (WhoMayNotWaitKeepsItsTurn)
// 13. A call that may not go on ends its wait, and a region within one claim, and the Turn can be
//     used again. (WhoMayNotGoOnStopsWaiting, AStoppedRegionEndsAndTheTurnGoesOn)
// All of them at once, by chance: SeededStress.
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
#include "crew/budget.h"
#include "crew/claims.h"
#include "crew/counters.h"
#include "crew/executor.h"
#include "crew/failure.h"
#include "crew/futex.h"
#include "crew/governor.h"
#include "crew/pace.h"
#include "crew/placement.h"
#include "crew/turns.h"
#include "heddle/status.h"

namespace heddle::core {

class Turn;

// Work without a calling thread. Owned by who posts it, until Run begins or it is taken back.
class CrewTask : public TurnWaiter {
 public:
  // On a turn that is held, and given back afterwards. OwnWork: see base/fork.h.
  virtual void Run(Turn& turn) = 0;

 private:
  friend class Crew;
  friend class Turn;
  TurnWake Granted() final;
  static void WakeOne(void* crew);
  class Crew* crew_ = nullptr;
  Priority posted_as_ = Priority::kNormal;
  CrewTask* next_ = nullptr;
};

class Crew {
 public:
  struct Options {
    int most_threads = 0;                     // of the Crew's own; they start as they are wanted
    std::function<CoreBudget()> read_budget;  // by one thread at a time: the Crew's, and once here
    const Clock* clock = &SystemClock();
    const Clock* thread_cpu = &ThreadCpuClock();
    const Clock* process_cpu = &ProcessCpuClock();
    std::function<void(int64_t ns)> pause = &SleepFor;
    Placement placement = {};
    int (*current_cpu)() = &CurrentCpu;
    // std::system_error: the system refuses it; it is tried again later.
    std::function<std::thread(std::function<void()>)> start_thread = [](std::function<void()> run) {
      return std::thread(std::move(run));
    };
  };
  explicit Crew(Options options);
  ~Crew();  // REQUIRES: no turn is held, no task waits
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // The process's own. A forked child has another, without threads at first.
  static Crew& OfProcess();
  // Another in its place, while no call runs; returns what was there. nullptr: none yet.
  static Crew* ReplaceForTest(Crew* crew);

  // A `cap` of nullptr: none.
  void Post(CrewTask& task, Priority priority, CoreCap* cap = nullptr);
  int budget() const { return budget_.load(std::memory_order_relaxed); }
  CrewCounters counters() const;
  const Governor& governor() const { return governor_; }

 private:
  friend class Turn;
  friend class CrewTask;
  using SlotClaims = Claims<SystemAtomics>;
  // By cache lines: what all who claim exchange, what the turn that owns the slot writes before it
  // opens a region, what helpers write, what the owner keeps.
  struct alignas(128) Slot {
    SlotClaims claims;
    LowestFailure failure;
    std::atomic<int> group{0};  // of CPUs: where the caller is
    alignas(64) Region region;
    int64_t block = 1;  // tiles of the region in one tile of the claims
    // Looked at by helpers without a claim, so perhaps that of another region.
    std::atomic<int> most_helpers{0};
    alignas(64) std::atomic<int> helpers{0};
    alignas(64) std::atomic<bool> taken{false};
    Count shared_regions, helped_regions, straggler_ns;
  };
  struct alignas(128) Helper {
    std::thread thread;
    AnonymousMemory scratch;
    int group = 0;
    bool slow = false;                 // there are faster kinds of cores
    bool present = false;              // one of helping_
    int64_t credit_ns = 0;             // that it may still spin
    int64_t now_ns = 0;                // as it last looked
    int64_t there_ns = 0, cpu_ns = 0;  // when the Governor was last told
    Count claims, far_claims, worked_ns, spin_ns, slept_ns;
    std::atomic<int64_t> asleep_ns{0};  // since when; 0: it is awake
  };
  // Where the helpers of a group sleep.
  struct alignas(128) Bell {
    std::atomic<uint32_t> word{0};  // moves whenever somebody must look
    std::atomic<int> sleepers{0};
    std::atomic<int> prepared{0};  // so many threads are there for a caller of this group
    int started = 0;               // of the group
  };
  static constexpr int kSlots = 64;
  // Of a helper: reserved, pages come as they are touched. Regions that need more are not shared.
  static constexpr size_t kScratchBytes = size_t{64} << 20;
  static int CurrentCpu();
  static void SleepFor(int64_t ns);

  int Here() const { return placement_.groups() == 1 ? 0 : placement_.GroupOf(current_cpu_()); }
  void StartThreads(int wanted, int group);
  bool MayStartThreads() const;
  void NoteStart(const Status& status);
  Status StartMissing(int wanted, int group);
  Status StartUpTo(int count, int group, int& started);
  Status StartOne(int group);
  int MostStarted() const { return 3 * most_threads_ + 1; }  // a stand-in for each that is parked
  bool BeginWaitInTask();                                    // both: whether a thread stands in
  bool StandIn();
  void EndWaitInTask();
  void Loop(Helper& self, unsigned id);
  void Help(Helper& self, unsigned id);
  void TellGovernor(Helper& self);
  bool RunGranted();
  bool TakeBack(CrewTask& task);
  bool Join(Helper& self);
  bool Stays(Helper& self);
  int Room() const;
  void Charge(int64_t now_ns, int64_t used_ns);
  void KeepPace(int64_t now_ns);
  bool HelpOne(Helper& self, unsigned from);
  bool HelpAt(Slot& slot, Helper& self);
  bool HasWork(const Slot& slot, const Helper& self) const;
  bool AnythingOpen(const Helper& self) const;
  bool SpinForWork(Helper& self);
  void SleepForWork(Helper& self);
  void NoteWake(int64_t woken_ns);
  void Ring(int count, int group);
  void SetBudget(const CoreBudget& budget);
  void LookAtBudget(int64_t now_ns);
  void AskForBudget(int64_t now_ns);
  void Compute(Slot& slot, const Claim& claim, std::byte* scratch);
  Slot* TakeSlot();
  void AddHelper(const Helper& helper, CrewCounters* counters) const;

  const Clock& clock_;
  const Clock& thread_cpu_;
  const Clock& process_cpu_;
  const std::function<void(int64_t ns)> pause_;
  const std::function<CoreBudget()> read_budget_;
  const Placement placement_;
  int (*const current_cpu_)();
  const std::function<std::thread(std::function<void()>)> start_thread_;
  const CoreBudget first_budget_;
  std::atomic<int> budget_;
  Turns turns_;
  std::atomic<int> gate_;  // threads that may compute
  Allowance allowance_;
  Pace pace_;
  Governor governor_;
  const int most_threads_;
  std::mutex start_mutex_, budget_mutex_;
  // Threads; under start_mutex_. Spare: for turns beyond what the groups of CPUs have use for.
  int wait_in_tasks_ = 0, stand_ins_ = 0, spare_started_ = 0;
  std::atomic<int> threads_{0};
  std::atomic<bool> lacks_threads_{false};  // the system refused one, and there are too few since
  std::atomic<int64_t> start_again_ns_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<int64_t> budget_read_ns_;
  std::atomic<int64_t> periods_{0}, throttled_periods_{0}, throttled_ns_{0};
  std::atomic<int> helping_{0};  // present: they compute or look for something to compute
  std::atomic<int> top_slot_{0};
  std::atomic<int64_t> rung_ns_{0}, wake_ns_;  // when somebody was last woken, how long it takes
  Count wakes_, waits_, yields_, posted_, paused_ns_, refused_starts_;
  std::mutex granted_mutex_;
  std::atomic<int> granted_{0};
  CrewTask *first_granted_ = nullptr, *last_granted_ = nullptr;
  std::unique_ptr<Slot[]> slots_;
  std::unique_ptr<Bell[]> bells_;      // of each group
  std::unique_ptr<Helper[]> helpers_;  // the first threads_ of them run
};

// Whether this thread computes on a turn of its own or helps one.
bool& InTurn();

// How many threads end a region of so much work soonest, its caller's included: with each further
// one, the exchange of cache lines takes longer than its share of the work.
int MostThreads(float work_ns);

// What is worth a claim and not too long for one, of tiles that take so long each.
ClaimSizes SizesOfClaims(float tile_ns);

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
  // Not held unless one is free at this moment.
  struct IfFree {};
  Turn(Crew& crew, Priority priority, IfFree);
  // The same under a cap, and kept until the end, whoever waits for it: for who may wait for
  // nobody, and is done in a few milliseconds.
  struct NoWait {};
  Turn(Crew& crew, Priority priority, CoreCap* cap, NoWait);
  // The turn that a task was to run on, instead of it: not held if it has none yet, or has begun.
  Turn(Crew& crew, CrewTask& task);
  ~Turn();
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // False: the wait was ended; then nothing may be run.
  bool held() const { return held_; }
  Priority priority() const { return priority_; }
  // For one call after another on the same turn, as they differ. REQUIRES: no region runs.
  void Serve(Priority priority, CoreCap* cap, GoOn wait);
  // Somebody waits for a turn, and this one has been kept for a while.
  bool wanted() const;
  uint32_t Run(const Region& region) override;
  bool Pass(float ns) override;

 private:
  friend class Crew;
  class Waiter;
  struct Granted {};  // to a task
  Turn(Crew& crew, const CrewTask& task, Granted);
  void Begin();
  void TakeTurn();
  void WaitFor(Waiter& waiter);
  void WaitForTurn(Waiter& waiter, bool stands_in);
  bool MayGoOn() const { return wait_.arg == nullptr || wait_.go_on(wait_.arg); }
  void Look(float done_ns);
  void Yield();
  int Spare(float work_ns) const;
  uint32_t RunAlone(const Region& region);
  uint32_t Share(const Region& region, int spare);
  uint32_t RunShared(const Region& region, int spare);
  int Wanted(int helpers) const;
  void WakeSome(float total_ns, int64_t tiles, int spare);
  void WaitForStragglers(uint32_t others);

  Crew& crew_;
  Priority priority_;
  const bool nested_;
  const bool posted_ = false;
  bool held_ = true;
  CoreCap* cap_;
  GoOn wait_;
  bool starved_ = false;      // before it came to this turn
  const bool keeps_ = false;  // does not yield
  int64_t since_ns_ = 0;
  float unshared_ns_ = 0;  // that helpers could have taken over since the last wake
  float unlooked_ns_ = 0;  // that went by, as far as is known, since the clock was last read
  Crew::Slot* slot_ = nullptr;
};

}  // namespace heddle::core

#endif  // HEDDLE_CREW_CREW_H_
