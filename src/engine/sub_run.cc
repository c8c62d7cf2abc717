// SPDX-License-Identifier: Apache-2.0
#include "engine/sub_run.h"

#include <cstring>

#include "base/caught.h"
#include "base/errors.h"

namespace heddle::core {

Context::Context(MemoryBudget& budget) : budget_(budget) {}
Context::~Context() { budget_.Give(taken_); }

Status Context::RunSubPlan(size_t index, const PlanStep& ps, const TileArgs& args,
                           const RunControl& control) {
  UsePool();
  SubRun run(*this, index, ps, args, control);
  return ps.step.sub_plan(ps.step.params.get(), run);
}

void Context::UsePool() {
  if (env_.pool != nullptr) return;
  if (pool_ == nullptr) pool_ = std::make_unique<ContextPool>();
  env_.pool = pool_.get();
}

Status Context::Warm(PlanSource& plans, ContextPool* pool) {
  env_ = {&plans, nullptr, pool};
  used_frames_ = 1;
  const Frame& frame = frames_[0];
  const RunControl control;
  for (const PlanStep& ps : frame.plan->steps) {
    const bool once = frame.plan->program->nodes()[ps.node].source->code == OpCode::kCALL_ONCE;
    if (ps.step.kind != StepKind::kSubPlan || once) continue;
    UsePool();
    const auto* inputs = const_cast<const void* const*>(frame.operands.data() + ps.first_input);
    const TileArgs args{inputs, nullptr, nullptr, nullptr, nullptr};
    HEDDLE_TRY(SubRun(*this, 0, ps, args, control).Warm());
  }
  return Status();
}

Status Context::SubRun::Warm() {
  for (size_t i = 0; i < subs_.subgraphs.size(); ++i) {
    HEDDLE_ASSIGN(Context * context, Begin(static_cast<int>(i)));
    HEDDLE_TRY(context->Warm(*context_.env_.plans, context_.env_.pool));
  }
  for (int turn = 0; subs_.loop && turn < 2; ++turn) {
    memory_->turn = turn;
    for (size_t k = 0; k < memory_->values.size(); ++k)
      HEDDLE_TRY(Side(k, memory_->values[k].bytes).status());
  }
  return Status();
}

Context::SubRun::SubRun(Context& context, size_t frame, const PlanStep& ps, const TileArgs& args,
                        const RunControl& control)
    : context_(context),
      plan_(*context.frames_[frame].plan),
      ps_(ps),
      node_(plan_.program->nodes()[ps.node]),
      subs_(*node_.operation->sub_plans()),
      args_(args),
      control_(control) {
  auto& loops = context.frames_[frame].loops;
  const auto step = static_cast<size_t>(&ps - plan_.steps.data());
  if (loops.size() <= step) loops.resize(plan_.steps.size());
  if (loops[step] == nullptr) loops[step] = std::make_unique<LoopMemory>();
  memory_ = loops[step].get();
  const size_t count = node_.inputs.size() - subs_.first_input;
  memory_->values.resize(count);
  memory_->shapes.resize(count);
  memory_->turn = 0;
  for (size_t k = 0; k < count; ++k) {
    const size_t i = k + subs_.first_input;
    const int v = node_.inputs[i];
    memory_->values[k] = {const_cast<void*>(args.inputs[i]), context.BytesOf(v)};
    memory_->shapes[k] = plan_.values[v].shape;
  }
}

Result<Context*> Context::SubRun::Begin(int which) {
  if (control_.active()) HEDDLE_TRY(control_.Check());
  HEDDLE_ASSIGN(
      Context * context,
      context_.env_.pool->Get(subs_.subgraphs[which], memory_->shapes, *context_.env_.plans,
                              context_.budget_, plan_.program->options().limits.arena_bytes));
  for (size_t k = 0; k < memory_->values.size(); ++k)
    context->SetInput(static_cast<int>(k), memory_->values[k]);
  for (size_t k = 0; k < context->wanted_.size(); ++k) context->wanted_[k] = {};
  return context;
}

Status Context::SubRun::RunIn(Context& context, int which) {
  Status status = context.Run(control_, context_.env_);
  if (status.ok()) return status;
  return Status(status.code(),
                fmt::format("subgraph {}, {}", subs_.subgraphs[which], status.message()));
}

Status Context::SubRun::Run(int which) {
  HEDDLE_ASSIGN(Context * context, Begin(which));
  const size_t count = node_.outputs.size();
  for (size_t k = 0; k < count && !ps_.step.sizes_outputs; ++k)
    context->SetOutput(static_cast<int>(k),
                       {args_.outputs[k], plan_.values[node_.outputs[k]].bytes});
  HEDDLE_TRY(RunIn(*context, which));
  for (size_t k = 0; k < count; ++k) {
    const int i = static_cast<int>(k);
    HEDDLE_TRY(SetOutput(k, context->output(i), context->output_shape(i)));
  }
  return Status();
}

Status Context::SubRun::SetOutput(size_t k, CallTensor from, const Shape& shape) {
  void* to = args_.outputs[k];
  if (ps_.step.sizes_outputs) {
    HEDDLE_ASSIGN(to, context_.Grow(node_.outputs[k], shape, from.bytes));
  } else if (from.bytes != plan_.values[node_.outputs[k]].bytes) {
    return Internal("output {} has {} bytes, planned were {}", k, from.bytes,
                    plan_.values[node_.outputs[k]].bytes);
  }
  if (from.bytes > 0 && to != from.data) std::memcpy(to, from.data, from.bytes);
  return Status();
}

Result<bool> Context::SubRun::Test(int which) {
  HEDDLE_ASSIGN(Context * context, Begin(which));
  HEDDLE_TRY(RunIn(*context, which));
  if (context->output(0).bytes != 1)
    return InvalidArgument("the condition has shape {}, expected one element",
                           context->output_shape(0).ToString());
  return *static_cast<const uint8_t*>(context->output(0).data) != 0;
}

Result<std::byte*> Context::SubRun::Side(size_t k, size_t bytes) {
  auto& side = memory_->sides[memory_->turn & 1];
  if (side.size() < memory_->values.size()) side.resize(memory_->values.size());
  AnonymousMemory& memory = side[k];
  if (bytes > memory.size() || memory.data() == nullptr) {
    // Half as much again: a value that grows with each turn is not moved by each.
    const size_t room = memory.data() == nullptr ? bytes + 64 : bytes + bytes / 2;
    const uint64_t limit = plan_.program->options().limits.arena_bytes;
    if (room > limit)
      return ResourceExhausted("value {} of the loop needs {} bytes, the limit of a call is {}", k,
                               bytes, limit);
    HEDDLE_TRY(context_.Enlarge(memory, room));
  }
  return memory.data();
}

Status Context::SubRun::Turn(int which) {
  HEDDLE_ASSIGN(Context * context, Begin(which));
  const Plan& body = context->plan();
  const Program& program = *body.program;
  for (size_t k = 0; k < memory_->values.size(); ++k) {
    // A value that the body hands back stays where it is.
    if (program.outputs()[k] == program.inputs()[k]) {
      context->wanted_[k] = memory_->values[k];
    } else if (body.output_offsets[k] != Plan::kNoOffset &&
               TypeBits(program.values()[program.outputs()[k]].type) != 0) {
      const size_t bytes = body.values[program.outputs()[k]].bytes;
      HEDDLE_ASSIGN(std::byte * to, Side(k, bytes));
      context->wanted_[k] = {to, bytes};
    }
  }
  HEDDLE_TRY(RunIn(*context, which));
  for (size_t k = 0; k < memory_->values.size(); ++k) HEDDLE_TRY(PassOn(*context, k));
  ++memory_->turn;
  return Status();
}

Status Context::SubRun::PassOn(Context& context, size_t k) {
  const CallTensor made = context.outputs_[k];
  const bool in_place = made.data == context.wanted_[k].data;
  void* to = made.data;
  if (!in_place) {
    HEDDLE_ASSIGN(to, Side(k, made.bytes));
    if (made.bytes > 0) std::memcpy(to, made.data, made.bytes);
  }
  memory_->values[k] = {to, made.bytes};
  memory_->shapes[k] = context.output_shape(static_cast<int>(k));
  return Status();
}

Status Context::SubRun::Finish() {
  for (size_t k = 0; k < memory_->values.size(); ++k)
    HEDDLE_TRY(SetOutput(k, memory_->values[k], memory_->shapes[k]));
  return Status();
}

Status Context::SubRun::Once(int which) {
  const int subgraph = subs_.subgraphs[which];
  if (!context_.env_.state->BeginOnce(subgraph)) return Status();
  Status status = Caught([&]() -> Status {
    HEDDLE_ASSIGN(Context * context, Begin(which));
    return RunIn(*context, which);
  });
  if (!status.ok()) context_.env_.state->UndoOnce(subgraph);
  return status;
}

}  // namespace heddle::core
