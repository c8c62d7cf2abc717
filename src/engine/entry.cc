// SPDX-License-Identifier: Apache-2.0
#include "engine/entry.h"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "base/caught.h"
#include "base/cgroup.h"
#include "base/errors.h"
#include "base/hash.h"
#include "engine/patience.h"

namespace heddle::core {
namespace {

// A service sees a handful of shapes; a program that never repeats one must not grow.
constexpr size_t kMaxSlots = 16;
// A loop whose shapes grow with each turn sees as many as it has turns, and all of them again in
// the next call.
constexpr size_t kMaxFollowing = 1024;
constexpr size_t kMaxFollowingBytes = size_t{128} << 20;
// After so many calls the pool shrinks to what those calls used at most at once, and to nothing of
// shapes that none of them had.
constexpr int kTrimWindow = 256;

// What this process can have at most: its control group's, or the machine's.
uint64_t MemoryOfMachine() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  uint64_t bytes = std::numeric_limits<uint64_t>::max();
  if (pages > 0 && page > 0) bytes = static_cast<uint64_t>(pages) * static_cast<uint64_t>(page);
  const std::optional<int64_t> group = Cgroup::OfThisProcess().ReadMemoryLimit();
  return group ? std::min(bytes, static_cast<uint64_t>(*group)) : bytes;
}

// Before any is taken: memory that is promised and not there would end the process.
Status CheckMemory(const Plan& plan, int callers, uint64_t limit) {
  const uint64_t allowed = std::min(limit, MemoryOfMachine());
  const uint64_t each = plan.total_bytes + sizeof(Context);
  uint64_t needed = 0;
  if (!__builtin_mul_overflow(each, static_cast<uint64_t>(callers), &needed) && needed <= allowed)
    return Status();
  return ResourceExhausted("{} callers of {} bytes each need {} bytes, expected at most {}",
                           callers, each, needed, allowed);
}

// What a running call finds its subgraphs' Plans through.
class PlansOfCall final : public PlanSource {
 public:
  PlansOfCall(CallPlans& plans, const RunControl& control) : plans_(plans), control_(control) {}
  Result<std::shared_ptr<const Plan>> PlanOf(int subgraph, std::span<const Shape> inputs) override {
    return plans_.PlanOf(subgraph, inputs, control_);
  }
  Result<std::shared_ptr<const Plan>> NextPlan(const std::shared_ptr<const Plan>& before,
                                               const Found& found) override {
    return plans_.NextPlan(before, found);
  }

 private:
  CallPlans& plans_;
  const RunControl& control_;
};

}  // namespace

struct Entry::Slot {
  std::vector<Shape> shapes;
  std::shared_ptr<const Plan> plan;  // nullptr while it is made
  Status error;
  bool done = false;
  bool dropped = false;  // no longer in the list: Contexts that come back are freed
  std::vector<std::unique_ptr<Context>> idle;
  int contexts = 0;  // idle and in use
  int in_use = 0, peak = 0, warm = 0;
  int window = 0;
  uint64_t last_call = 0;  // of the entry's
};

Entry::Entry(std::shared_ptr<const Program> program, MemoryBudget& budget, CallPlans& others)
    : program_(std::move(program)), budget_(budget), others_(others) {
  budget_.Register(this);
}

Entry::~Entry() { budget_.Unregister(this); }

Entry::Lease& Entry::Lease::operator=(Lease&& other) noexcept {
  Return();
  entry_ = other.entry_;
  slot_ = std::move(other.slot_);
  context_ = std::move(other.context_);
  return *this;
}

void Entry::Lease::Return() {
  if (context_ == nullptr) return;
  std::unique_ptr<Context> surplus;  // freed after the lock
  {
    std::lock_guard<std::mutex> lock(entry_->mutex_);
    Slot& slot = *slot_;
    --slot.in_use;
    slot.idle.push_back(std::move(context_));  // within the capacity that Acquire reserved
    const int keep = std::max(slot.warm, std::max(slot.peak, 1));
    if (slot.dropped || slot.contexts > keep) {
      surplus = std::move(slot.idle.back());
      slot.idle.pop_back();
      --slot.contexts;
    }
  }
  slot_.reset();
}

Status Entry::Lease::Run(const RunControl& control, State* state) {
  PlansOfCall plans(entry_->others_, control);
  return context_->Run(control, {&plans, state, nullptr});
}

