// SPDX-License-Identifier: Apache-2.0
#include "crew/turns.h"

namespace heddle::core {

void Turns::SetBudget(int budget) {
  budget_.store(budget, std::memory_order_seq_cst);
  if (waiting_.load(std::memory_order_seq_cst) == 0) return;
  const std::lock_guard lock(mutex_);
  GrantWhatIsFree();
}

bool Turns::TryTake() {
  int active = active_.load(std::memory_order_relaxed);
  while (active < budget() && !anyone_waits()) {
    if (active_.compare_exchange_weak(active, active + 1, std::memory_order_seq_cst)) return true;
  }
  return false;
}

bool Turns::TakeOrWait(TurnWaiter& waiter, Priority priority) {
  if (TryTake()) return true;
  const std::lock_guard lock(mutex_);
  Append(waiter, priority);
  GrantWhatIsFree();  // a turn may have come free before the waiter counted (5)
  return false;
}

void Turns::Give() {
  active_.fetch_sub(1, std::memory_order_seq_cst);
  if (waiting_.load(std::memory_order_seq_cst) == 0) return;
  const std::lock_guard lock(mutex_);
  GrantWhatIsFree();
}

bool Turns::Forget(TurnWaiter& waiter) {
  const std::lock_guard lock(mutex_);
  for (List& list : lists_) {
    TurnWaiter* before = nullptr;
    for (TurnWaiter* w = list.first; w != nullptr; before = w, w = w->next_) {
      if (w != &waiter) continue;
      (before != nullptr ? before->next_ : list.first) = w->next_;
      if (list.last == w) list.last = before;
      waiting_.fetch_sub(1, std::memory_order_seq_cst);
      UpdateHighest();
      return true;
    }
  }
  return false;
}

bool Turns::ShouldYield(Priority priority, int64_t since_ns) const {
  const int highest = highest_.load(std::memory_order_relaxed);
  if (highest == kPriorities) return false;
  return highest < static_cast<int>(priority) || clock_.NowNs() - since_ns >= kLongTurnNs;
}

bool Turns::Yield(TurnWaiter& waiter, Priority priority) {
  const std::lock_guard lock(mutex_);
  if (waiting_.load(std::memory_order_relaxed) == 0) return false;
  if (parked_.load(std::memory_order_relaxed) >= budget()) return false;
  parked_.fetch_add(1, std::memory_order_relaxed);
  TurnWaiter* next = PopNext();
  Append(waiter, priority);
  next->Granted();  // the turn changes hands: active stays as it is
  return true;
}

void Turns::Append(TurnWaiter& waiter, Priority priority) {
  waiter.since_ns_ = clock_.NowNs();
  waiter.next_ = nullptr;
  List& list = lists_[static_cast<size_t>(priority)];
  (list.last != nullptr ? list.last->next_ : list.first) = &waiter;
  list.last = &waiter;
  waiting_.fetch_add(1, std::memory_order_seq_cst);
  UpdateHighest();
}

TurnWaiter* Turns::PopNext() {
  List* from = nullptr;
  for (List& list : lists_)
    if (list.first != nullptr && from == nullptr) from = &list;
  if (from == nullptr) return nullptr;
  const int64_t starved = clock_.NowNs() - kMostStarvedNs;
  for (List& list : lists_)
    if (list.first != nullptr && list.first->since_ns_ <= starved &&
        list.first->since_ns_ < from->first->since_ns_)
      from = &list;
  TurnWaiter* waiter = from->first;
  from->first = waiter->next_;
  if (from->first == nullptr) from->last = nullptr;
  waiting_.fetch_sub(1, std::memory_order_seq_cst);
  UpdateHighest();
  return waiter;
}

void Turns::GrantWhatIsFree() {
  int active = active_.load(std::memory_order_seq_cst);
  while (active < budget_.load(std::memory_order_seq_cst) && waiting_.load() > 0) {
    if (!active_.compare_exchange_weak(active, active + 1, std::memory_order_seq_cst)) continue;
    PopNext()->Granted();
    active = active_.load(std::memory_order_seq_cst);
  }
}

void Turns::UpdateHighest() {
  int highest = 0;
  while (highest < kPriorities && lists_[static_cast<size_t>(highest)].first == nullptr) ++highest;
  highest_.store(highest, std::memory_order_relaxed);
}

}  // namespace heddle::core
