// SPDX-License-Identifier: Apache-2.0
#include "crew/turns.h"

#include <algorithm>

namespace heddle::core {

// By time: one that waited for its cap first comes before those who came meanwhile.
void WaitList::Add(TurnWaiter& waiter) {
  TurnWaiter** at = &first_[static_cast<size_t>(waiter.priority_)];
  while (*at != nullptr && (*at)->since_ns_ <= waiter.since_ns_) at = &(*at)->next_;
  waiter.next_ = *at;
  waiter.waits_ = true;
  *at = &waiter;
  if (!anyone()) served_ns_.store(waiter.since_ns_, std::memory_order_relaxed);
  waiting_.fetch_add(1, std::memory_order_seq_cst);
  UpdateHighest();
}

TurnWaiter* WaitList::Next(int64_t now_ns) const {
  TurnWaiter* next = nullptr;
  for (TurnWaiter* first : first_) {
    if (first == nullptr) continue;
    const bool starves = first->since_ns_ <= now_ns - kMostStarvedNs;
    if (next == nullptr || (starves && first->since_ns_ < next->since_ns_)) next = first;
  }
  return next;
}

TurnWaiter* WaitList::Serve(int64_t now_ns) {
  TurnWaiter* const next = Next(now_ns);
  if (next != nullptr) Serve(*next, now_ns);
  return next;
}

void WaitList::Serve(TurnWaiter& waiter, int64_t now_ns) {
  Remove(waiter);
  waiter.starved_ = waiter.since_ns_ <= now_ns - kMostStarvedNs;
  served_ns_.store(now_ns, std::memory_order_relaxed);
}

void WaitList::Remove(TurnWaiter& waiter) {
  TurnWaiter** at = &first_[static_cast<size_t>(waiter.priority_)];
  while (*at != &waiter) at = &(*at)->next_;
  *at = waiter.next_;
  waiter.waits_ = false;
  waiting_.fetch_sub(1, std::memory_order_seq_cst);
  UpdateHighest();
}

void WaitList::UpdateHighest() {
  const auto first =
      std::find_if(first_.begin(), first_.end(), [](auto* w) { return w != nullptr; });
  highest_.store(static_cast<int>(first - first_.begin()), std::memory_order_relaxed);
}

bool WaitList::MayBeOvertaken(Priority by, const Clock& clock, int64_t limit_ns) const {
  if (!anyone()) return true;
  return static_cast<int>(by) <= highest() && !MustBeServed(clock.NowNs(), limit_ns);
}

bool CoreCap::TryEnter() {
  int active = active_.load(std::memory_order_seq_cst);
  do {
    if (active >= cores_) return false;
  } while (!active_.compare_exchange_weak(active, active + 1, std::memory_order_seq_cst));
  return true;
}

// The lock of Turns, and those who are to be woken after it.
class Turns::Locked {
 public:
  explicit Locked(std::mutex& mutex) : lock_(mutex) {}
  ~Locked() {
    lock_.unlock();
    for (size_t i = 0; i < count_; ++i) wakes_[i].wake(wakes_[i].arg);
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

  void Wake(TurnWake wake) {
    if (wake.wake == nullptr) return;
    if (count_ == kMost)
      wake.wake(wake.arg);
    else
      wakes_[count_++] = wake;
  }

 private:
  static constexpr size_t kMost = 8;  // more at a time: where a budget grows by as many
  std::unique_lock<std::mutex> lock_;
  std::array<TurnWake, kMost> wakes_;
  size_t count_ = 0;
};

void Turns::SetBudget(int budget) {
  budget_.store(budget, std::memory_order_seq_cst);
  if (!ready_.anyone()) return;
  Locked lock(mutex_);
  OfferTurns(lock);
}

bool Turns::TakeFree() {
  int active = active_.load(std::memory_order_seq_cst);
  do {
    if (active >= budget_.load(std::memory_order_seq_cst)) return false;
  } while (!active_.compare_exchange_weak(active, active + 1, std::memory_order_seq_cst));
  return true;
}

bool Turns::TryTake(CoreCap* cap, Priority priority) {
  if (!ready_.MayBeOvertaken(priority, clock_, OvertakenNs())) return false;
  if (cap == nullptr) return TakeFree();
  if (!cap->blocked_.MayBeOvertaken(priority, clock_, cap->overtaken_ns())) return false;
  if (!cap->TryEnter()) return false;
  if (TakeFree()) return true;
  cap->Leave();
  if (!cap->blocked_.anyone()) return false;
  Locked lock(mutex_);  // one who found the cap full because of this attempt (6)
  OfferAll(cap, lock);
  return false;
}

bool Turns::TakeOrWait(TurnWaiter& waiter, Priority priority, CoreCap* cap) {
  waiter.priority_ = priority;
  waiter.cap_ = cap;
  waiter.starved_ = false;
  if (TryTake(cap, priority)) return true;
  Locked lock(mutex_);
  waiter.since_ns_ = clock_.NowNs();
  waiter.blocked_ = cap != nullptr;
  (cap != nullptr ? cap->blocked_ : ready_).Add(waiter);
  OfferAll(cap, lock);  // a turn may have come free before the waiter counted (6)
  return false;
}

bool Turns::Claim(TurnWaiter& waiter) {
  Locked lock(mutex_);
  if (!waiter.waits_) return true;
  if (waiter.blocked_) {
    if (!waiter.cap_->TryEnter()) return false;
    Promote(waiter);
  }
  if (!TakeFree()) return false;
  ready_.Serve(waiter, clock_.NowNs());
  OfferAll(waiter.cap_, lock);  // to who comes after it
  return true;
}

void Turns::Give(CoreCap* cap) {
  if (cap != nullptr) cap->Leave();
  active_.fetch_sub(1, std::memory_order_seq_cst);
  if (!ready_.anyone() && (cap == nullptr || !cap->blocked_.anyone())) return;
  Locked lock(mutex_);
  OfferAll(cap, lock);
}

bool Turns::Forget(TurnWaiter& waiter) {
  Locked lock(mutex_);
  if (!waiter.waits_) return false;
  CoreCap* const cap = waiter.cap_;
  if (waiter.blocked_) {
    cap->blocked_.Remove(waiter);
  } else {
    ready_.Remove(waiter);
    if (cap != nullptr) cap->Leave();
  }
  OfferAll(cap, lock);  // what it was offered, and left
  return true;
}

bool Turns::ShouldYield(Priority priority, int64_t since_ns, const CoreCap* cap) const {
  int highest = ready_.highest();
  if (cap != nullptr) highest = std::min(highest, cap->blocked_.highest());
  if (highest == kPriorities) return false;
  return highest < static_cast<int>(priority) || clock_.NowNs() - since_ns >= kLongTurnNs;
}

// The room under the cap goes to who waits for it, the turn to the next of all.
bool Turns::Yield(TurnWaiter& waiter, Priority priority, CoreCap* cap) {
  Locked lock(mutex_);
  if (parked_.load(std::memory_order_relaxed) >= budget()) return false;
  TurnWaiter* const mate = cap != nullptr ? cap->blocked_.Serve(clock_.NowNs()) : nullptr;
  if (mate != nullptr) {
    mate->blocked_ = false;
    ready_.Add(*mate);
  }
  TurnWaiter* const next = ready_.Serve(clock_.NowNs());
  if (next == nullptr) return false;
  parked_.fetch_add(1, std::memory_order_relaxed);
  waiter.priority_ = priority;
  waiter.cap_ = cap;
  waiter.since_ns_ = clock_.NowNs();
  waiter.blocked_ = mate != nullptr;
  (mate != nullptr ? cap->blocked_ : ready_).Add(waiter);
  lock.Wake(next->Granted());  // the turn changes hands: active stays as it is
  return true;
}

// One that waits for its cap has entered.
void Turns::Promote(TurnWaiter& waiter) {
  waiter.cap_->blocked_.Serve(waiter, clock_.NowNs());
  waiter.blocked_ = false;
  ready_.Add(waiter);
}

void Turns::OfferRoom(CoreCap& cap, Locked& lock) {
  while (cap.blocked_.anyone() && cap.has_room()) {
    const int64_t now = clock_.NowNs();
    TurnWaiter& next = *cap.blocked_.Next(now);
    if (!cap.blocked_.MustBeServed(now, cap.overtaken_ns())) {
      if (const auto wake = next.Offered()) return lock.Wake(*wake);
    }
    if (!cap.TryEnter()) return;
    Promote(next);
  }
}

void Turns::OfferTurns(Locked& lock) {
  while (ready_.anyone() && active() < budget()) {
    const int64_t now = clock_.NowNs();
    TurnWaiter& next = *ready_.Next(now);
    if (!ready_.MustBeServed(now, OvertakenNs())) {
      if (const auto wake = next.Offered()) return lock.Wake(*wake);
    }
    if (!TakeFree()) return;
    ready_.Serve(next, now);
    lock.Wake(next.Granted());
  }
}

void Turns::OfferAll(CoreCap* cap, Locked& lock) {
  if (cap != nullptr) OfferRoom(*cap, lock);
  OfferTurns(lock);
}

}  // namespace heddle::core
