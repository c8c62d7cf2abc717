// SPDX-License-Identifier: Apache-2.0
#include "crew/turns.h"

#include <algorithm>

namespace heddle::core {

// By time: one that waited for its cap first comes before those who came meanwhile.
void WaitList::Add(TurnWaiter& waiter) {
  TurnWaiter** at = &first_[static_cast<size_t>(waiter.priority_)];
  while (*at != nullptr && (*at)->since_ns_ <= waiter.since_ns_) at = &(*at)->next_;
  waiter.next_ = *at;
  *at = &waiter;
  waiting_.fetch_add(1, std::memory_order_seq_cst);
  UpdateHighest();
}

TurnWaiter* WaitList::Pop(int64_t now_ns) {
  TurnWaiter** from = nullptr;
  for (TurnWaiter*& first : first_) {
    if (first == nullptr) continue;
    const bool starves = first->since_ns_ <= now_ns - kMostStarvedNs;
    if (from == nullptr || (starves && first->since_ns_ < (*from)->since_ns_)) from = &first;
  }
  if (from == nullptr) return nullptr;
  TurnWaiter* waiter = *from;
  *from = waiter->next_;
  waiting_.fetch_sub(1, std::memory_order_seq_cst);
  UpdateHighest();
  return waiter;
}

bool WaitList::Remove(TurnWaiter& waiter) {
  TurnWaiter** at = &first_[static_cast<size_t>(waiter.priority_)];
  while (*at != nullptr && *at != &waiter) at = &(*at)->next_;
  if (*at == nullptr) return false;
  *at = waiter.next_;
  waiting_.fetch_sub(1, std::memory_order_seq_cst);
  UpdateHighest();
  return true;
}

void WaitList::UpdateHighest() {
  const auto first =
      std::find_if(first_.begin(), first_.end(), [](auto* w) { return w != nullptr; });
  highest_.store(static_cast<int>(first - first_.begin()), std::memory_order_relaxed);
}

bool CoreCap::TryEnter() {
  int active = active_.load(std::memory_order_seq_cst);
  do {
    if (active >= cores_) return false;
  } while (!active_.compare_exchange_weak(active, active + 1, std::memory_order_seq_cst));
  return true;
}

void Turns::SetBudget(int budget) {
  budget_.store(budget, std::memory_order_seq_cst);
  if (!ready_.anyone()) return;
  const std::lock_guard lock(mutex_);
  GrantWhatIsFree();
}

bool Turns::TryTake(CoreCap* cap) {
  if (ready_.anyone() || (cap != nullptr && cap->blocked_.anyone())) return false;
  if (cap != nullptr && !cap->TryEnter()) return false;
  int active = active_.load(std::memory_order_relaxed);
  while (active < budget()) {
    if (active_.compare_exchange_weak(active, active + 1, std::memory_order_seq_cst)) return true;
  }
  if (cap == nullptr) return false;
  cap->Leave();
  if (!cap->blocked_.anyone()) return false;
  const std::lock_guard lock(mutex_);  // one who found the cap full because of this attempt (6)
  Promote(*cap);
  GrantWhatIsFree();
  return false;
}

bool Turns::TakeOrWait(TurnWaiter& waiter, Priority priority, CoreCap* cap) {
  waiter.priority_ = priority;
  waiter.cap_ = cap;
  if (TryTake(cap)) return true;
  const std::lock_guard lock(mutex_);
  waiter.since_ns_ = clock_.NowNs();
  (cap != nullptr ? cap->blocked_ : ready_).Add(waiter);
  if (cap != nullptr) Promote(*cap);
  GrantWhatIsFree();  // a turn may have come free before the waiter counted (6)
  return false;
}

void Turns::Give(CoreCap* cap) {
  if (cap != nullptr) cap->Leave();
  active_.fetch_sub(1, std::memory_order_seq_cst);
  if (!ready_.anyone() && (cap == nullptr || !cap->blocked_.anyone())) return;
  const std::lock_guard lock(mutex_);
  if (cap != nullptr) Promote(*cap);
  GrantWhatIsFree();
}

bool Turns::Forget(TurnWaiter& waiter) {
  const std::lock_guard lock(mutex_);
  CoreCap* const cap = waiter.cap_;
  if (cap != nullptr && cap->blocked_.Remove(waiter)) return true;
  if (!ready_.Remove(waiter)) return false;
  if (cap != nullptr) {
    cap->Leave();
    Promote(*cap);
    GrantWhatIsFree();
  }
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
  const std::lock_guard lock(mutex_);
  if (parked_.load(std::memory_order_relaxed) >= budget()) return false;
  TurnWaiter* const mate = cap != nullptr ? cap->blocked_.Pop(clock_.NowNs()) : nullptr;
  if (mate != nullptr) ready_.Add(*mate);
  TurnWaiter* const next = ready_.Pop(clock_.NowNs());
  if (next == nullptr) return false;
  parked_.fetch_add(1, std::memory_order_relaxed);
  waiter.priority_ = priority;
  waiter.cap_ = cap;
  waiter.since_ns_ = clock_.NowNs();
  (mate != nullptr ? cap->blocked_ : ready_).Add(waiter);
  next->Granted();  // the turn changes hands: active stays as it is
  return true;
}

void Turns::Promote(CoreCap& cap) {
  while (cap.blocked_.anyone() && cap.TryEnter()) ready_.Add(*cap.blocked_.Pop(clock_.NowNs()));
}

void Turns::GrantWhatIsFree() {
  int active = active_.load(std::memory_order_seq_cst);
  while (active < budget_.load(std::memory_order_seq_cst) && ready_.anyone()) {
    if (!active_.compare_exchange_weak(active, active + 1, std::memory_order_seq_cst)) continue;
    ready_.Pop(clock_.NowNs())->Granted();
    active = active_.load(std::memory_order_seq_cst);
  }
}

}  // namespace heddle::core
