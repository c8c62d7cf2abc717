// SPDX-License-Identifier: Apache-2.0
#include "engine/context.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/caught.h"
#include "base/errors.h"
#include "base/float_env.h"
#include "engine/call_trace.h"

namespace heddle::core {
namespace {

// One phase of a step as the executor runs it.
struct RunningPhase {
  const Phase& phase;
  const PlanStep& ps;
  const TileArgs& args;
  const RunControl& control;
  Denormals denormals;
  const Poison& poison;

  static uint32_t Tiles(void* self, int64_t begin, int64_t end, std::byte* scratch) {
    const auto& p = *static_cast<const RunningPhase*>(self);
    const Step& step = p.ps.step;
    const TileRange range{begin, end};
    const TileSpan span(p.control.trace(), p.ps, p.phase, range);
    p.poison.Fill(scratch == nullptr ? p.args.scratch : scratch, step.scratch_bytes);
    if (scratch == nullptr)
      return static_cast<uint32_t>(p.phase.tile(step.params.get(), p.args, range));
    const ScopedFloatEnv float_env(p.denormals);  // of a thread that helps
    TileArgs args = p.args;
    args.scratch = scratch;
    return static_cast<uint32_t>(p.phase.tile(step.params.get(), args, range));
  }
  static bool GoOn(void* self) {
    return static_cast<const RunningPhase*>(self)->control.Check().ok();
  }
};

void* BytesAt(void* memory, int64_t offset) { return static_cast<std::byte*>(memory) + offset; }

// An executor is told of steps that run without it: often enough for who waits for a turn.
constexpr float kMostUntoldNs = kLongestClaimNs / 10;

Status Stopped(const RunControl& control) {
  HEDDLE_TRY(control.Check());
  return Internal("a step was stopped, but not by its caller");
}

}  // namespace

class Context::Serial final : public SerialCall {
 public:
  Serial(Context& context, const Plan& plan, const PlanStep& ps, const TileArgs& args)
      : context_(context), plan_(plan), node_(plan.program->nodes()[ps.node]), args_(args) {}
  const TileArgs& args() const override { return args_; }
  const Shape& input_shape(int input) const override {
    return plan_.values[node_.inputs[input]].shape;
  }
  std::string_view input_name(int input) const override {
    return plan_.program->values()[node_.inputs[input]].name;
  }
  std::byte* AllocateOutput(int output, const Shape& shape, size_t bytes) override {
    Result<std::byte*> memory = context_.Grow(node_.outputs[output], shape, bytes);
    if (!memory.ok()) return nullptr;
    context_.poison_.Fill(*memory, bytes);
    return *memory;
  }
  size_t input_bytes(int input) const override { return context_.BytesOf(node_.inputs[input]); }
  CallState& state() override { return *context_.env_.state; }

