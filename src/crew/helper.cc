// SPDX-License-Identifier: Apache-2.0
// A helper's side of the Crew.
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <new>
#include <system_error>

#include "base/caught.h"
#include "base/fork.h"
#include "base/log.h"
#include "crew/crew.h"

namespace heddle::core {
namespace {

constexpr int64_t kMostCreditNs = 200'000;
constexpr int64_t kMostFirstCreditNs = 25'000;  // where wakes take long, cores are wanted elsewhere
constexpr int64_t kBetweenCallsNs = 50'000;
constexpr int64_t kTellEveryNs = 1'000'000;
constexpr int64_t kStartAgainNs = 250'000'000;  // after the system refused a thread

}  // namespace

// So many threads that are of use to a caller of this group. Fewer: slower, never wrong.
void Crew::StartThreads(int wanted, int group) {
  std::atomic<int>& prepared = bells_[group].prepared;
  if (prepared.load(std::memory_order_relaxed) >= wanted || !MayStartThreads()) return;
  Status status;
  {
    const std::lock_guard lock(start_mutex_);
    if (stopping_.load(std::memory_order_relaxed)) return;
    status = Caught([&] { return StartMissing(wanted, group); });
    if (status.ok()) prepared.store(wanted, std::memory_order_relaxed);
  }
  NoteStart(status);
}

bool Crew::MayStartThreads() const {
  return !lacks_threads_.load(std::memory_order_relaxed) ||
         clock_.NowNs() >= start_again_ns_.load(std::memory_order_relaxed);
}

// Not under the lock: whom it tells may call the Crew.
void Crew::NoteStart(const Status& status) {
  if (status.ok()) {
    lacks_threads_.store(false, std::memory_order_relaxed);
    return;
  }
  refused_starts_.Add();
  start_again_ns_.store(clock_.NowNs() + kStartAgainNs, std::memory_order_relaxed);
  if (lacks_threads_.exchange(true, std::memory_order_relaxed)) return;
  static_cast<void>(Caught([&] {  // without memory there is no line
    Log(LogLevel::kWarning, "{} threads compute beside the callers, more are tried for: {}",
        threads_.load(std::memory_order_relaxed), status.message());
    return Status();
  }));
}

// Under the lock, like the next two.
Status Crew::StartMissing(int wanted, int group) {
  int left = wanted;
  for (const int g : placement_.group(group).nearest) {
    const int capacity = placement_.Capacity(g, most_threads_);
    HEDDLE_TRY(StartUpTo(std::min(left, capacity), g, bells_[g].started));
    left -= capacity;
    if (left <= 0) break;
  }
  return StartUpTo(left, group, spare_started_);
}

Status Crew::StartUpTo(int count, int group, int& started) {
  while (started < count && threads_.load(std::memory_order_relaxed) < MostStarted()) {
    HEDDLE_TRY(StartOne(group));
    ++started;
  }
  return Status();
}

// REQUIRES: there are fewer than MostStarted().
Status Crew::StartOne(int group) {
  const int index = threads_.load(std::memory_order_relaxed);
  HEDDLE_ASSIGN(AnonymousMemory scratch, AnonymousMemory::Allocate(kScratchBytes));
  Helper& self = helpers_[index];
  self.scratch = std::move(scratch);
  self.group = group;
  self.slow = placement_.group(group).speed > 0;
  sigset_t all, before;  // signals are for the application's threads
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Status status;
  try {
    self.thread = start_thread_([this, &self, index] { Loop(self, static_cast<unsigned>(index)); });
  } catch (const std::system_error& error) {
    status = Caught([&] { return SystemError(error.code().value(), "cannot start a thread"); });
  } catch (const std::bad_alloc&) {
    status = OutOfMemory();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!status.ok()) return status;
  pthread_setname_np(self.thread.native_handle(), "heddle-crew");
  threads_.store(index + 1, std::memory_order_release);
  return status;
}

// Else those that are granted a turn would wait for a thread, and the thread for a turn.
bool Crew::BeginWaitInTask() {
  {
    const std::lock_guard lock(start_mutex_);
    ++wait_in_tasks_;
  }
  return StandIn();
}

bool Crew::StandIn() {
  Status status;
  {
    const std::lock_guard lock(start_mutex_);
    if (wait_in_tasks_ <= stand_ins_) return true;
    if (!MayStartThreads() || stopping_.load(std::memory_order_relaxed)) return false;
    status = Caught([&] { return StartUpTo(stand_ins_ + 1, Here(), stand_ins_); });
    if (status.ok()) return wait_in_tasks_ <= stand_ins_;
  }
  NoteStart(status);
  return false;
}

void Crew::EndWaitInTask() {
  const std::lock_guard lock(start_mutex_);
  --wait_in_tasks_;
}

void Crew::Loop(Helper& self, unsigned id) {
  StayOn(placement_.group(self.group).cpus);
  while (!stopping_.load(std::memory_order_relaxed)) {
    LookAtBudget(clock_.NowNs());
    if (RunGranted()) continue;
    if (Join(self)) {
      Help(self, id);
      if (granted_.load(std::memory_order_relaxed) > 0) continue;
    }
    SleepForWork(self);
  }
}

bool Crew::Join(Helper& self) {
  int helping = helping_.load(std::memory_order_relaxed);
  do {
    if (helping >= Room()) return false;
  } while (!helping_.compare_exchange_weak(helping, helping + 1, std::memory_order_relaxed));
  self.present = true;
  return true;
}

// Of those that find themselves one too many, the first to say so is the one.
bool Crew::Stays(Helper& self) {
  int helping = helping_.load(std::memory_order_relaxed);
  while (self.present && helping > Room()) {
    if (helping_.compare_exchange_weak(helping, helping - 1, std::memory_order_relaxed))
      self.present = false;
  }
  return self.present;
}

void Crew::Help(Helper& self, unsigned id) {
  InTurn() = true;  // a call from inside a tile runs inline
  self.there_ns = self.now_ns = clock_.NowNs();
  self.cpu_ns = thread_cpu_.NowNs();
  do {
    LookAtBudget(self.now_ns);
    if (self.now_ns - self.there_ns >= kTellEveryNs) TellGovernor(self);
  } while (Stays(self) && (HelpOne(self, id) || SpinForWork(self)));
  TellGovernor(self);
  InTurn() = false;
  if (self.present) helping_.fetch_sub(1, std::memory_order_relaxed);
  self.present = false;
}

// While it is there a helper never waits: what its CPU time lacks, the system kept from it.
void Crew::TellGovernor(Helper& self) {
  const int64_t now = clock_.NowNs();
  const int64_t cpu = thread_cpu_.NowNs();
  const int64_t there = now - self.there_ns;
  governor_.Note(now, there, std::max<int64_t>(0, there - (cpu - self.cpu_ns)));
  self.there_ns = now;
  self.cpu_ns = cpu;
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
  // With the turn: the cap that it may come under is the Engine's, which a child goes on with.
  const OwnWork own_work;
  Turn turn(*this, *task, Turn::Granted());
  task->Run(turn);
  return true;
}

bool Crew::TakeBack(CrewTask& task) {
  if (granted_.load(std::memory_order_relaxed) == 0) return false;
  const std::lock_guard lock(granted_mutex_);
  CrewTask* before = nullptr;
  CrewTask* at = first_granted_;
  while (at != nullptr && at != &task) {
    before = at;
    at = at->next_;
  }
  if (at == nullptr) return false;
  (before != nullptr ? before->next_ : first_granted_) = task.next_;
  if (last_granted_ == &task) last_granted_ = before;
  granted_.fetch_sub(1, std::memory_order_seq_cst);
  return true;
}

bool Crew::HasWork(const Slot& slot, const Helper& self) const {
  const uint32_t left = slot.claims.LooksLeft();
  // The last tiles of a region would be waited for.
  const int kept = self.slow ? gate_.load(std::memory_order_relaxed) : 0;
  return left > static_cast<uint32_t>(kept);
}

bool Crew::AnythingOpen(const Helper& self) const {
  const int top = top_slot_.load(std::memory_order_acquire);
  for (int i = 0; i < top; ++i) {
    const Slot& slot = slots_[i];
    const int most = slot.most_helpers.load(std::memory_order_relaxed);
    if (HasWork(slot, self) && slot.helpers.load(std::memory_order_relaxed) < most) return true;
  }
  return false;
}

// One region, as long as it has tiles and the gate is open; of a caller nearby, if there is one.
bool Crew::HelpOne(Helper& self, unsigned from) {
  const unsigned top = static_cast<unsigned>(top_slot_.load(std::memory_order_acquire));
  for (const bool nearby : {true, false}) {
    for (unsigned i = 0; i < top; ++i) {
      Slot& slot = slots_[(from + i) % top];
      const bool is_near = slot.group.load(std::memory_order_relaxed) == self.group;
      if (is_near == nearby && HelpAt(slot, self)) return true;
    }
  }
  return false;
}

bool Crew::HelpAt(Slot& slot, Helper& self) {
  if (!HasWork(slot, self)) return false;
  bool helped = false;
  const int before = slot.helpers.fetch_add(1, std::memory_order_relaxed);
  while (before < slot.most_helpers.load(std::memory_order_relaxed) && HasWork(slot, self) &&
         Stays(self)) {
    const int threads = slot.most_helpers.load(std::memory_order_relaxed) + 1;
    const auto parts = static_cast<uint32_t>(std::max(1, threads));
    const Claim claim = slot.claims.Take(parts);
    if (claim.size() == 0) break;
    const int64_t begin = self.now_ns;
    Compute(slot, claim, self.scratch.data());
    slot.claims.Finish(claim);
    self.now_ns = clock_.NowNs();
    const int64_t took = self.now_ns - begin;
    Charge(self.now_ns, took);
    self.credit_ns = std::min(self.credit_ns + took / 10, kMostCreditNs);
    self.claims.AddAlone();
    if (slot.group.load(std::memory_order_relaxed) != self.group) self.far_claims.AddAlone();
    self.worked_ns.AddAlone(took);
    helped = true;
  }
  slot.helpers.fetch_sub(1, std::memory_order_relaxed);
  return helped;
}

// Looks for work for as long as it has credit and a call is there to be helped, or has just ended:
// who calls again at once finds it awake.
bool Crew::SpinForWork(Helper& self) {
  const int64_t begin = self.now_ns;
  int64_t now = begin, active_ns = begin;
  bool found = false;
  while (!found && now - begin < self.credit_ns && now - active_ns <= kBetweenCallsNs) {
    for (int i = 0; i < 16 && !found; ++i) {
      SpinPause();
      found = AnythingOpen(self);
    }
    if (!Stays(self) || granted_.load(std::memory_order_relaxed) > 0 ||
        stopping_.load(std::memory_order_relaxed))
      break;
    now = clock_.NowNs();
    if (turns_.active() > 0) active_ns = now;
  }
  self.now_ns = clock_.NowNs();
  const int64_t spun = self.now_ns - begin;
  Charge(self.now_ns, spun);
  self.credit_ns = std::max<int64_t>(0, self.credit_ns - spun);
  self.spin_ns.AddAlone(spun);
  return found;
}

void Crew::SleepForWork(Helper& self) {
  Bell& bell = bells_[self.group];
  const int64_t begin = clock_.NowNs();
  const uint32_t word = bell.word.load(std::memory_order_seq_cst);
  bell.sleepers.fetch_add(1, std::memory_order_seq_cst);
  self.asleep_ns.store(begin, std::memory_order_relaxed);
  // Whoever grants a task or stops rings after it did so; regions ring only to be quicker.
  if (granted_.load(std::memory_order_seq_cst) == 0 && !stopping_.load(std::memory_order_seq_cst))
    FutexWait(bell.word, word);
  self.asleep_ns.store(0, std::memory_order_relaxed);
  bell.sleepers.fetch_sub(1, std::memory_order_relaxed);
  const int64_t end = clock_.NowNs();
  self.slept_ns.AddAlone(end - begin);
  if (rung_ns_.load(std::memory_order_relaxed) > begin) NoteWake(end);
  // As long again as a wake takes: one that goes back to sleep too early loses no more than that.
  const int64_t wake_ns = wake_ns_.load(std::memory_order_relaxed);
  self.credit_ns = std::max(self.credit_ns, std::min(wake_ns, kMostFirstCreditNs));
}

}  // namespace heddle::core