std::shared_ptr<Entry::Slot> Entry::FindSlot(std::span<const Shape> shapes) {
  for (auto it = slots_.begin(); it != slots_.end(); ++it) {
    if (!std::equal(shapes.begin(), shapes.end(), (*it)->shapes.begin(), (*it)->shapes.end()))
      continue;
    slots_.splice(slots_.begin(), slots_, it);
    return slots_.front();
  }
  return nullptr;
}

// Waits for, or makes, the Plan of `shapes`. The lock is held at entry and at return, not in
// between. What is made is made for all: no control ends that.
Result<std::shared_ptr<Entry::Slot>> Entry::PlanFor(std::unique_lock<std::mutex>& lock,
                                                    std::span<const Shape> shapes,
                                                    const RunControl& control) {
  std::shared_ptr<Slot> slot = FindSlot(shapes);
  if (slot != nullptr) {
    HEDDLE_TRY(WaitUntil(planned_, lock, control, [&] { return slot->done; }));
    if (!slot->error.ok()) return slot->error;
    return slot;
  }
  slot = std::make_shared<Slot>();
  slot->shapes.assign(shapes.begin(), shapes.end());
  slots_.push_front(slot);
  lock.unlock();
  Result<std::shared_ptr<const Plan>> plan =
      Caught([&] { return MakePlan(program_, shapes, &others_); });
  std::list<std::shared_ptr<Slot>> dropped;
  lock.lock();
  slot->done = true;
  if (plan.ok()) {
    slot->plan = std::move(plan).value();
  } else {
    slot->error = plan.status();
    slot->dropped = true;
    slots_.remove(slot);
  }
  Trim(&dropped);
  planned_.notify_all();
  if (!dropped.empty()) {
    lock.unlock();
    dropped.clear();
    lock.lock();
  }
  if (!slot->error.ok()) return slot->error;
  return slot;
}

void Entry::Trim(std::list<std::shared_ptr<Slot>>* dropped) {
  while (slots_.size() > kMaxSlots && slots_.back()->done) {
    slots_.back()->dropped = true;
    dropped->splice(dropped->begin(), slots_, std::prev(slots_.end()));
  }
}

// One after the other, for there may be no memory to list them. Those that come back meanwhile are
// in use.
void Entry::DropIdle() {
  size_t idle = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& slot : slots_) idle += slot->idle.size();
  }
  while (idle-- > 0 && TakeIdle() != nullptr) {
  }
}

std::unique_ptr<Context> Entry::TakeIdle() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& slot : slots_) {
    if (slot->idle.empty()) continue;
    std::unique_ptr<Context> context = std::move(slot->idle.back());
    slot->idle.pop_back();
    --slot->contexts;
    return context;
  }
  return nullptr;
}

// One for each call, so that none frees many.
std::unique_ptr<Context> Entry::TakeStale() {
  for (auto it = slots_.rbegin(); it != slots_.rend(); ++it) {
    Slot& slot = **it;
    if (calls_ - slot.last_call < kTrimWindow) break;  // those before it were used later
    if (slot.idle.empty() || slot.contexts <= slot.warm) continue;
    std::unique_ptr<Context> context = std::move(slot.idle.back());
    slot.idle.pop_back();
    --slot.contexts;
    return context;
  }
  return nullptr;
}

Result<std::unique_ptr<Context>> Entry::NewContext(const std::shared_ptr<const Plan>& plan) {
  const auto make = [&] { return Context::Make(plan, budget_); };
  Result<std::unique_ptr<Context>> context = Caught(make);
  if (context.ok() || context.status().code() != Code::kResourceExhausted) return context;
  budget_.Reclaim();
  return Caught(make);
}

Result<std::shared_ptr<const Plan>> Entry::PlanOf(std::span<const Shape> shapes,
                                                  const RunControl& control) {
  std::unique_lock<std::mutex> lock(mutex_);
  HEDDLE_ASSIGN(const std::shared_ptr<Slot> slot, PlanFor(lock, shapes, control));
  return slot->plan;
}

