// SPDX-License-Identifier: Apache-2.0
// Context: the memory of one running call, and the run itself.
#ifndef HEDDLE_ENGINE_CONTEXT_H_
#define HEDDLE_ENGINE_CONTEXT_H_

#include <memory>
#include <span>
#include <vector>

#include "base/file.h"
#include "base/memory_budget.h"
#include "engine/poison.h"
#include "engine/run_control.h"
#include "engine/state.h"
#include "plan/plan.h"
#include "plan/sub_plans.h"

namespace heddle::core {

// Bytes of one tensor of a call.
struct CallTensor {
  void* data = nullptr;
  size_t bytes = 0;
};

class ContextPool;

// What a run has besides its own memory.
struct CallEnv {
  PlanSource* plans = nullptr;
  State* state = nullptr;
  ContextPool* pool = nullptr;  // of the subgraphs; nullptr: the Context's own
};

// Bound to one Plan and used by one call at a time. After a first run with given shapes, a
// run of a whole Plan allocates nothing and takes no lock.
class Context {
 public:
  // Takes the Plan's bytes from the budget; kResourceExhausted when they are not there.
  static Result<std::unique_ptr<Context>> Make(std::shared_ptr<const Plan> plan,
                                               MemoryBudget& budget);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Binds it to another Plan of the same subgraph, in the memory that it has. When that fails, it
  // can only be rebound or destroyed.
  Status Rebind(std::shared_ptr<const Plan> plan);

  const Plan& plan() const { return *frames_[0].plan; }

  // Where input k is read; and where output k is written, or nothing: then in the Context's own
  // memory.
  void SetInput(int k, CallTensor tensor) { inputs_[k] = tensor; }
  void SetOutput(int k, CallTensor tensor) { wanted_[k] = tensor; }
  CallTensor wanted(int k) const { return wanted_[k]; }  // where output k goes

  // Runs the Plan and those that continue it. REQUIRES: every input is set.
  Status Run(const RunControl& control, const CallEnv& env);

  // Takes the memory that the subgraphs of the Plan will need, so that the first run does not.
  Status Warm(PlanSource& plans, ContextPool* pool = nullptr);

  // After a successful Run.
  const Shape& output_shape(int k) const;
  CallTensor output(int k) const { return outputs_[k]; }
  // A value of the graph; data is nullptr where its memory was used again (keep_all keeps all).
  CallTensor value(int v, Shape* shape) const;

  uint64_t bytes() const { return taken_; }

  // What a front end keeps with a Context so that handing out a call allocates nothing.
  struct Attachment {
    virtual ~Attachment() = default;
  };
  std::unique_ptr<Attachment> attachment;

 private:
  struct Patch {  // an operand whose place changes from call to call
    uint32_t operand;
    Place place;
    int64_t index, offset;
  };
  // The values of a sub-plan step, kept so that a later call finds its memory. A turn of a loop
  // reads one side and writes the other, so a body may pass its values on in any order.
  struct LoopMemory {
    std::vector<CallTensor> values;  // operands at first
    std::vector<Shape> shapes;
    std::vector<AnonymousMemory> sides[2];
    int turn = 0;
  };
  // A step as runs find it, laid out when its Plan was bound.
  struct Ready {
    const PlanStep* step = nullptr;
    TileArgs args{};      // scratch and memory: of the run
    int memory = -1;      // of the call's state; -1: none
    float alone_ns = -1;  // of a step that no other thread would help with: all of it; else -1
  };
  struct Frame {
    std::shared_ptr<const Plan> plan;
    AnonymousMemory arena;
    std::vector<void*> operands;
    std::vector<Patch> patches;
    std::vector<Ready> ready;
    std::vector<std::unique_ptr<LoopMemory>> loops;  // by step; nullptr where none ran
  };
  struct Dynamic {  // made by a serial step
    AnonymousMemory memory;
    size_t bytes = 0;
    Shape shape;
    bool set = false;
  };
  class Serial;
  class SubRun;

  explicit Context(MemoryBudget& budget);
  Status Bind(size_t index, std::shared_ptr<const Plan> plan);
  // At least so many bytes, taken from the budget; what was there is lost where it grows, and stays
  // where it cannot.
  Status Enlarge(AnonymousMemory& memory, size_t bytes);
  static void FillOperands(const Plan& plan, Frame& frame);
  static void LayOut(const Plan& plan, Frame& frame);
  static float AloneNs(const Step& step);
  Status PlaceOutputs(Frame& frame);
  Status RunFrame(size_t index, const RunControl& control);
  Status RunStep(size_t index, Ready& ready, const RunControl& control);
  Status RunAlone(const Ready& ready, const RunControl& control);
  Status RunSubPlan(size_t index, const PlanStep& ps, const TileArgs& args,
                    const RunControl& control);
  void UsePool();
  Status RunPhases(const PlanStep& ps, const TileArgs& args, const RunControl& control);
  Status ErrorOf(const PlanStep& ps, const TileArgs& args, TileCode code) const;
  Status Gather(size_t index, Found* found) const;
  Status CopyOutputs(const Frame& frame);
  void* PointerOf(size_t frame, int value) const;
  size_t BytesOf(int value) const;
  Result<std::byte*> Grow(int value, const Shape& shape, size_t bytes);

  MemoryBudget& budget_;
  CallEnv env_;  // of the running call
  std::unique_ptr<ContextPool> pool_;
  uint64_t taken_ = 0;
  std::vector<Frame> frames_;
  size_t used_frames_ = 0;
  AnonymousMemory scratch_;
  Poison poison_;
  float untold_ns_ = 0;  // that steps took, or will, which the executor has not been told of
  std::vector<CallTensor> inputs_, wanted_, outputs_;
  std::vector<Dynamic> dynamic_;  // by value; empty until a serial step needs it
};

}  // namespace heddle::core

#endif  // HEDDLE_ENGINE_CONTEXT_H_
