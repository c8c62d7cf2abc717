// SPDX-License-Identifier: Apache-2.0
#include "crew/crew.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>

#include "base/topology.h"
#include "crew/budget.h"

namespace heddle::core {
namespace {

constexpr int64_t kBudgetEveryNs = 250'000'000;
constexpr int64_t kMostCreditNs = 200'000;
constexpr int64_t kFirstCreditNs = 50'000;  // for one that was just woken

std::atomic<Crew*> process_crew{nullptr};

// The threads did not come along, and whatever they were in the middle of never ends.
void ForgetInChild() { process_crew.store(nullptr, std::memory_order_relaxed); }

Crew* MakeProcessCrew() {
  static const int fork_handler = pthread_atfork(nullptr, nullptr, ForgetInChild);
  static_cast<void>(fork_handler);
  auto reader = std::make_shared<BudgetReader>();
  return new Crew({static_cast<int>(ProcessCpus().size()), [reader] { return reader->Read(); },
                   &SystemClock()});
}

}  // namespace

void CrewTask::Granted() {
  {
    const std::lock_guard lock(crew_->granted_mutex_);
    next_ = nullptr;
    (crew_->last_granted_ != nullptr ? crew_->last_granted_->next_ : crew_->first_granted_) = this;
    crew_->last_granted_ = this;
    crew_->granted_.fetch_add(1, std::memory_order_seq_cst);
  }
  crew_->Ring(1);
}

bool& InTurn() {
  static thread_local bool in_turn = false;
  return in_turn;
}

Crew::Crew(Options options)
    : clock_(*options.clock),
      read_budget_(std::move(options.read_budget)),
      turns_(clock_, read_budget_()),
      most_threads_(std::max(options.most_threads, turns_.budget())),
      budget_read_ns_(clock_.NowNs()),
      slots_(new Slot[kSlots]),
      helpers_(new Helper[static_cast<size_t>(most_threads_)]) {}

Crew::~Crew() {
  {
    const std::lock_guard lock(start_mutex_);  // no thread starts after this
    stopping_.store(true, std::memory_order_seq_cst);
  }
  Ring(most_threads_);
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

// Signals are for the application's threads.
void Crew::StartThreads(int wanted) {
  wanted = std::min(wanted, most_threads_);
  if (threads_.load(std::memory_order_acquire) >= wanted) return;
  const std::lock_guard lock(start_mutex_);
  if (stopping_.load(std::memory_order_relaxed)) return;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (int i = threads_.load(); i < wanted; ++i) {
    auto scratch = AnonymousMemory::Allocate(kScratchBytes);
    if (!scratch.ok()) break;  // fewer helpers: slower, never wrong
    Helper& self = helpers_[i];
    self.scratch = std::move(scratch).value();
    self.thread = std::thread([this, &self, i] { Loop(self, static_cast<unsigned>(i)); });
    pthread_setname_np(self.thread.native_handle(), "heddle-crew");
    threads_.store(i + 1, std::memory_order_release);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Crew::Post(CrewTask& task, Priority priority, CoreCap* cap) {
  StartThreads(budget());
  posted_.fetch_add(1, std::memory_order_relaxed);
  task.crew_ = this;
  if (turns_.TakeOrWait(task, priority, cap)) task.Granted();
}

void Crew::Loop(Helper& self, unsigned id) {
  while (!stopping_.load(std::memory_order_relaxed)) {
    LookAtBudget();
    if (RunGranted()) continue;
    if (Join()) {
      InTurn() = true;  // a call from inside a tile runs inline
      while (MayStay() && (HelpOne(self, id) || SpinForWork(self))) {
      }
      InTurn() = false;
      helping_.fetch_sub(1, std::memory_order_relaxed);
      if (granted_.load(std::memory_order_relaxed) > 0) continue;
    }
    SleepForWork();
    self.credit_ns = std::max(self.credit_ns, kFirstCreditNs);
  }
}

bool Crew::Join() {
  int helping = helping_.load(std::memory_order_relaxed);
  do {
    if (helping >= Room()) return false;
  } while (!helping_.compare_exchange_weak(helping, helping + 1, std::memory_order_relaxed));
  return true;
}

bool Crew::RunGranted() {
  if (granted_.load(std::memory_order_relaxed) == 0) return false;
  CrewTask* task;
  {
    const std::lock_guard lock(granted_mutex_);
    task = first_granted_;
    if (task == nullptr) return false;
    first_granted_ = task->next_;
    if (first_granted_ == nullptr) last_granted_ = nullptr;
    granted_.fetch_sub(1, std::memory_order_seq_cst);
  }
  const Turn turn(*this, task->cap(), Turn::Inherited());
  task->Run();
  return true;
}

bool Crew::AnythingOpen() const {
  const int top = top_slot_.load(std::memory_order_acquire);
  for (int i = 0; i < top; ++i)
    if (slots_[i].claims.LooksOpen()) return true;
  return false;
}

// One region, as long as it has tiles and the gate is open.
bool Crew::HelpOne(Helper& self, unsigned from) {
  const unsigned top = static_cast<unsigned>(top_slot_.load(std::memory_order_acquire));
  for (unsigned i = 0; i < top; ++i)
    if (HelpAt(slots_[(from + i) % top], self)) return true;
  return false;
}

bool Crew::HelpAt(Slot& slot, Helper& self) {
  if (!slot.claims.LooksOpen()) return false;
  bool helped = false;
  const int before = slot.helpers.fetch_add(1, std::memory_order_relaxed);
  while (before < slot.most_helpers.load(std::memory_order_relaxed) && slot.claims.LooksOpen() &&
         MayStay()) {
    const uint32_t parts = static_cast<uint32_t>(turns_.budget());
    const Claim claim = slot.claims.Take(parts, slot.most.load(std::memory_order_relaxed));
    if (claim.size() == 0) break;
    const int64_t begin = clock_.NowNs();
    Compute(slot, claim, self.scratch.data());
    slot.claims.Finish(claim);
    const int64_t took = clock_.NowNs() - begin;
    self.credit_ns = std::min(self.credit_ns + took / 10, kMostCreditNs);
    self.claims.fetch_add(1, std::memory_order_relaxed);
    self.worked_ns.fetch_add(static_cast<uint64_t>(took), std::memory_order_relaxed);
    helped = true;
  }
  slot.helpers.fetch_sub(1, std::memory_order_relaxed);
  return helped;
}

// REQUIRES: the claim is held.
uint32_t Crew::Compute(Slot& slot, const Claim& claim, std::byte* scratch) {
  // Tiles after a failing one are skipped; those before it were claimed earlier.
  if (slot.failure.load(std::memory_order_relaxed) != kNone) return 0;
  const Region& region = slot.region;
  const int64_t begin = claim.begin * slot.block;
  const int64_t end = std::min(region.tiles, claim.end * slot.block);
  const uint32_t code = region.run(region.arg, begin, end, scratch);
  if (code == 0) return 0;
  const uint64_t mine = uint64_t{claim.begin} << 32 | code;
  uint64_t lowest = slot.failure.load(std::memory_order_relaxed);
  while (mine < lowest && !slot.failure.compare_exchange_weak(lowest, mine)) {
  }
  return code;
}

// Looks for work for as long as it has credit and a call is there to be helped.
bool Crew::SpinForWork(Helper& self) {
  const int64_t begin = clock_.NowNs();
  int64_t now = begin;
  bool found = false;
  while (!found && now - begin < self.credit_ns) {
    for (int i = 0; i < 16 && !found; ++i) {
      SpinPause();
      found = AnythingOpen();
    }
    if (turns_.active() == 0 || !MayStay() || granted_.load(std::memory_order_relaxed) > 0 ||
        stopping_.load(std::memory_order_relaxed))
      break;
    now = clock_.NowNs();
  }
  now = clock_.NowNs();
  self.credit_ns = std::max<int64_t>(0, self.credit_ns - (now - begin));
  self.spin_ns.fetch_add(static_cast<uint64_t>(now - begin), std::memory_order_relaxed);
  return found;
}

void Crew::SleepForWork() {
  const uint32_t bell = bell_.load(std::memory_order_seq_cst);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  // Whoever grants a task or stops rings after it did so; regions ring only to be quicker.
  if (granted_.load(std::memory_order_seq_cst) == 0 && !stopping_.load(std::memory_order_seq_cst))
    FutexWait(bell_, bell);
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

void Crew::Ring(int count) {
  bell_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
  wakes_.fetch_add(1, std::memory_order_relaxed);
  FutexWake(bell_, count);
}

// On a thread of the Crew, since it reads files.
void Crew::LookAtBudget() {
  int64_t last = budget_read_ns_.load(std::memory_order_relaxed);
  const int64_t now = clock_.NowNs();
  if (now - last < kBudgetEveryNs) return;
  if (!budget_read_ns_.compare_exchange_strong(last, now, std::memory_order_relaxed)) return;
  turns_.SetBudget(read_budget_());
  if (threads_.load(std::memory_order_relaxed) > 0) StartThreads(budget());
}

// A caller reads no files: a thread of the Crew does it, if there is one; else this starts one,
// since a budget that has grown can be seen only so.
void Crew::AskForBudget(int64_t now) {
  if (now - budget_read_ns_.load(std::memory_order_relaxed) < 2 * kBudgetEveryNs) return;
  StartThreads(1);
  Ring(1);
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

CrewCounters Crew::counters() const {
  CrewCounters c;
  c.budget = turns_.budget();
  c.wakes = wakes_.load(std::memory_order_relaxed);
  c.waits_for_turn = waits_.load(std::memory_order_relaxed);
  c.yields = yields_.load(std::memory_order_relaxed);
  c.posted = posted_.load(std::memory_order_relaxed);
  for (int i = 0; i < kSlots; ++i) {
    c.shared_regions += slots_[i].shared_regions.load(std::memory_order_relaxed);
    c.straggler_ns += slots_[i].straggler_ns.load(std::memory_order_relaxed);
  }
  c.threads = threads_.load(std::memory_order_acquire);
  for (int i = 0; i < c.threads; ++i) {
    c.helped_claims += helpers_[i].claims.load(std::memory_order_relaxed);
    c.helped_ns += helpers_[i].worked_ns.load(std::memory_order_relaxed);
    c.spin_ns += helpers_[i].spin_ns.load(std::memory_order_relaxed);
  }
  return c;
}

}  // namespace heddle::core
