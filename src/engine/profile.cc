// SPDX-License-Identifier: Apache-2.0
#include "engine/profile.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/errors.h"
#include "base/float_env.h"

namespace heddle::core {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kStepTime{20};
constexpr size_t kMaxRepeats = 1000, kMinRepeats = 3;

// Memory as a Context gives it: aligned to a cache line.
class Memory {
 public:
  explicit Memory(size_t bytes)
      : data_(static_cast<std::byte*>(std::aligned_alloc(64, (bytes + 64) / 64 * 64)), &std::free) {
  }
  std::byte* data() const { return data_.get(); }

 private:
  std::unique_ptr<std::byte, decltype(&std::free)> data_;
};

class Profiler {
 public:
  // The values come from a run that keeps them all, the steps are those of one that does not.
  Profiler(const Plan& plan, const Context& values, Numerics numerics, const State& state)
      : plan_(plan), values_(values), numerics_(numerics), state_(state) {}

  Result<StepTime> Measure(const PlanStep& step) const {
    const Node& node = plan_.program->nodes()[static_cast<size_t>(step.node)];
    StepTime time;
    time.op = node.op;
    time.name = NameOf(plan_, step);
    time.kernel = step.step.kernel;
    time.work = WorkOf(plan_, step);
    if (!node.outputs.empty()) {
      time.shape = plan_.values[static_cast<size_t>(node.outputs[0])].shape;
    }
    if (step.step.phases.empty()) return time;
    std::vector<const void*> inputs;
    for (const int v : InputsOf(plan_, step)) {
      inputs.push_back(InputOf(v));
      if (v >= 0 && inputs.back() == nullptr) return time;
    }
    std::vector<Memory> memory;
    std::vector<void*> outputs;
    for (const int v : OutputsOf(plan_, step)) {
      memory.emplace_back(plan_.values[static_cast<size_t>(v)].bytes);
      outputs.push_back(memory.back().data());
    }
    std::byte* memory_of = node.memory < 0 ? nullptr : state_.memory(node.memory);
    HEDDLE_ASSIGN(time.ns, MedianNs(step.step, inputs, outputs, memory_of));
    return time;
  }

 private:
  const void* InputOf(int v) const {
    if (v < 0) return nullptr;
    const Value& value = plan_.program->values()[static_cast<size_t>(v)];
    if (value.constant != nullptr) return value.constant;
    if (value.memory >= 0) return state_.memory(value.memory);
    Shape shape;
    return values_.value(v, &shape).data;
  }

  Result<int64_t> MedianNs(const Step& step, const std::vector<const void*>& inputs,
                           const std::vector<void*>& outputs, std::byte* memory) const {
    const Memory scratch(step.scratch_bytes), shared(step.shared_bytes);
    const TileArgs args{inputs.data(), outputs.data(), step.packed,
                        shared.data(), scratch.data(), memory};
    std::vector<int64_t> times;
    const Clock::time_point end = Clock::now() + kStepTime;
    while (times.size() < kMinRepeats || (times.size() < kMaxRepeats && Clock::now() < end)) {
      const Clock::time_point start = Clock::now();
      HEDDLE_TRY(RunOnce(step, args));
      times.push_back((Clock::now() - start) / std::chrono::nanoseconds(1));
    }
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
                     times.end());
    return times[times.size() / 2];
  }

  Status RunOnce(const Step& step, const TileArgs& args) const {
    const ScopedFloatEnv env(numerics_ == Numerics::kFast ? Denormals::kFlush : Denormals::kKeep);
    for (const Phase& phase : step.phases) {
      const TileCode code = phase.tile(step.params.get(), args, {0, phase.tiles});
      if (code != TileCode::kOk) {
        return StepError(step, args, code, {});
      }
    }
    return Status();
  }

  const Plan& plan_;
  const Context& values_;
  const Numerics numerics_;
  const State& state_;
};

}  // namespace

Result<std::vector<StepTime>> ProfileSteps(LoadedModel& model, const RunRequest& request) {
  HEDDLE_ASSIGN(const auto twin, model.KeepingAll());
  RunRequest whole;
  whole.inputs = request.inputs;
  whole.input_count = request.input_count;
  whole.signature = request.signature;
  whole.fresh_state = true;
  HEDDLE_ASSIGN(Call call, twin->Run(whole));
  std::vector<Shape> shapes;
  for (const PortInfo& input : call.ports().inputs)
    call.context().value(input.tensor, &shapes.emplace_back());
  HEDDLE_ASSIGN(const auto plan, model.PlanOf(call.ports().subgraph, shapes));
  HEDDLE_ASSIGN(const auto state, model.NewState());
  const Profiler profiler(*plan, call.context(), model.numerics(), *state);
  std::vector<StepTime> times;
  for (const PlanStep& step : plan->steps) {
    HEDDLE_ASSIGN(StepTime time, profiler.Measure(step));
    times.push_back(std::move(time));
  }
  return times;
}

}  // namespace heddle::core
