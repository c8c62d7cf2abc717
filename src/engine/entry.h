// SPDX-License-Identifier: Apache-2.0
// Entry: one subgraph of a loaded model, ready to run: its Program, its Plans by shape, its idle
// Contexts.
#ifndef HEDDLE_ENGINE_ENTRY_H_
#define HEDDLE_ENGINE_ENTRY_H_

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/memory_budget.h"
#include "engine/context.h"

namespace heddle::core {

// The Plans of all subgraphs of one Model, as one call asks for them.
class CallPlans : public PlanSource {
 public:
  using PlanSource::PlanOf;
  // `control` may end the wait for a Plan that another call is making.
  virtual Result<std::shared_ptr<const Plan>> PlanOf(int subgraph, std::span<const Shape> inputs,
                                                     const RunControl& control) = 0;
};

// Thread-safe. The lock is held at admission and at completion for a bounded look-up, never while a
// kernel runs, a Plan is made or memory is taken.
class Entry final : public Reclaimable {
 public:
  // `others`: the Plans of all subgraphs; outlives this.
  Entry(std::shared_ptr<const Program> program, MemoryBudget& budget, CallPlans& others);
  ~Entry();

  const std::shared_ptr<const Program>& program() const { return program_; }

  // The Plan of one set of input shapes and the Contexts that wait for calls with them.
  struct Slot;

  // A Context for the time of one call; its destruction hands the Context back.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) noexcept;
    ~Lease() { Return(); }
    Context* operator->() const { return context_.get(); }
    explicit operator bool() const { return context_ != nullptr; }
    Status Run(const RunControl& control, State* state);

   private:
    friend class Entry;
    void Return();
    Entry* entry_ = nullptr;
    std::shared_ptr<Slot> slot_;
    std::unique_ptr<Context> context_;
  };

  // Finds or makes the Plan (callers that ask for the same new shapes at once make it once; the
  // others wait as long as `control` lets them) and a Context for it.
  Result<Lease> Acquire(std::span<const Shape> shapes, const RunControl& control);
  // Of a subgraph that control flow runs: the Plan alone.
  Result<std::shared_ptr<const Plan>> PlanOf(std::span<const Shape> shapes,
                                             const RunControl& control);
  // Finds or makes the Plan that continues `before` for what a run found out.
  Result<std::shared_ptr<const Plan>> NextPlan(const std::shared_ptr<const Plan>& before,
                                               const Found& found);
  // Makes the Plan and keeps at least `callers` Contexts from now on.
  Status Warm(std::span<const Shape> shapes, int callers);
  // Gives the memory of every idle Context back to the engine.
  void DropIdle() override;
  // Bytes of one call at the shapes used last.
  uint64_t last_call_bytes() const;

 private:
  std::shared_ptr<Slot> FindSlot(std::span<const Shape> shapes);  // REQUIRES: mutex_ held
  Result<std::shared_ptr<Slot>> PlanFor(std::unique_lock<std::mutex>& lock,
                                        std::span<const Shape> shapes, const RunControl& control);
  Result<std::unique_ptr<Context>> NewContext(const std::shared_ptr<const Plan>& plan);
  void Trim(std::list<std::shared_ptr<Slot>>* dropped);  // REQUIRES: mutex_ held
  std::unique_ptr<Context> TakeIdle();
  std::unique_ptr<Context> TakeStale();  // REQUIRES: mutex_ held

  struct Following {  // a Plan that continues another, for the values it was made for
    std::shared_ptr<const Plan> before, plan;
    std::vector<std::byte> values;
    std::vector<Shape> shapes;
    uint64_t hash = 0;  // of all but the plan
  };
  using Followings = std::list<Following>;
  Followings::iterator FindFollowing(const Following& wanted);  // REQUIRES: mutex_ held

  const std::shared_ptr<const Program> program_;
  MemoryBudget& budget_;
  CallPlans& others_;
  mutable std::mutex mutex_;
  std::condition_variable planned_;
  std::list<std::shared_ptr<Slot>> slots_;  // last used first
  uint64_t calls_ = 0;
  Followings following_;        // last used first
  size_t following_bytes_ = 0;  // of their Plans, without what they continue
  std::unordered_multimap<uint64_t, Followings::iterator> following_by_hash_;
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_ENTRY_H_
