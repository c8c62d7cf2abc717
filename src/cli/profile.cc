// SPDX-License-Identifier: Apache-2.0
#include "cli/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/errors.h"
#include "base/float_env.h"
#include "cli/text.h"
#include "engine/loaded_model.h"

namespace heddle::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kStepTime{20};
constexpr size_t kMaxRepeats = 1000, kMinRepeats = 3;
constexpr int kBarWidth = 20;

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
  Profiler(const core::Plan& plan, const core::Context& values, core::Numerics numerics,
           const core::State& state)
      : plan_(plan), values_(values), numerics_(numerics), state_(state) {}

  Result<StepTime> Measure(const core::PlanStep& step) const {
    const core::Node& node = plan_.program->nodes()[static_cast<size_t>(step.node)];
    StepTime time;
    time.op = node.op;
    time.name = node.source->Name();
    time.kernel = step.step.kernel;
    time.macs = step.step.macs;
    if (!node.outputs.empty()) {
      time.shape = plan_.values[static_cast<size_t>(node.outputs[0])].shape.ToString();
    }
    if (step.step.phases.empty()) return time;
    std::vector<const void*> inputs;
    for (const int v : node.inputs) {
      inputs.push_back(InputOf(v));
      if (v >= 0 && inputs.back() == nullptr) return time;
    }
    std::vector<Memory> memory;
    std::vector<void*> outputs;
    for (const int v : node.outputs) {
      memory.emplace_back(plan_.values[static_cast<size_t>(v)].bytes);
      outputs.push_back(memory.back().data());
    }
    std::byte* memory_of = node.memory < 0 ? nullptr : state_.memory(node.memory);
    HEDDLE_ASSIGN(time.us, MedianUs(step.step, inputs, outputs, memory_of));
    return time;
  }

 private:
  const void* InputOf(int v) const {
    if (v < 0) return nullptr;
    const core::Value& value = plan_.program->values()[static_cast<size_t>(v)];
    if (value.constant != nullptr) return value.constant;
    if (value.memory >= 0) return state_.memory(value.memory);
    core::Shape shape;
    return values_.value(v, &shape).data;
  }

  Result<double> MedianUs(const core::Step& step, const std::vector<const void*>& inputs,
                          const std::vector<void*>& outputs, std::byte* memory) const {
    const Memory scratch(step.scratch_bytes), shared(step.shared_bytes);
    const core::TileArgs args{inputs.data(), outputs.data(), step.packed,
                              shared.data(), scratch.data(), memory};
    std::vector<double> times;
    const Clock::time_point end = Clock::now() + kStepTime;
    while (times.size() < kMinRepeats || (times.size() < kMaxRepeats && Clock::now() < end)) {
      const Clock::time_point start = Clock::now();
      HEDDLE_TRY(RunOnce(step, args));
      times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    }
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
                     times.end());
    return times[times.size() / 2];
  }

  Status RunOnce(const core::Step& step, const core::TileArgs& args) const {
    const core::ScopedFloatEnv env(numerics_ == core::Numerics::kFast ? core::Denormals::kFlush
                                                                      : core::Denormals::kKeep);
    for (const core::Phase& phase : step.phases) {
      const core::TileCode code = phase.tile(step.params.get(), args, {0, phase.tiles});
      if (code != core::TileCode::kOk) {
        return core::StepError(step, args, code, {});
      }
    }
    return Status();
  }

  const core::Plan& plan_;
  const core::Context& values_;
  const core::Numerics numerics_;
  const core::State& state_;
};

}  // namespace

Result<std::vector<StepTime>> ProfileSteps(const std::string& path, Numerics numerics,
                                           const std::vector<TensorView>& inputs) {
  HEDDLE_ASSIGN(auto model, core::Model::ReadFile(path));
  core::ProgramOptions options;
  options.numerics = static_cast<core::Numerics>(numerics);
  HEDDLE_ASSIGN(options.isa, core::ChooseIsa(""));
  HEDDLE_ASSIGN(const auto loaded,
                core::LoadedModel::Load(std::make_shared<core::EngineCore>(core::EngineOptions()),
                                        model, options.numerics, core::IsaName(options.isa), true));
  core::RunRequest request;
  request.inputs = inputs.data();
  request.input_count = inputs.size();
  request.fresh_state = true;
  HEDDLE_ASSIGN(core::Call call, loaded->Run(request));

  auto weights = core::MakeWeightStore(*model, options.limits);
  HEDDLE_ASSIGN(auto program, core::Program::Compile(model, 0, options, std::move(weights)));
  std::vector<core::Shape> shapes;
  for (const TensorView& input : inputs) shapes.emplace_back(input.shape());
  HEDDLE_ASSIGN(const auto plan, core::MakePlan(program, shapes));
  HEDDLE_ASSIGN(const auto state, loaded->NewState());
  const Profiler profiler(*plan, call.context(), options.numerics, *state);
  std::vector<StepTime> times;
  for (const core::PlanStep& step : plan->steps) {
    HEDDLE_ASSIGN(StepTime time, profiler.Measure(step));
    times.push_back(std::move(time));
  }
  return times;
}

std::string ProfileText(const std::vector<StepTime>& steps) {
  double sum = 0, most = 0;
  for (const StepTime& step : steps) {
    sum += std::max(step.us, 0.0);
    most = std::max(most, step.us);
  }
  Table table("rllrrrll");
  table.Add({"op", "step", "to", "us", "share", "GMAC/s", "", "kernel"});
  for (const StepTime& step : steps) {
    const double rate = step.us > 0 ? static_cast<double>(step.macs) / step.us * 1e-3 : 0;
    table.Add({fmt::format("{}", step.op), Printable(step.name), step.shape,
               step.us < 0 ? "-" : fmt::format("{:.1f}", step.us),
               step.us < 0 ? "-" : fmt::format("{:.1f} %", 100 * step.us / sum),
               rate > 0 ? fmt::format("{:.1f}", rate) : "", Bar(step.us / most, kBarWidth),
               step.kernel});
  }
  return fmt::format("\n{}\nsteps together: {:.3f} ms\n", table.Text(), sum * 1e-3);
}

}  // namespace heddle::cli
