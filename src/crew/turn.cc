// SPDX-License-Identifier: Apache-2.0
// Turn: a call's side of the Crew.
#include <algorithm>
#include <cmath>

#include "crew/crew.h"

namespace heddle::core {
namespace {

constexpr float kExchangeNs = 400;      // what a claim and its end cost all others who claim
constexpr float kLeastClaimNs = 1'500;  // less is not worth the exchange
constexpr int64_t kStragglerSpinNs = 50'000;
constexpr int64_t kLookEveryNs = 2'000'000;  // of one who waits at what may end the wait
constexpr float kLookAtClockNs = 1'000'000;  // of one who computes at what else is due
constexpr float kLeastLookNs = 1'000;        // that a region takes, whatever its tiles are said to
// For how long a turn serves calls one after another while somebody waits for one.
constexpr int64_t kShortTurnNs = 1'000'000;

}  // namespace

// On the waiting thread's stack.
class Turn::Waiter final : public TurnWaiter {
 public:
  bool granted() const { return word_.load(std::memory_order_acquire) == kGranted; }
  bool TakeOffer() {
    uint32_t offered = kOffered;
    return word_.compare_exchange_strong(offered, kWaits, std::memory_order_acq_rel);
  }
  void Wait() { FutexWait(word_, kWaits); }
  void WaitFor(int64_t ns) { FutexWaitFor(word_, kWaits, ns); }

