// SPDX-License-Identifier: Apache-2.0
#include "crew/crew.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>

namespace heddle::core {
namespace {

constexpr int64_t kBudgetEveryNs = 250'000'000;
constexpr int64_t kFirstWakeNs = 25'000;  // until one is measured
constexpr int64_t kLeastWakeNs = 5'000, kMostWakeNs = 200'000;

std::atomic<Crew*> process_crew{nullptr};

// The threads did not come along, and whatever they were in the middle of never ends.
void ForgetInChild() { process_crew.store(nullptr, std::memory_order_relaxed); }

Crew* MakeProcessCrew() {
  static const int fork_handler = pthread_atfork(nullptr, nullptr, ForgetInChild);
  static_cast<void>(fork_handler);
  auto reader = std::make_shared<BudgetReader>();
  reader->Read();
  Crew::Options options;
  options.most_threads = static_cast<int>(sysconf(_SC_NPROCESSORS_CONF));
  options.placement = Placement(reader->topology());
  options.read_budget = [reader] { return reader->Read(); };
  return new Crew(std::move(options));
}

}  // namespace

// Once it is listed the task may run, and be posted again, before this returns.
TurnWake CrewTask::Granted() {
  Crew& crew = *crew_;
  {
    const std::lock_guard lock(crew.granted_mutex_);
    next_ = nullptr;
    (crew.last_granted_ != nullptr ? crew.last_granted_->next_ : crew.first_granted_) = this;
    crew.last_granted_ = this;
    crew.granted_.fetch_add(1, std::memory_order_seq_cst);
  }
  return {&WakeOne, &crew};
}

void CrewTask::WakeOne(void* crew) {
  Crew& c = *static_cast<Crew*>(crew);
  c.Ring(1, c.Here());
}

bool& InTurn() {
  static thread_local bool in_turn = false;
  return in_turn;
}

int Crew::CurrentCpu() { return sched_getcpu(); }

void Crew::SleepFor(int64_t ns) {
  const std::atomic<uint32_t> nobody{0};
  FutexWaitFor(nobody, 0, ns);
}

Crew::Crew(Options options)
    : clock_(*options.clock),
      thread_cpu_(*options.thread_cpu),
      process_cpu_(*options.process_cpu),
      pause_(std::move(options.pause)),
      read_budget_(std::move(options.read_budget)),
      placement_(std::move(options.placement)),
      current_cpu_(options.current_cpu),
      start_thread_(std::move(options.start_thread)),
      first_budget_(read_budget_()),
      budget_(first_budget_.cores),
      turns_(clock_, first_budget_.turns),
      gate_(first_budget_.apart),
      governor_(first_budget_.apart - 1),
      most_threads_(std::max(options.most_threads, first_budget_.cores)),
      budget_read_ns_(clock_.NowNs()),
      wake_ns_(kFirstWakeNs),
      slots_(new Slot[kSlots]),
      bells_(new Bell[static_cast<size_t>(placement_.groups())]),
      helpers_(new Helper[static_cast<size_t>(MostStarted())]) {
  SetBudget(first_budget_);
}

Crew::~Crew() {
  {
    const std::lock_guard lock(start_mutex_);  // no thread starts after this
    stopping_.store(true, std::memory_order_seq_cst);
  }
  for (int g = 0; g < placement_.groups(); ++g) {
    bells_[g].word.fetch_add(1, std::memory_order_seq_cst);
    FutexWake(bells_[g].word, MostStarted());
  }
  for (int i = 0; i < threads_.load(); ++i) helpers_[i].thread.join();
}

// Never destroyed: its threads may outlive static destructors.
Crew& Crew::OfProcess() {
  Crew* crew = process_crew.load(std::memory_order_acquire);
  if (crew != nullptr) return *crew;
  Crew* made = MakeProcessCrew();
  if (process_crew.compare_exchange_strong(crew, made, std::memory_order_acq_rel)) return *made;
  delete made;
  return *crew;
}

Crew* Crew::ReplaceForTest(Crew* crew) {
  return process_crew.exchange(crew, std::memory_order_acq_rel);
}

void Crew::Post(CrewTask& task, Priority priority, CoreCap* cap) {
  if (threads_.load(std::memory_order_relaxed) == 0)
    start_again_ns_.store(0, std::memory_order_relaxed);  // nobody else could run it
  StartThreads(turns_.budget(), Here());
  posted_.Add();
  task.crew_ = this;
  task.posted_as_ = priority;
  if (!turns_.TakeOrWait(task, priority, cap)) return;
  const TurnWake wake = task.Granted();
  wake.wake(wake.arg);
}

int Crew::Room() const {
  const int whole = gate_.load(std::memory_order_relaxed) - turns_.active();
  int room = whole;
  if (whole >= 0 && allowance_.any()) {
    const bool begun = helping_.load(std::memory_order_relaxed) > whole;
    const int64_t now = clock_.NowNs();
    room += begun ? allowance_.MayGoOn(now) : allowance_.MayBegin(now);
  }
  return std::min(room, governor_.cap());
}

// By a helper, for itself: of those that are one too many for the whole cores, each pays its part.
void Crew::Charge(int64_t now_ns, int64_t used_ns) {
  if (!allowance_.any()) return;
  const int helping = std::max(1, helping_.load(std::memory_order_relaxed));
  if (helping + turns_.active() > gate_.load(std::memory_order_relaxed))
    allowance_.Charge(now_ns, used_ns / helping);
}

void Crew::KeepPace(int64_t now_ns) {
  if (!pace_.any()) return;
  const int64_t pause_ns = pace_.PauseNs(now_ns, process_cpu_.NowNs());
  if (pause_ns == 0) return;
  paused_ns_.Add(pause_ns);
  pause_(pause_ns);
}

// The nearest sleepers first.
void Crew::Ring(int count, int group) {
  for (const int g : placement_.group(group).nearest) {
    Bell& bell = bells_[g];
    bell.word.fetch_add(1, std::memory_order_seq_cst);
    if (bell.sleepers.load(std::memory_order_seq_cst) == 0) continue;
    rung_ns_.store(clock_.NowNs(), std::memory_order_relaxed);
    const int woken = FutexWake(bell.word, count);
    wakes_.Add(woken);
    count -= woken;
    if (count <= 0) return;
  }
}

// What a wake costs here: from the ring until the woken runs.
void Crew::NoteWake(int64_t woken_ns) {
  const int64_t took = woken_ns - rung_ns_.load(std::memory_order_relaxed);
  const int64_t before = wake_ns_.load(std::memory_order_relaxed);
  wake_ns_.store(std::clamp((7 * before + took) / 8, kLeastWakeNs, kMostWakeNs),
                 std::memory_order_relaxed);
}

void Crew::SetBudget(const CoreBudget& budget) {
  const CpuThrottling& before = first_budget_.throttling;
  const CpuThrottling& now = budget.throttling;
  periods_.store(now.periods - before.periods, std::memory_order_relaxed);
  throttled_periods_.store(now.throttled_periods - before.throttled_periods,
                           std::memory_order_relaxed);
  throttled_ns_.store(now.throttled_ns - before.throttled_ns, std::memory_order_relaxed);
  gate_.store(budget.apart, std::memory_order_relaxed);
  allowance_.Set(budget.share, budget.period_ns);
  pace_.Set(budget.quota, budget.period_ns, clock_.NowNs(), process_cpu_.NowNs());
  governor_.SetMost(budget.apart - 1 + (allowance_.any() ? 1 : 0));
  budget_.store(budget.cores, std::memory_order_relaxed);
  turns_.SetBudget(budget.turns);
}

// On a thread of the Crew, since it reads files.
void Crew::LookAtBudget(int64_t now_ns) {
  if (now_ns - budget_read_ns_.load(std::memory_order_relaxed) < kBudgetEveryNs) return;
  const std::unique_lock lock(budget_mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  budget_read_ns_.store(now_ns, std::memory_order_relaxed);
  SetBudget(read_budget_());
  if (posted_.value() > 0) StartThreads(turns_.budget(), Here());
}

// A caller reads no files: a thread of the Crew does it, if there is one; else this starts one,
// since a budget that has grown can be seen only so.
void Crew::AskForBudget(int64_t now_ns) {
  if (now_ns - budget_read_ns_.load(std::memory_order_relaxed) < 2 * kBudgetEveryNs) return;
  StartThreads(1, Here());
  Ring(1, Here());
}

Crew::Slot* Crew::TakeSlot() {
  for (int i = 0; i < kSlots; ++i) {
    bool taken = slots_[i].taken.load(std::memory_order_relaxed);
    if (taken || !slots_[i].taken.compare_exchange_strong(taken, true, std::memory_order_acquire))
      continue;
    int top = top_slot_.load(std::memory_order_relaxed);
    while (top < i + 1 && !top_slot_.compare_exchange_weak(top, i + 1, std::memory_order_release)) {
    }
    return &slots_[i];
  }
  return nullptr;  // such a turn runs alone
}

// REQUIRES: the claim is held.
void Crew::Compute(Slot& slot, const Claim& claim, std::byte* scratch) {
  if (slot.failure.LeavesOut(claim.begin)) return;
  const Region& region = slot.region;
  const int64_t begin = claim.begin * slot.block;
  const int64_t end = std::min(region.tiles, claim.end * slot.block);
  slot.failure.Note(claim.begin, region.run(region.arg, begin, end, scratch));
}

CrewCounters Crew::counters() const {
  const auto unsigned_of = [](const std::atomic<int64_t>& n) {
    return static_cast<uint64_t>(n.load(std::memory_order_relaxed));
  };
  CrewCounters c;
  c.budget = budget();
  c.governor_cap = governor_.cap();
  c.governor_moves = governor_.moves();
  c.wakes = wakes_.value();
  c.waits_for_turn = waits_.value();
  c.yields = yields_.value();
  c.posted = posted_.value();
  c.refused_starts = refused_starts_.value();
  c.paused_ns = paused_ns_.value();
  c.periods = unsigned_of(periods_);
  c.throttled_periods = unsigned_of(throttled_periods_);
  c.throttled_ns = unsigned_of(throttled_ns_);
  for (int i = 0; i < kSlots; ++i) {
    c.shared_regions += slots_[i].shared_regions.value();
    c.helped_regions += slots_[i].helped_regions.value();
    c.straggler_ns += slots_[i].straggler_ns.value();
  }
  c.threads = threads_.load(std::memory_order_acquire);
  for (int i = 0; i < c.threads; ++i) AddHelper(helpers_[i], &c);
  return c;
}

void Crew::AddHelper(const Helper& helper, CrewCounters* c) const {
  c->helped_claims += helper.claims.value();
  c->far_claims += helper.far_claims.value();
  c->helped_ns += helper.worked_ns.value();
  c->spin_ns += helper.spin_ns.value();
  c->sleep_ns += helper.slept_ns.value();
  const int64_t since = helper.asleep_ns.load(std::memory_order_relaxed);
  if (since == 0) return;
  ++c->asleep;
  c->sleep_ns += static_cast<uint64_t>(std::max<int64_t>(0, clock_.NowNs() - since));
}

}  // namespace heddle::core