 private:
  Context& context_;
  const Plan& plan_;
  const Node& node_;
  const TileArgs& args_;
};

Result<std::unique_ptr<Context>> Context::Make(std::shared_ptr<const Plan> plan,
                                               MemoryBudget& budget) {
  std::unique_ptr<Context> context(new Context(budget));
  context->inputs_.resize(plan->program->inputs().size());
  context->wanted_.resize(plan->program->outputs().size());
  context->outputs_.resize(plan->program->outputs().size());
  HEDDLE_TRY(context->Bind(0, std::move(plan)));
  return context;
}

Status Context::Bind(size_t index, std::shared_ptr<const Plan> plan) {
  if (frames_.size() <= index) frames_.resize(index + 1);
  Frame& frame = frames_[index];
  if (frame.plan == plan) return Status();
  frame.plan = nullptr;
  frame.loops.clear();
  // A loop comes with another Plan each turn: memory that is large enough stays.
  HEDDLE_TRY(Enlarge(frame.arena, plan->arena_bytes));
  HEDDLE_TRY(Enlarge(scratch_, plan->scratch_bytes));
  FillOperands(*plan, frame);
  LayOut(*plan, frame);
  frame.plan = std::move(plan);
  return Status();
}

Status Context::Rebind(std::shared_ptr<const Plan> plan) { return Bind(0, std::move(plan)); }

Status Context::Enlarge(AnonymousMemory& memory, size_t bytes) {
  if (bytes <= memory.size()) return Status();
  const uint64_t more = bytes - memory.size();
  if (!budget_.Take(more))
    return ResourceExhausted("this call needs {} bytes, the engine's limit is {} and {} are in use",
                             bytes, budget_.limit(), budget_.used());
  Result<AnonymousMemory> larger = Caught([&] { return AnonymousMemory::Allocate(bytes); });
  if (!larger.ok()) {
    budget_.Give(more);
    return larger.status();
  }
  taken_ += more;
  memory = std::move(larger).value();
  return Status();
}

void Context::FillOperands(const Plan& plan, Frame& frame) {
  frame.operands.clear();
  frame.patches.clear();
  for (const Location& l : plan.operands) {
    void* pointer = nullptr;
    switch (l.place) {
      case Place::kAbsent:
        break;
      case Place::kConstant:
        pointer = const_cast<std::byte*>(l.constant);
        break;
      case Place::kArena:
        pointer = frame.arena.data() + l.index;
        break;
      case Place::kInput:
      case Place::kOutput:
      case Place::kState:
      case Place::kEarlier:
        frame.patches.push_back(
            {static_cast<uint32_t>(frame.operands.size()), l.place, l.index, l.offset});
        break;
    }
    frame.operands.push_back(pointer);
  }
}

void Context::LayOut(const Plan& plan, Frame& frame) {
  frame.ready.clear();
  for (const PlanStep& ps : plan.steps) {
    Ready& ready = frame.ready.emplace_back();
    ready.step = &ps;
    ready.args.inputs = const_cast<const void* const*>(frame.operands.data() + ps.first_input);
    ready.args.outputs = frame.operands.data() + ps.first_output;
    ready.args.packed = ps.step.packed;
    ready.args.shared = frame.arena.data() + ps.shared_offset;
    ready.memory = plan.program->nodes()[ps.node].memory;
    ready.alone_ns = AloneNs(ps.step);
  }
}

float Context::AloneNs(const Step& step) {
  if (step.kind != StepKind::kTiled && step.kind != StepKind::kPhased) return -1;
  float all = 0;
  for (const Phase& phase : step.phases) {
    const float ns = static_cast<float>(phase.tiles) * phase.tile_ns;
    if (phase.tiles > 1 && ns >= kAloneNs) return -1;
    all += std::max(ns, 0.0f);
  }
  return all;
}

// Where value v is once the Plans up to `frame` have placed it.
void* Context::PointerOf(size_t frame, int value) const {
  const Location& l = frames_[frame].plan->values[value].location;
  switch (l.place) {
    case Place::kConstant:
      return const_cast<std::byte*>(l.constant);
    case Place::kInput:
      return BytesAt(inputs_[l.index].data, l.offset);
    case Place::kOutput:
      return BytesAt(outputs_[l.index].data, l.offset);
    case Place::kState:
      return BytesAt(env_.state->memory(static_cast<int>(l.index)), l.offset);
    case Place::kArena:
      return frames_[frame].arena.data() + l.index;
    case Place::kEarlier:
      return BytesAt(PointerOf(frame - 1, static_cast<int>(l.index)), l.offset);
    case Place::kAbsent:
      break;
  }
  return static_cast<size_t>(value) < dynamic_.size() ? dynamic_[value].memory.data() : nullptr;
}

size_t Context::BytesOf(int value) const {
  const Plan& plan = *frames_[used_frames_ - 1].plan;
  const PlanValue& p = plan.values[value];
  if (TypeBits(plan.program->values()[value].type) != 0) return p.bytes;
  if (p.location.place == Place::kInput) return inputs_[p.location.index].bytes;
  const auto owner =
      static_cast<size_t>(p.location.place == Place::kEarlier ? p.location.index : value);
  if (owner < dynamic_.size() && dynamic_[owner].set) return dynamic_[owner].bytes;
  return plan.program->values()[value].bytes;
}

Status Context::Run(const RunControl& control, const CallEnv& env) {
  env_ = env;
  const bool fast = plan().program->options().numerics == Numerics::kFast;
  const ScopedFloatEnv float_env(fast ? Denormals::kFlush : Denormals::kKeep);
  for (Dynamic& d : dynamic_) d.set = false;
  poison_.NextRun();
  for (size_t i = 0;; ++i) {
    HEDDLE_TRY(RunFrame(i, control));
    const std::shared_ptr<const Plan>& plan = frames_[i].plan;
    if (plan->rest.node < 0) break;
    Found found;
    HEDDLE_TRY(Gather(i, &found));
    HEDDLE_ASSIGN(std::shared_ptr<const Plan> following, env_.plans->NextPlan(plan, found));
    HEDDLE_TRY(Bind(i + 1, std::move(following)));
  }
  return CopyOutputs(frames_[used_frames_ - 1]);
}

Status Context::RunFrame(size_t index, const RunControl& control) {
  Frame& frame = frames_[index];
  used_frames_ = index + 1;
  poison_.Fill(frame.arena.data(), frame.arena.size());
  HEDDLE_TRY(PlaceOutputs(frame));
  for (const Patch& p : frame.patches) {
    void* pointer = p.place == Place::kInput    ? inputs_[p.index].data
                    : p.place == Place::kOutput ? outputs_[p.index].data
                    : p.place == Place::kState  ? env_.state->memory(static_cast<int>(p.index))
                                                : PointerOf(index - 1, static_cast<int>(p.index));
    frame.operands[p.operand] = BytesAt(pointer, p.offset);
  }
  for (Ready& ready : frame.ready) {
    if (control.active()) HEDDLE_TRY(control.Check());
    ready.args.scratch = scratch_.data();
    if (ready.memory >= 0) ready.args.memory = env_.state->memory(ready.memory);
    const StepSpan span(control.trace(), frame.plan, *ready.step);
    Status status = RunStep(index, ready, control);
    if (status.ok()) continue;
    const Node& node = frame.plan->program->nodes()[ready.step->node];
    return InOperator(status, node.op, *node.source);
  }
  return Status();
}

// Outputs whose size this Plan is the first to know: the caller's memory, checked now, or our own.
Status Context::PlaceOutputs(Frame& frame) {
  const Plan& plan = *frame.plan;
  for (size_t k = 0; k < outputs_.size(); ++k) {
    if (plan.output_offsets[k] == Plan::kNoOffset) continue;
    const int v = plan.program->outputs()[k];
    const size_t bytes = plan.values[v].bytes;
    const bool strings = TypeBits(plan.program->values()[v].type) == 0;
    if (wanted_[k].data == nullptr || strings) {
      outputs_[k] = {frame.arena.data() + plan.output_offsets[k], bytes};
      continue;
    }
    if (wanted_[k].bytes < bytes)
      return InvalidArgument("output {} '{}' of shape {} needs {} bytes, the caller gives {}", k,
                             plan.program->values()[v].name, plan.values[v].shape.ToString(), bytes,
                             wanted_[k].bytes);
    outputs_[k] = {wanted_[k].data, bytes};
  }
  return Status();
}

Status Context::RunStep(size_t index, Ready& ready, const RunControl& control) {
  const PlanStep& ps = *ready.step;
  const TileArgs& args = ready.args;
  poison_.Fill(args.shared, ps.step.shared_bytes);
  poison_.Fill(args.scratch, ps.step.scratch_bytes);
  if (ready.alone_ns >= 0) return RunAlone(ready, control);
  switch (ps.step.kind) {
    case StepKind::kTiled:
    case StepKind::kPhased:
      return RunPhases(ps, args, control);
    case StepKind::kAlias:
      if (ps.output_bytes > 0) std::memcpy(args.outputs[0], args.inputs[0], ps.output_bytes);
      return Status();
    case StepKind::kSerial: {
      Serial call(*this, *frames_[index].plan, ps, args);
      return ps.step.serial(ps.step.params.get(), call);
    }
    case StepKind::kSubPlan:
      return RunSubPlan(index, ps, args, control);
  }
  return Internal("unknown step kind");
}

// What an executor would do with it, less what that costs: for a small step more than its work.
Status Context::RunAlone(const Ready& ready, const RunControl& control) {
  untold_ns_ += ready.alone_ns;
  if (untold_ns_ > kMostUntoldNs && !control.executor().Pass(std::exchange(untold_ns_, 0.0f)))
    return Stopped(control);
  const Step& step = ready.step->step;
  for (const Phase& phase : step.phases) {
    if (phase.tiles == 0) continue;
    const TileRange all{0, phase.tiles};
    const TileSpan span(control.trace(), *ready.step, phase, all);
    poison_.Fill(ready.args.scratch, step.scratch_bytes);
    const TileCode code = phase.tile(step.params.get(), ready.args, all);
    if (code != TileCode::kOk) return ErrorOf(*ready.step, ready.args, code);
  }
  return Status();
}

Status Context::ErrorOf(const PlanStep& ps, const TileArgs& args, TileCode code) const {
  const Program& program = *plan().program;
  std::vector<std::string_view> names;
  for (int v : program.nodes()[ps.node].inputs)
    names.push_back(v < 0 ? std::string_view() : program.values()[v].name);
  return StepError(ps.step, args, code, names);
}

Status Context::RunPhases(const PlanStep& ps, const TileArgs& args, const RunControl& control) {
  const bool fast = plan().program->options().numerics == Numerics::kFast;
  for (const Phase& phase : ps.step.phases) {
    RunningPhase running{phase,  ps, args, control, fast ? Denormals::kFlush : Denormals::kKeep,
                         poison_};
    Region region{&RunningPhase::Tiles, nullptr,       &running,
                  phase.tiles,          phase.tile_ns, ps.step.scratch_bytes};
    if (control.active()) region.go_on = &RunningPhase::GoOn;
    const uint32_t code = control.executor().Run(region);
    if (code == 0) continue;
    if (code != kRegionStopped) return ErrorOf(ps, args, static_cast<TileCode>(code));
    return Stopped(control);
  }
  return Status();
}

Status Context::Gather(size_t index, Found* found) const {
  const Plan& plan = *frames_[index].plan;
  for (int v : plan.rest.values)
    found->values.emplace_back(static_cast<const std::byte*>(PointerOf(index, v)), BytesOf(v));
  for (int v : plan.rest.shapes) {
    if (static_cast<size_t>(v) >= dynamic_.size() || !dynamic_[v].set)
      return Internal("a serial step did not make output '{}'", plan.program->values()[v].name);
    found->shapes.push_back(dynamic_[v].shape);
  }
  return Status();
}

Result<std::byte*> Context::Grow(int value, const Shape& shape, size_t bytes) {
  if (dynamic_.empty()) dynamic_.resize(plan().values.size());
  Dynamic& d = dynamic_[value];
  if (bytes > d.memory.size() || d.memory.data() == nullptr) {
    const uint64_t limit = plan().program->options().limits.arena_bytes;
    const size_t size = std::max<size_t>(bytes, 64);
    if (size > limit)
      return ResourceExhausted("an output of {} bytes is past the limit of a call, {}", bytes,
                               limit);
    HEDDLE_TRY(Enlarge(d.memory, size));
  }
  d.bytes = bytes;
  d.shape = shape;
  d.set = true;
  return d.memory.data();
}

// Outputs that no step writes to their place: inputs, constants, values made twice, strings.
Status Context::CopyOutputs(const Frame& frame) {
  for (const OutputCopy& copy : frame.plan->copies) {
    const void* from = PointerOf(used_frames_ - 1, copy.value);
    CallTensor& to = outputs_[copy.output];
    const size_t bytes = BytesOf(copy.value);
    if (TypeBits(frame.plan->program->values()[copy.value].type) == 0) {
      const Shape& shape = frame.plan->values[copy.value].shape;
      if (wanted_[copy.output].data != nullptr && wanted_[copy.output].bytes < bytes)
        return InvalidArgument("output {} needs {} bytes, the caller gives {}", copy.output, bytes,
                               wanted_[copy.output].bytes);
      if (wanted_[copy.output].data != nullptr) {
        to.data = wanted_[copy.output].data;
      } else if (frame.plan->values[copy.value].location.place == Place::kEarlier) {
        to = {const_cast<void*>(from), bytes};  // already in our own memory
        continue;
      } else {
        HEDDLE_ASSIGN(to.data, Grow(copy.value, shape, bytes));
      }
      to.bytes = bytes;
    }
    if (bytes > 0 && to.data != from) std::memcpy(to.data, from, bytes);
  }
  return Status();
}

const Shape& Context::output_shape(int k) const {
  const Plan& plan = *frames_[used_frames_ - 1].plan;
  return plan.values[plan.program->outputs()[k]].shape;
}

CallTensor Context::value(int v, Shape* shape) const {
  const Plan& plan = *frames_[used_frames_ - 1].plan;
  *shape = plan.values[v].shape;
  // State may be gone, or be another call's by now.
  if (!plan.values[v].known_shape || plan.values[v].location.place == Place::kState) return {};
  return {PointerOf(used_frames_ - 1, v), BytesOf(v)};
}

}  // namespace heddle::core