 private:
  static constexpr uint32_t kWaits = 0, kOffered = 1, kGranted = 2;
  // The waiter may return, and its memory be used again, before the wake: it is then a wake of
  // nobody, at an address that is only named, never read.
  TurnWake Granted() override {
    const TurnWake wake{&WakeAt, &word_};
    word_.store(kGranted, std::memory_order_release);
    return wake;
  }
  std::optional<TurnWake> Offered() override {
    if (word_.exchange(kOffered, std::memory_order_acq_rel) != kWaits) return TurnWake();
    return TurnWake{&WakeAt, &word_};
  }
  static void WakeAt(void* word) { FutexWake(*static_cast<std::atomic<uint32_t>*>(word), 1); }
  std::atomic<uint32_t> word_{kWaits};
};

Turn::Turn(Crew& crew, Priority priority, CoreCap* cap, GoOn wait)
    : crew_(crew), priority_(priority), nested_(InTurn()), cap_(cap), wait_(wait) {
  if (nested_) return;
  TakeTurn();
  Begin();
  crew.AskForBudget(since_ns_);
}

Turn::Turn(Crew& crew, Priority priority, IfFree)
    : crew_(crew), priority_(priority), nested_(InTurn()), cap_(nullptr) {
  if (nested_) return;
  held_ = crew.turns_.TryTake();
  if (held_) Begin();
}

Turn::Turn(Crew& crew, Priority priority, CoreCap* cap, NoWait)
    : crew_(crew), priority_(priority), nested_(InTurn()), cap_(cap), keeps_(true) {
  if (nested_) return;
  held_ = crew.turns_.TryTake(cap, priority);
  if (held_) Begin();
}

Turn::Turn(Crew& crew, CrewTask& task)
    : crew_(crew), priority_(Priority::kNormal), nested_(InTurn()), cap_(nullptr) {
  held_ = !nested_ && crew.TakeBack(task);
  if (!held_) return;
  priority_ = task.posted_as_;
  cap_ = task.cap();
  starved_ = task.starved();
  Begin();
}

Turn::Turn(Crew& crew, const CrewTask& task, Granted)
    : crew_(crew), priority_(task.posted_as_), nested_(false), posted_(true), cap_(task.cap()) {
  starved_ = task.starved();
  Begin();
}

void Turn::Begin() {
  InTurn() = true;
  since_ns_ = crew_.clock_.NowNs();
  crew_.KeepPace(since_ns_);
}

// A turn under another cap is another turn.
void Turn::Serve(Priority priority, CoreCap* cap, GoOn wait) {
  priority_ = priority;
  wait_ = wait;
  if (nested_ || !held_ || cap == cap_) return;
  crew_.turns_.Give(cap_);
  cap_ = cap;
  TakeTurn();
}

bool Turn::wanted() const {
  const int64_t since = since_ns_ - (kLongTurnNs - kShortTurnNs);
  return !nested_ && crew_.turns_.ShouldYield(priority_, since, cap_);
}

Turn::~Turn() {
  if (nested_) return;
  if (slot_ != nullptr) slot_->taken.store(false, std::memory_order_release);
  if (held_) crew_.turns_.Give(cap_);
  InTurn() = false;
}

void Turn::TakeTurn() {
  Waiter waiter;
  if (!crew_.turns_.TakeOrWait(waiter, priority_, cap_)) {
    crew_.waits_.Add();
    WaitFor(waiter);
  }
  starved_ = waiter.starved();
}

void Turn::WaitFor(Waiter& waiter) {
  const bool stands_in = !posted_ || crew_.BeginWaitInTask();
  WaitForTurn(waiter, stands_in);
  if (posted_) crew_.EndWaitInTask();
}

// Until a thread stands in for this one, that is tried for, too.
void Turn::WaitForTurn(Waiter& waiter, bool stands_in) {
  while (!waiter.granted()) {
    if (waiter.TakeOffer()) {
      if (crew_.turns_.Claim(waiter)) return;
    } else if (wait_.arg == nullptr && stands_in) {
      waiter.Wait();
    } else if (MayGoOn()) {
      waiter.WaitFor(kLookEveryNs);
      stands_in = stands_in || crew_.StandIn();
    } else if (crew_.turns_.Forget(waiter)) {
      held_ = false;
      return;
    }
  }
}

// Without a turn again, a region can only be stopped: whoever ended the wait stops it, too. A task
// that no thread can stand in for keeps its turn: whoever got it might find no thread.
void Turn::Yield() {
  Waiter waiter;
  if (!held_) return;
  const bool stands_in = !posted_ || crew_.BeginWaitInTask();
  if (stands_in && crew_.turns_.Yield(waiter, priority_, cap_)) {
    crew_.yields_.Add();
    WaitForTurn(waiter, stands_in);
    crew_.turns_.Unpark();
  }
  if (posted_) crew_.EndWaitInTask();
  if (!stands_in) return;
  starved_ = waiter.starved();
  since_ns_ = crew_.clock_.NowNs();
}

// At a tile boundary, after so much work.
void Turn::Look(float done_ns) {
  if (nested_) return;
  const Priority held_as = starved_ ? Priority::kHigh : priority_;
  if (!keeps_ && crew_.turns_.ShouldYield(held_as, since_ns_, cap_)) Yield();
  unlooked_ns_ += done_ns + kLeastLookNs;
  if (unlooked_ns_ < kLookAtClockNs) return;
  unlooked_ns_ = 0;
  const int64_t now = crew_.clock_.NowNs();
  crew_.KeepPace(now);
  if (crew_.governor_.cap() < crew_.gate_.load(std::memory_order_relaxed) - 1)
    crew_.governor_.Look(now);  // with no helpers there is nobody else to ask for more
  if (posted_)
    crew_.LookAtBudget(now);  // on a thread of the Crew, and perhaps all of them are so busy
  else
    crew_.AskForBudget(now);
}

// Work W takes W / T + T * kExchangeNs on T threads.
int MostThreads(float work_ns) {
  return static_cast<int>(std::sqrt(std::clamp(work_ns / kExchangeNs, 1.0f, 1e8f)));
}

ClaimSizes SizesOfClaims(float tile_ns) {
  const auto tiles = [](float count) {
    constexpr float kMost = Claims<SystemAtomics>::kMostTiles;
    return static_cast<uint16_t>(std::clamp(count, 1.0f, kMost));
  };
  const float ns = std::max(1.0f, tile_ns);
  return {tiles(std::ceil(kLeastClaimNs / ns)), tiles(kLongestClaimNs / ns)};
}

// Threads that may compute besides this one, on a region of so much work.
int Turn::Spare(float work_ns) const {
  const int room = std::min(crew_.Room(), MostThreads(work_ns) - 1);
  return cap_ == nullptr ? room : std::min(room, cap_->spare());
}

uint32_t Turn::Run(const Region& region) {
  if (region.tiles <= 0) return 0;
  const float total_ns = static_cast<float>(region.tiles) * region.tile_ns;
  Look(std::min(total_ns, kLongestClaimNs));
  if (!held_) return kRegionStopped;
  const bool worth_it = region.tiles >= 2 && total_ns >= kAloneNs;
  const bool fits = region.scratch_bytes <= Crew::kScratchBytes;
  if (nested_ || !worth_it || !fits) return RunAlone(region);
  const int spare = Spare(total_ns);
  if (spare <= 0) return RunAlone(region);
  if (slot_ == nullptr) slot_ = crew_.TakeSlot();
  if (slot_ == nullptr) return RunAlone(region);
  return RunShared(region, spare);
}

bool Turn::Pass(float ns) {
  Look(ns);
  return held_;
}

uint32_t Turn::RunShared(const Region& region, int spare) {
  const uint32_t count = Share(region, spare);
  const float total_ns = static_cast<float>(region.tiles) * region.tile_ns;
  const uint32_t parts = static_cast<uint32_t>(spare + 1);
  const ClaimSizes sizes = SizesOfClaims(region.tile_ns * static_cast<float>(slot_->block));
  uint32_t others = count, stopped = 0;
  Claim claim = slot_->claims.Open(count, parts, sizes);
  WakeSome(total_ns, region.tiles, spare);
  for (; claim.size() > 0; claim = slot_->claims.Take(parts)) {
    others -= claim.size();
    crew_.Compute(*slot_, claim, nullptr);
    Look(region.tile_ns * static_cast<float>(claim.size() * slot_->block));
    slot_->most_helpers.store(Spare(total_ns), std::memory_order_relaxed);
    if (held_ && (region.go_on == nullptr || region.go_on(region.arg))) continue;
    stopped = kRegionStopped;
    others -= slot_->claims.TakeAll().size();
  }
  if (others > 0) WaitForStragglers(others);
  return slot_->failure.CodeOr(stopped);
}

uint32_t Turn::RunAlone(const Region& region) {
  return RunInOrder(region, [&] {
    Look(kLongestClaimNs);
    return held_ && (region.go_on == nullptr || region.go_on(region.arg));
  });
}

// What helpers need to know of a region before it is opened; how many tiles it has to claim.
uint32_t Turn::Share(const Region& region, int spare) {
  Crew::Slot& slot = *slot_;
  slot.region = region;
  slot.block = (region.tiles + Crew::SlotClaims::kMostTiles - 1) / Crew::SlotClaims::kMostTiles;
  slot.most_helpers.store(spare, std::memory_order_relaxed);
  slot.failure.Clear();
  slot.group.store(crew_.Here(), std::memory_order_relaxed);
  slot.shared_regions.AddAlone();
  return static_cast<uint32_t>((region.tiles + slot.block - 1) / slot.block);
}

// How many helpers the calls have use for, if each has use for so many.
int Turn::Wanted(int helpers) const {
  const int64_t all = int64_t{helpers} * std::max(1, crew_.turns_.active());
  return static_cast<int>(std::min<int64_t>(crew_.Room(), all));
}

// Once what helpers could have taken over is worth the cost to the caller and to the woken.
void Turn::WakeSome(float total_ns, int64_t tiles, int spare) {
  const int group = slot_->group.load(std::memory_order_relaxed);
  const int helpers = static_cast<int>(std::min<int64_t>(spare, tiles - 1));
  const int wanted = Wanted(helpers);
  crew_.StartThreads(wanted, group);
  unshared_ns_ += total_ns * static_cast<float>(spare) / static_cast<float>(spare + 1);
  const int64_t wake_ns = crew_.wake_ns_.load(std::memory_order_relaxed);
  if (unshared_ns_ < static_cast<float>(2 * wake_ns)) return;
  const int missing = wanted - crew_.helping_.load(std::memory_order_relaxed);
  if (missing <= 0) return;
  unshared_ns_ = 0;
  crew_.Ring(std::min(helpers, missing), group);
}

// The first pauses are not timed: to read a clock takes as long as the shortest waits.
void Turn::WaitForStragglers(uint32_t others) {
  slot_->helped_regions.AddAlone();
  const auto finished = [&] {
    bool all = slot_->claims.AllFinished(others);
    for (int i = 0; i < 16 && !all; ++i) {
      SpinPause();
      all = slot_->claims.AllFinished(others);
    }
    return all;
  };
  if (finished()) return;
  const int64_t begin = crew_.clock_.NowNs();
  int64_t now = begin;
  bool all = false;
  while (!all && now - begin < kStragglerSpinNs) {
    all = finished();
    now = crew_.clock_.NowNs();
  }
  if (!all) {
    slot_->claims.SleepUntilFinished(others);
    now = crew_.clock_.NowNs();
    // What is beyond a claim's usual end: a helper was kept from its core in the middle of one.
    const auto claim_ns = static_cast<int64_t>(2 * kLongestClaimNs);
    crew_.governor_.Note(now, 0, std::max<int64_t>(0, now - begin - claim_ns));
  }
  slot_->straggler_ns.AddAlone(now - begin);
}

}  // namespace heddle::core
