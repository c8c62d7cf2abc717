// SPDX-License-Identifier: Apache-2.0
#include "crew_model.h"

#include <cmath>
#include <limits>

#include "crew/crew.h"

namespace heddle::bench {
namespace {

// Of turn.cc and crew.cc.
constexpr int64_t kWorthSharingNs = 4'000, kWorthWakingNs = 50'000;
constexpr int64_t kStragglerSpinNs = 50'000;
constexpr int64_t kMostCreditNs = 200'000, kFirstCreditNs = 50'000, kBetweenCallsNs = 50'000;
constexpr int kPausesPerLook = 16;

}  // namespace

// One that waits for a turn: woken wherever Turns grants it one.
class CrewModel::Waiter final : public core::TurnWaiter {
 public:
  explicit Waiter(CrewModel& model) : model_(model) {}
  bool granted() const { return granted_; }
  // Suspends until the grant, and for as long as a wake takes.
  struct Sleep {
    Waiter& waiter;
    bool await_ready() const { return waiter.granted_; }
    void await_suspend(std::coroutine_handle<> h) { waiter.sleeper_ = h; }
    void await_resume() const {}
  };

 private:
  core::TurnWake Granted() override {
    granted_ = true;
    --model_.waiting_;
    const Costs& c = model_.machine_.costs;
    if (sleeper_)
      model_.time_.ResumeAt(model_.time_.NowNs() + c.wake_call + c.wake_latency, sleeper_);
    return {};
  }
  CrewModel& model_;
  bool granted_ = false;
  std::coroutine_handle<> sleeper_;
};

CrewModel::CrewModel(const Machine& machine, const Rules& rules, const Load& load,
                     const Traffic& traffic, uint32_t seed)
    : machine_(machine),
      rules_(rules),
      load_(load),
      traffic_(traffic),
      turns_(time_, machine.cores),
      random_(seed),
      core_taken_(static_cast<size_t>(machine.cores)) {}

Outcome CrewModel::Run() {
  for (int i = 0; i < machine_.cores; ++i) time_.Spawn(Helper(machine_.cores - 1 - i));
  for (int i = 0; i < traffic_.callers; ++i) time_.Spawn(Caller());
  time_.RunUntil(std::numeric_limits<int64_t>::max());
  outcome_.calls = static_cast<int64_t>(outcome_.latencies.size());
  std::sort(outcome_.latencies.begin(), outcome_.latencies.end());
  return outcome_;
}

VirtualTime::Wait CrewModel::Spend(int64_t ns, int64_t& account) {
  account += ns;
  return time_.Sleep(ns);
}

VirtualTime::Wait CrewModel::Write(Line& line, int core, int64_t& account) {
  return Spend(line.Write(machine_, core, time_.NowNs()) - time_.NowNs(), account);
}

VirtualTime::Wait CrewModel::Read(Line& line, int core, int64_t& account) {
  return Spend(line.Read(machine_, core, time_.NowNs()) - time_.NowNs(), account);
}

void CrewModel::Note(uint64_t what) {
  outcome_.trace = (outcome_.trace ^ what ^ static_cast<uint64_t>(time_.NowNs())) * 1099511628211u;
}

// --- a call ---

Activity CrewModel::Caller() {
  co_await time_.Sleep(static_cast<int64_t>(random_() % 100'000));  // not all at once
  while (calls_begun_ < traffic_.calls) {
    ++calls_begun_;
    const int64_t begin = time_.NowNs();
    co_await time_.Sleep(traffic_.prepare_ns);
    const int core = TakeCore();
    co_await TakeTurn(core);
    int64_t since_ns = time_.NowNs();
    Slot* slot = nullptr;
    double unshared_ns = 0;
    for (int r = 0; r < load_.regions; ++r) {
      if (turns_.ShouldYield(core::Priority::kNormal, since_ns)) co_await YieldTurn(core, since_ns);
      if (slot == nullptr) slot = TakeSlot();
      co_await RunRegion(slot, core, unshared_ns);
    }
    if (slot != nullptr) slot->taken = false;
    co_await GiveTurn(core);
    core_taken_[static_cast<size_t>(core)] = false;
    outcome_.latencies.push_back(time_.NowNs() - begin);
    outcome_.ends.push_back(time_.NowNs());
    Note(1);
  }
}

// A core of the caller's; who waits for a turn needs none, so there may be more callers than cores.
int CrewModel::TakeCore() {
  const int first = static_cast<int>(random_() % static_cast<unsigned>(machine_.cores));
  for (int i = 0; i < machine_.cores; ++i) {
    const int core = (first + i) % machine_.cores;
    if (core_taken_[static_cast<size_t>(core)]) continue;
    core_taken_[static_cast<size_t>(core)] = true;
    return core;
  }
  return first;
}

Activity CrewModel::TakeTurn(int core) {
  co_await Write(active_, core, outcome_.claiming);
  Waiter waiter(*this);
  if (!turns_.TakeOrWait(waiter, core::Priority::kNormal)) {
    ++outcome_.turns_waited;
    ++waiting_;  // or no more, since the grant has come already
    const int64_t held = turns_lock_.Acquire(machine_, time_.NowNs(), machine_.costs.transfer);
    co_await Spend(held - time_.NowNs(), outcome_.waiting_for_lock);
    co_await AwaitGrant(waiter);
  }
  outcome_.most_active = std::max<int64_t>(outcome_.most_active, turns_.active());
  if (present_ > Room()) AlertSpinners();
  Note(2);
}

Activity CrewModel::AwaitGrant(Waiter& waiter) {
  if (!waiter.granted()) co_await Spend(machine_.costs.sleep_call, outcome_.waking);
  co_await Waiter::Sleep{waiter};
}

Activity CrewModel::GiveTurn(int core) {
  co_await Write(active_, core, outcome_.claiming);
  const int64_t wake = waiting_ > 0 ? machine_.costs.wake_call : 0;
  if (wake > 0) {
    const int64_t hold = machine_.costs.transfer + (rules_.wake_inside_lock ? wake : 0);
    const int64_t held = turns_lock_.Acquire(machine_, time_.NowNs(), hold);
    co_await Spend(held - time_.NowNs(), outcome_.waiting_for_lock);
  }
  turns_.Give();
  if (turns_.active() == 0) {
    idle_since_ns_ = time_.NowNs();
    AlertSpinners();
  }
  co_await Spend(wake, outcome_.waking);
}

Activity CrewModel::YieldTurn(int core, int64_t& since_ns) {
  const int64_t wake = machine_.costs.wake_call;
  const int64_t hold = machine_.costs.transfer + (rules_.wake_inside_lock ? wake : 0);
  const int64_t held = turns_lock_.Acquire(machine_, time_.NowNs(), hold);
  co_await Spend(held - time_.NowNs(), outcome_.waiting_for_lock);
  Waiter waiter(*this);
  if (!turns_.Yield(waiter, core::Priority::kNormal)) co_return;
  ++waiting_;
  co_await Write(active_, core, outcome_.claiming);
  co_await AwaitGrant(waiter);
  turns_.Unpark();
  since_ns = time_.NowNs();
}

CrewModel::Slot* CrewModel::TakeSlot() {
  for (const auto& slot : slots_) {
    if (slot->taken) continue;
    slot->taken = true;
    return slot.get();
  }
  if (static_cast<int>(slots_.size()) == rules_.slots) return nullptr;
  slots_.push_back(std::make_unique<Slot>());
  slots_.back()->taken = true;
  return slots_.back().get();
}

Activity CrewModel::RunRegion(Slot* slot, int core, double& unshared_ns) {
  co_await Read(active_, core, outcome_.claiming);
  const int spare = Room();
  const int64_t total_ns = load_.tiles * load_.tile_ns;
  if (spare <= 0 || load_.tiles < 2 || total_ns < kWorthSharingNs || slot == nullptr) {
    outcome_.most_computing = std::max<int64_t>(outcome_.most_computing, ++computing_);
    co_await Spend(total_ns, outcome_.compute);
    --computing_;
    co_return;
  }
  co_await Open(*slot, core);
  unshared_ns += static_cast<double>(total_ns) * spare / (spare + 1);
  if (unshared_ns >= static_cast<double>(kWorthWakingNs) && Missing(*slot) > 0) {
    unshared_ns = 0;
    co_await Ring(*slot, core);
  }
  int64_t computed_ns = 0;
  co_await Work(*slot, core, Parts(*slot), false, computed_ns);
  const int64_t begin = time_.NowNs();
  if (slot->finished < load_.tiles) {
    co_await UntilFinished{*slot};
    if (time_.NowNs() - begin > kStragglerSpinNs) co_await time_.Sleep(machine_.costs.wake_latency);
  }
  co_await Read(slot->done, core, outcome_.claiming);
  outcome_.stragglers += time_.NowNs() - begin;
  for (const int times : slot->times) outcome_.wrong_tiles += times != 1;
}

Activity CrewModel::Open(Slot& slot, int core) {
  co_await Write(slot.done, core, outcome_.claiming);
  co_await Write(slot.word, core, outcome_.claiming);
  slot.times.assign(static_cast<size_t>(load_.tiles), 0);
  slot.finished = 0;
  const core::ClaimSizes sizes = core::SizesOfClaims(static_cast<float>(load_.tile_ns));
  slot.most_helpers = MostHelpers();
  slot.first = slot.claims.Open(static_cast<uint32_t>(load_.tiles), Parts(slot), sizes);
  Note(3);
  AlertSpinners();
}

int CrewModel::MostHelpers() const {
  if (rules_.exchange_ns == 0) return Room();
  const auto work = static_cast<double>(load_.tiles * load_.tile_ns);
  const int threads = static_cast<int>(std::sqrt(work / static_cast<double>(rules_.exchange_ns)));
  return std::clamp(std::min(threads, load_.tiles) - 1, 1, Room());
}

// How many a call would wake.
int CrewModel::Missing(const Slot& slot) const {
  if (rules_.exchange_ns == 0) return present_ < Room() ? std::min(Room(), load_.tiles - 1) : 0;
  const int wanted = std::min(Room(), turns_.active() * slot.most_helpers);
  return std::min(slot.most_helpers, wanted - present_ - on_the_way_);
}

uint32_t CrewModel::Parts(const Slot& slot) const {
  return static_cast<uint32_t>(slot.most_helpers + 1);
}

// Until a call comes; for a while after the last one.
int64_t CrewModel::MaySpinNs() const {
  if (turns_.active() > 0) return kMostCreditNs;
  return idle_since_ns_ + kBetweenCallsNs - time_.NowNs();
}

bool CrewModel::MayHelp(const Slot& slot) const {
  return rules_.exchange_ns == 0 || slot.helpers < slot.most_helpers;
}

Activity CrewModel::Take(Slot& slot, int core, uint32_t parts, core::Claim& claim) {
  claim = {};
  if (slot.claims.LooksLeft() == 0) co_return;
  if (rules_.claim_looks_first) co_await Read(slot.word, core, outcome_.claiming);
  co_await Write(slot.word, core, outcome_.claiming);
  claim = slot.claims.Take(parts);
}

// Claims and computes until nothing is left, or a helper may not stay.
Activity CrewModel::Work(Slot& slot, int core, uint32_t parts, bool helper, int64_t& computed_ns) {
  core::Claim claim = slot.first;
  while (!(helper && present_ > Room())) {
    if (helper || claim.end == 0) co_await Take(slot, core, parts, claim);
    if (claim.size() == 0) break;
    for (uint32_t t = claim.begin; t < claim.end; ++t) ++slot.times[t];
    outcome_.most_computing = std::max<int64_t>(outcome_.most_computing, ++computing_);
    co_await Spend(claim.size() * load_.tile_ns, outcome_.compute);
    --computing_;
    computed_ns += claim.size() * load_.tile_ns;
    if (helper) {
      co_await Write(slot.done, core, outcome_.claiming);
      slot.claims.Finish(claim);
    }
    slot.finished += static_cast<int>(claim.size());
    Note(claim.begin);
    if (slot.finished == load_.tiles && slot.opener) time_.ResumeAt(time_.NowNs(), slot.opener);
    if (helper) co_await Read(active_, core, outcome_.claiming);
    claim = {};
  }
}

// --- a helper ---

Activity CrewModel::Ring(const Slot& slot, int core) {
  co_await Write(bell_, core, outcome_.waking);
  const Costs& c = machine_.costs;
  const int woken = std::clamp(Missing(slot), 0, static_cast<int>(asleep_.size()));
  for (int i = 1; i <= woken; ++i) {
    time_.ResumeAt(time_.NowNs() + i * c.wake_call + c.wake_latency, asleep_.front());
    asleep_.pop_front();
  }
  outcome_.wakes += woken;
  on_the_way_ += woken;
  co_await Spend(woken * c.wake_call, outcome_.waking);
}

// Those that spin look again, each when its pauses are over.
void CrewModel::AlertSpinners() {
  const int64_t look_ns = kPausesPerLook * machine_.costs.pause;
  for (const Spinner& s : spinners_) {
    const auto delay = static_cast<int64_t>(random_() % static_cast<uint64_t>(look_ns));
    time_.ResumeAt(time_.NowNs() + delay, s.handle, s.alarm);
  }
  spinners_.clear();
}

// As a helper looks: slot by slot from one of its own on. `when`: when it has done so.
CrewModel::Slot* CrewModel::FindOpen(int core, int64_t& when) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = *slots_[(static_cast<size_t>(core) + i) % slots_.size()];
    when = slot.word.Read(machine_, core, when);
    if (slot.claims.LooksLeft() > 0 && MayHelp(slot)) return &slot;
  }
  return nullptr;
}

Activity CrewModel::Helper(int core) {
  Alarm alarm;
  int64_t credit = 0;
  for (;;) {
    co_await Asleep{*this};
    credit = std::max(credit, kFirstCreditNs);
    co_await Write(helping_, core, outcome_.claiming);
    if (present_ >= Room()) continue;
    ++present_;
    co_await Help(core, alarm, credit);
    --present_;
    co_await Spend(machine_.costs.sleep_call, outcome_.waking);
  }
}

Activity CrewModel::Help(int core, Alarm& alarm, int64_t& credit) {
  while (present_ <= Room()) {
    int64_t when = time_.NowNs();
    Slot* slot = FindOpen(core, when);
    co_await Spend(when - time_.NowNs(), outcome_.spinning);
    const int64_t begin = time_.NowNs();
    if (slot != nullptr && slot->claims.LooksLeft() > 0) {
      const uint32_t parts =
          rules_.exchange_ns == 0 ? static_cast<uint32_t>(machine_.cores) : Parts(*slot);
      int64_t computed_ns = 0;
      ++slot->helpers;
      co_await Work(*slot, core, parts, true, computed_ns);
      --slot->helpers;
      credit = std::min(credit + computed_ns / 10, kMostCreditNs);
    } else if (const int64_t left = std::min(credit, MaySpinNs()); left > 0) {
      co_await Spinning{*this, left, alarm};
      credit -= time_.NowNs() - begin;
      outcome_.spinning += time_.NowNs() - begin;
    } else {
      co_return;
    }
  }
}

}  // namespace heddle::bench