Result<Entry::Lease> Entry::Acquire(std::span<const Shape> shapes, const RunControl& control) {
  Lease lease;
  std::shared_ptr<const Plan> plan;
  std::unique_ptr<Context> stale;  // freed after the lock
  {
    std::unique_lock<std::mutex> lock(mutex_);
    HEDDLE_ASSIGN(lease.slot_, PlanFor(lock, shapes, control));
    Slot& slot = *lease.slot_;
    if (slot.idle.empty()) slot.idle.reserve(slot.contexts + 1);  // for Return, before it counts
    if (++slot.window == kTrimWindow) {
      slot.window = 0;
      slot.peak = slot.in_use;
    }
    slot.peak = std::max(slot.peak, ++slot.in_use);
    slot.last_call = ++calls_;
    stale = TakeStale();
    lease.entry_ = this;
    if (!slot.idle.empty()) {
      lease.context_ = std::move(slot.idle.back());
      slot.idle.pop_back();
      return lease;
    }
    ++slot.contexts;
    plan = slot.plan;
  }
  Result<std::unique_ptr<Context>> context = NewContext(plan);
  if (!context.ok()) {
    std::lock_guard<std::mutex> lock(mutex_);
    --lease.slot_->in_use;
    --lease.slot_->contexts;
    return context.status();
  }
  lease.context_ = std::move(context).value();
  return lease;
}

Status Entry::Warm(std::span<const Shape> shapes, int callers) {
  const RunControl control;
  HEDDLE_ASSIGN(const std::shared_ptr<const Plan> plan, PlanOf(shapes, control));
  HEDDLE_TRY(CheckMemory(*plan, callers, budget_.limit()));
  std::vector<Lease> leases;
  for (int i = 0; i < callers; ++i) {
    HEDDLE_ASSIGN(Lease lease, Acquire(shapes, control));
    HEDDLE_TRY(lease->Warm(others_));
    leases.push_back(std::move(lease));
  }
  std::lock_guard<std::mutex> lock(mutex_);
  const std::shared_ptr<Slot> slot = FindSlot(shapes);
  if (slot != nullptr) slot->warm = std::max(slot->warm, callers);
  return Status();
}

uint64_t Entry::last_call_bytes() const {
  std::lock_guard<std::mutex> lock(mutex_);
  if (slots_.empty() || slots_.front()->plan == nullptr) return 0;
  return slots_.front()->plan->total_bytes;
}

Entry::Followings::iterator Entry::FindFollowing(const Following& wanted) {
  const auto [first, last] = following_by_hash_.equal_range(wanted.hash);
  for (auto it = first; it != last; ++it) {
    const Following& f = *it->second;
    if (f.before == wanted.before && f.values == wanted.values && f.shapes == wanted.shapes)
      return it->second;
  }
  return following_.end();
}

Result<std::shared_ptr<const Plan>> Entry::NextPlan(const std::shared_ptr<const Plan>& before,
                                                    const Found& found) {
  Following next;
  next.before = before;
  for (const auto& bytes : found.values)
    next.values.insert(next.values.end(), bytes.begin(), bytes.end());
  next.shapes = found.shapes;
  next.hash = ContentHash(next.values, reinterpret_cast<uintptr_t>(before.get()));
  for (const Shape& shape : next.shapes)
    next.hash = ContentHash(std::as_bytes(shape.dims()), next.hash);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto it = FindFollowing(next);
    if (it != following_.end()) {
      following_.splice(following_.begin(), following_, it);
      return it->plan;
    }
  }
  HEDDLE_ASSIGN(next.plan, ContinuePlan(before, found, &others_));
  const std::shared_ptr<const Plan> plan = next.plan;
  Followings old;  // freed after the lock
  std::lock_guard<std::mutex> lock(mutex_);
  if (FindFollowing(next) != following_.end()) return plan;  // another call was as fast
  Followings fresh;
  fresh.push_front(std::move(next));
  following_by_hash_.emplace(fresh.front().hash, fresh.begin());
  following_.splice(following_.begin(), fresh);
  following_bytes_ += plan->bytes();
  while (following_.size() > kMaxFollowing ||
         (following_bytes_ > kMaxFollowingBytes && following_.size() > 1)) {
    const auto last = std::prev(following_.end());
    const auto [first, end] = following_by_hash_.equal_range(last->hash);
    following_by_hash_.erase(
        std::find_if(first, end, [&](const auto& e) { return e.second == last; }));
    following_bytes_ -= last->plan->bytes();
    old.splice(old.begin(), following_, last);
  }
  return plan;
}

}  // namespace heddle::core
