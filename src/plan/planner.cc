// SPDX-License-Identifier: Apache-2.0
// Makes Plans: walks the nodes in order, infers shapes, computes what is already known, lowers the
// rest to steps, then places every value.
#include <algorithm>
#include <optional>

#include "base/errors.h"
#include "plan/band_rows.h"
#include "plan/evaluate.h"
#include "plan/memory_map.h"
#include "plan/place_copies.h"
#include "plan/plan.h"
#include "plan/sub_plans.h"

namespace heddle::core {
namespace {

// A value that a Plan computes while it is made: shapes and indices, never activations.
constexpr size_t kKnownBytes = 4096;

class Planner {
 public:
  Planner(std::shared_ptr<const Program> program, std::shared_ptr<const Plan> before,
          PlanSource* others)
      : program_(std::move(program)), others_(others), plan_(std::make_shared<Plan>()) {
    plan_->program = program_;
    plan_->before = std::move(before);
    is_output_.resize(program_->values().size());
    for (const int v : program_->outputs()) is_output_[v] = true;
  }

  Status Begin(std::span<const Shape> inputs);
  Status BeginAfter(const Found& found);
  Status AddNodes(int first);
  Result<std::shared_ptr<const Plan>> Finish();

 private:
  struct Info {          // of a value, while planning
    int root = -1;       // a value whose memory this one shares
    int64_t offset = 0;  // bytes into it
    int first = -1;      // step that makes the root; -1: not made here
    int last = -1;       // last step that reads the root
    bool here = false;   // the root is made by a step of this Plan
  };

  PlanValue& ValueOf(int v) { return plan_->values[v]; }
  int RootOf(int v);
  Operand OperandOf(int v) const;
  Status AddNode(int n, bool* stop);
  Status AddSubPlans(int n, std::span<const Operand> inputs, bool* stop);
  Status AddLastStep(int n, Step step, bool* stop);
  Status SetOutputShapes(const Node& node, std::span<const Shape> shapes,
                         std::vector<Operand>& outputs);
  Status TryEvaluate(const Node& node, std::span<const Operand> inputs, std::span<Operand> outputs,
                     bool* done);
  bool PlaceCopy(const Node& node, const Step& step);
  bool MakeViews(const std::vector<PartOfWhole>& parts);
  bool GatherParts(const std::vector<PartOfWhole>& parts);
  Status AddStep(int n, Step step);
  void AddOperands(PlanStep& ps, std::span<const int> inputs, std::span<const int> outputs);
  void NoteUse(int v, int step);
  void MarkRest(int first);
  std::vector<BandedRun> FindRuns();
  void BandRows();
  void AddBandedRun(const BandedRun& run, std::span<const PlanStep> before);
  void PlaceOutputs();
  void PlaceMemory();
  void Resolve();
  Status CheckLimits() const;

  std::shared_ptr<const Program> program_;
  PlanSource* const others_;
  std::shared_ptr<Plan> plan_;
  std::vector<Info> info_;
  std::vector<bool> is_output_;  // of the graph, by value
  size_t sub_bytes_ = 0;         // of the largest subgraph that a step runs
  uint64_t live_bytes_ = 0;      // of all outputs so far: an upper bound of what is lowered at once
};

// The value whose memory holds this one, and where: all values on the way know it then.
int Planner::RootOf(int v) {
  int root = v;
  int64_t rest = 0;
  for (; info_[root].root != root; root = info_[root].root) rest += info_[root].offset;
  while (v != root) {
    Info& info = info_[v];
    const int64_t step = info.offset;
    v = info.root;
    info.root = root, info.offset = rest;
    rest -= step;
  }
  return root;
}

Status CheckInput(const Value& v, const Shape& shape) {
  int64_t elements = 0;
  if (!shape.CheckedElements(&elements))
    return InvalidArgument("input '{}': shape {} has a negative size or too many elements", v.name,
                           shape.ToString());
  return Status();
}

Status Planner::Begin(std::span<const Shape> inputs) {
  const auto& values = program_->values();
  plan_->values.resize(values.size());
  info_.resize(values.size());
  for (size_t v = 0; v < values.size(); ++v) {
    info_[v].root = static_cast<int>(v);
    PlanValue& p = plan_->values[v];
    if (values[v].memory >= 0) {
      p.known_shape = true;
      p.shape = values[v].shape;
      p.bytes = TypeBytes(values[v].type, p.shape.elements());
      p.location = {Place::kState, values[v].memory, nullptr};
    }
    if (values[v].constant == nullptr) continue;
    p.known_shape = true;
    p.shape = values[v].shape;
    p.bytes = values[v].bytes;
    p.data = values[v].constant;
    p.location = {Place::kConstant, 0, values[v].constant};
  }
  for (size_t k = 0; k < inputs.size(); ++k) {
    const int v = program_->inputs()[k];
    HEDDLE_TRY(CheckInput(values[v], inputs[k]));
    PlanValue& p = plan_->values[v];
    p.known_shape = true;
    p.shape = inputs[k];
    p.bytes = TypeBytes(values[v].type, inputs[k].elements());
    p.location = {Place::kInput, static_cast<int64_t>(k), nullptr};
  }
  return Status();
}

Status Planner::BeginAfter(const Found& found) {
  const Plan& before = *plan_->before;
  plan_->values = before.values;
  info_.resize(plan_->values.size());
  for (size_t v = 0; v < info_.size(); ++v) {
    info_[v].root = static_cast<int>(v);
    Location& l = plan_->values[v].location;
    if (l.place == Place::kArena) l = {Place::kEarlier, static_cast<int64_t>(v), nullptr};
  }
  for (size_t i = 0; i < before.rest.values.size(); ++i) {
    const auto bytes = found.values[i];
    plan_->constants.emplace_back(bytes.begin(), bytes.end());
    PlanValue& p = ValueOf(before.rest.values[i]);
    p.data = plan_->constants.back().data();
  }
  for (size_t i = 0; i < before.rest.shapes.size(); ++i) {
    const int v = before.rest.shapes[i];
    PlanValue& p = ValueOf(v);
    int64_t elements = 0;
    if (!found.shapes[i].CheckedElements(&elements))
      return Internal("a serial step made an impossible shape");
    p.known_shape = true;
    p.shape = found.shapes[i];
    p.bytes = TypeBytes(program_->values()[v].type, elements);
    p.location = {Place::kEarlier, v, nullptr};
  }
  plan_->macs = before.macs;
  return Status();
}

Operand Planner::OperandOf(int v) const {
  Operand o = program_->OperandOf(v);
  if (v < 0) return o;
  const PlanValue& p = plan_->values[v];
  o.shape = p.shape;
  o.bytes = p.bytes;
  o.data = p.data;
  return o;
}

Status Planner::AddNodes(int first) {
  const int count = static_cast<int>(program_->nodes().size());
  for (int n = first; n < count; ++n) {
    const Node& node = program_->nodes()[n];
    bool stop = false;
    Status status = AddNode(n, &stop);
    if (!status.ok()) return InOperator(status, node.op, *node.source);
    if (stop) break;
  }
  return Status();
}

Status Planner::AddNode(int n, bool* stop) {
  const Node& node = program_->nodes()[n];
  std::vector<Operand> inputs, outputs;
  bool all_known = true;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const int v = node.inputs[i];
    inputs.push_back(OperandOf(v));
    if (v < 0) continue;
    if (!ValueOf(v).known_shape)
      return InvalidModel("input {} '{}' is never written", i, inputs[i].name);
    all_known &= inputs[i].data != nullptr;
    const bool value_needed = i < 32 && (node.operation->ValueInputs() >> i & 1);
    if (value_needed && inputs[i].data == nullptr && inputs[i].bytes > 0) {
      if (std::find(plan_->rest.values.begin(), plan_->rest.values.end(), v) ==
          plan_->rest.values.end())
        plan_->rest.values.push_back(v);
    }
  }
  if (!plan_->rest.values.empty()) {
    plan_->rest.node = n;
    *stop = true;
    return Status();
  }
  if (node.operation->sub_plans() != nullptr) return AddSubPlans(n, inputs, stop);
  std::vector<Shape> shapes(node.outputs.size());
  HEDDLE_TRY(node.operation->Shapes(inputs, shapes));
  for (int v : node.outputs) outputs.push_back(program_->OperandOf(v));
  HEDDLE_TRY(SetOutputShapes(node, shapes, outputs));
  bool done = false;
  const bool may_evaluate = node.memory < 0 && node.deterministic;
  if (may_evaluate && (all_known || node.operation->ReadsOnlyShapes()))
    HEDDLE_TRY(TryEvaluate(node, inputs, outputs, &done));
  if (done) return Status();
  Step step;
  HEDDLE_TRY(node.operation->Lower(inputs, outputs, step));
  return AddLastStep(n, std::move(step), stop);
}

// Adds a step, the last one of this Plan when the shapes that it makes are not known.
Status Planner::AddLastStep(int n, Step step, bool* stop) {
  *stop = step.sizes_outputs;
  HEDDLE_TRY(AddStep(n, std::move(step)));
  if (!*stop) return Status();
  plan_->rest.node = n + 1;
  plan_->rest.shapes = program_->nodes()[n].outputs;
  for (int v : plan_->rest.shapes) ValueOf(v).known_shape = false;
  return Status();
}

Status Planner::AddSubPlans(int n, std::span<const Operand> inputs, bool* stop) {
  const Node& node = program_->nodes()[n];
  std::vector<Operand> outputs;
  for (int v : node.outputs) outputs.push_back(program_->OperandOf(v));
  Step step;
  HEDDLE_TRY(node.operation->Lower(inputs, outputs, step));
  HEDDLE_ASSIGN(const SubShapes found,
                InferShapes(*node.operation->sub_plans(), inputs, outputs, others_));
  step.sizes_outputs = !node.outputs.empty() && !found.known;
  step.macs = found.macs;
  sub_bytes_ = std::max(sub_bytes_, found.bytes);
  if (found.known) HEDDLE_TRY(SetOutputShapes(node, found.outputs, outputs));
  return AddLastStep(n, std::move(step), stop);
}

Status Planner::SetOutputShapes(const Node& node, std::span<const Shape> shapes,
                                std::vector<Operand>& outputs) {
  for (size_t i = 0; i < shapes.size(); ++i) {
    PlanValue& p = ValueOf(node.outputs[i]);
    int64_t elements = 0;
    if (!shapes[i].CheckedElements(&elements))
      return InvalidArgument("output '{}' would have shape {}: too many elements", outputs[i].name,
                             shapes[i].ToString());
    p.known_shape = true;
    p.shape = shapes[i];
    p.bytes = TypeBytes(outputs[i].type, elements);
    outputs[i].shape = shapes[i];
    outputs[i].bytes = p.bytes;
    live_bytes_ += p.bytes;
    const uint64_t limit = program_->options().limits.arena_bytes;
    if (p.bytes > limit)
      return ResourceExhausted("output '{}' of shape {} needs {} bytes, the limit of a call is {}",
                               outputs[i].name, shapes[i].ToString(), p.bytes, limit);
  }
  return Status();
}

Status Planner::TryEvaluate(const Node& node, std::span<const Operand> inputs,
                            std::span<Operand> outputs, bool* done) {
  for (const Operand& o : outputs)
    if (o.bytes > kKnownBytes || TypeBits(o.type) == 0) return Status();
  Step step;
  HEDDLE_TRY(node.operation->Lower(inputs, outputs, step));
  if (step.kind == StepKind::kSerial || step.kind == StepKind::kSubPlan) return Status();
  std::vector<void*> out;
  for (size_t i = 0; i < outputs.size(); ++i) {
    plan_->constants.emplace_back(outputs[i].bytes);
    out.push_back(plan_->constants.back().data());
  }
  HEDDLE_TRY(EvaluateStep(step, inputs, out, outputs.empty() ? 0 : outputs[0].bytes,
                          program_->options().numerics));
  for (size_t i = 0; i < outputs.size(); ++i) {
    PlanValue& p = ValueOf(node.outputs[i]);
    p.data = static_cast<const std::byte*>(out[i]);
    p.location = {Place::kConstant, 0, p.data};
  }
  *done = true;
  return Status();
}

// Instead of a step that only copies: parts get a place in a whole.
bool Planner::PlaceCopy(const Node& node, const Step& step) {
  const ProgramOptions& options = program_->options();
  if (!options.place_copies || options.keep_all) return false;
  return MakeViews(OutputsInInputs(node, step)) ||
         GatherParts(InputsInOutput(node, step, plan_->values));
}

bool Planner::MakeViews(const std::vector<PartOfWhole>& parts) {
  size_t bytes = 0;
  for (const PartOfWhole& p : parts) bytes += ValueOf(p.part).bytes;
  for (const PartOfWhole& p : parts) {
    const int root = RootOf(p.whole);
    if (is_output_[p.part] || ValueOf(root).location.place == Place::kState) return false;
    if (info_[root].here && !WorthAView(bytes, ValueOf(root).bytes)) return false;
  }
  for (const PartOfWhole& p : parts) {
    const int root = RootOf(p.whole);
    const int64_t within = p.whole == root ? 0 : info_[p.whole].offset;
    info_[p.part].root = root, info_[p.part].offset = within + p.offset;
    PlanValue &part = ValueOf(p.part), &whole = ValueOf(p.whole);
    part.location = Behind(ValueOf(root).location, info_[p.part].offset);
    if (whole.data != nullptr) part.data = whole.data + p.offset;
  }
  return !parts.empty();
}

// What steps of this Plan make, they make in its place.
bool Planner::GatherParts(const std::vector<PartOfWhole>& parts) {
  std::vector<int> roots;
  for (const PartOfWhole& p : parts) {
    const int root = RootOf(p.part);
    const bool free = info_[root].here && ValueOf(root).location.place == Place::kAbsent;
    if (!free || is_output_[p.part] || is_output_[root]) return false;
    if (ValueOf(root).bytes != ValueOf(p.part).bytes) return false;
    roots.push_back(root);
  }
  std::sort(roots.begin(), roots.end());
  if (std::adjacent_find(roots.begin(), roots.end()) != roots.end()) return false;
  for (const PartOfWhole& p : parts) {
    const int root = RootOf(p.part);
    Info &part = info_[root], &whole = info_[p.whole];
    part.root = p.whole, part.offset = p.offset;
    whole.first = whole.here ? std::min(whole.first, part.first) : part.first;
    whole.last = std::max(whole.last, part.last);
    whole.here = true;
  }
  return !parts.empty();
}

Status Planner::AddStep(int n, Step step) {
  const Node& node = program_->nodes()[n];
  if (PlaceCopy(node, step)) return Status();
  plan_->macs += step.macs;
  if (static_cast<uint64_t>(plan_->macs) > program_->options().limits.macs)
    return ResourceExhausted("the call needs more than {} multiply-adds, the limit",
                             program_->options().limits.macs);
  plan_->scratch_bytes = std::max(plan_->scratch_bytes, step.scratch_bytes);
  const bool alias = step.kind == StepKind::kAlias;
  const bool of_state =
      alias && ValueOf(RootOf(node.inputs[0])).location.place == Place::kState;  // may change later
  if (alias && !of_state && !program_->options().keep_all) {
    const int from = node.inputs[0], to = node.outputs[0];
    const int root = RootOf(from);
    info_[to].root = root, info_[to].offset = from == root ? 0 : info_[from].offset;
    ValueOf(to).location = Behind(ValueOf(root).location, info_[to].offset);
    ValueOf(to).data = ValueOf(from).data;
    return Status();
  }
  const int index = static_cast<int>(plan_->steps.size());
  PlanStep ps;
  ps.step = std::move(step);
  ps.node = n;
  for (int v : node.inputs)
    if (v >= 0) NoteUse(v, index);
  for (int v : node.outputs) info_[v].first = info_[v].last = index, info_[v].here = true;
  if (ps.step.sizes_outputs)
    for (int v : node.outputs) info_[v].here = false;
  ps.output_bytes = node.outputs.empty() ? 0 : ValueOf(node.outputs[0]).bytes;
  AddOperands(ps, node.inputs, node.outputs);
  plan_->steps.push_back(std::move(ps));
  return Status();
}

void Planner::AddOperands(PlanStep& ps, std::span<const int> inputs, std::span<const int> outputs) {
  std::vector<int>& operands = plan_->operand_values;
  ps.first_input = static_cast<uint32_t>(operands.size());
  ps.inputs = static_cast<uint32_t>(inputs.size());
  operands.insert(operands.end(), inputs.begin(), inputs.end());
  ps.first_output = static_cast<uint32_t>(operands.size());
  ps.outputs = static_cast<uint32_t>(outputs.size());
  operands.insert(operands.end(), outputs.begin(), outputs.end());
}

void Planner::NoteUse(int v, int step) {
  info_[RootOf(v)].last = std::max(info_[RootOf(v)].last, step);
}

// What later Plans of this call read must outlive every step of this one.
void Planner::MarkRest(int first) {
  const int last = static_cast<int>(plan_->steps.size());
  const auto& nodes = program_->nodes();
  for (size_t n = first; n < nodes.size(); ++n)
    for (int v : nodes[n].inputs)
      if (v >= 0) NoteUse(v, last);
  for (int v : plan_->rest.values) NoteUse(v, last);
}

std::vector<BandedRun> Planner::FindRuns() {
  std::vector<bool> given(info_.size());  // as an output of the graph, by root
  for (const int v : program_->outputs()) given[RootOf(v)] = true;
  const auto memory_of = [&](int v) -> UnplacedSteps::Memory {
    const int root = RootOf(v);
    const bool whole = info_[root].here && ValueOf(root).bytes == ValueOf(v).bytes;
    return {root, whole, given[root] ? UnplacedSteps::kLater : info_[root].last};
  };
  return FindBandedRuns(
      {*program_, plan_->steps, [this](int v) { return OperandOf(v); }, memory_of});
}

// Puts steps that work row by row together. REQUIRES: every use of a value is noted but the
// graph's.
void Planner::BandRows() {
  if (!program_->options().band_rows || program_->options().keep_all) return;
  const std::vector<BandedRun> runs = FindRuns();
  if (runs.empty()) return;
  const std::vector<PlanStep> before = std::exchange(plan_->steps, {});
  const std::vector<int> operands = std::exchange(plan_->operand_values, {});
  std::vector<int> place;  // of each step that there was, among those that there are
  auto run = runs.begin();
  for (int s = 0; s < static_cast<int>(before.size()); ++s) {
    place.push_back(static_cast<int>(plan_->steps.size()));
    if (run == runs.end() || s < run->first) {
      PlanStep ps = before[s];
      AddOperands(ps, std::span(operands).subspan(ps.first_input, ps.inputs),
                  std::span(operands).subspan(ps.first_output, ps.outputs));
      plan_->steps.push_back(std::move(ps));
    } else if (s == run->last) {
      AddBandedRun(*run, before);
      ++run;
    }
  }
  place.push_back(static_cast<int>(plan_->steps.size()));
  for (Info& info : info_)
    if (info.here) info.first = place[info.first], info.last = place[info.last];
}

void Planner::AddBandedRun(const BandedRun& run, std::span<const PlanStep> before) {
  PlanStep& ps = plan_->steps.emplace_back();
  ps.step = run.step;
  ps.node = before[run.last].node;
  for (int s = run.first; s < run.last; ++s) ps.nodes_before.push_back(before[s].node);
  AddOperands(ps, run.inputs, run.outputs);
  plan_->scratch_bytes = std::max(plan_->scratch_bytes, run.step.scratch_bytes);
  for (const int v : run.inside) info_[v].here = false;
}

// A graph output that a step of this Plan makes is written straight to the caller's memory.
void Planner::PlaceOutputs() {
  const bool whole = plan_->rest.node < 0;
  const auto& outputs = program_->outputs();
  for (size_t k = 0; k < outputs.size(); ++k) {
    const int v = outputs[k];
    const int root = RootOf(v);
    Location& l = ValueOf(root).location;
    if (info_[root].here && l.place == Place::kAbsent && ValueOf(root).bytes == ValueOf(v).bytes) {
      l = {Place::kOutput, static_cast<int64_t>(k), nullptr};
    } else if (whole && !(l.place == Place::kOutput && l.index == static_cast<int64_t>(k))) {
      plan_->copies.push_back({v, static_cast<int>(k)});
      if (info_[root].here) info_[root].last = static_cast<int>(plan_->steps.size());
    } else if (!whole && info_[root].here) {
      info_[root].last = static_cast<int>(plan_->steps.size());
    }
  }
}

void Planner::PlaceMemory() {
  std::vector<BufferLife> lives;
  std::vector<int> owner;  // value, or -1 - step for a step's shared bytes
  const int end = static_cast<int>(plan_->steps.size());
  const bool keep = program_->options().keep_all;
  for (size_t v = 0; v < info_.size(); ++v) {
    const Info& i = info_[v];
    if (!i.here || RootOf(static_cast<int>(v)) != static_cast<int>(v)) continue;
    if (plan_->values[v].location.place != Place::kAbsent) continue;
    lives.push_back({plan_->values[v].bytes, i.first, keep ? end : i.last, 0});
    owner.push_back(static_cast<int>(v));
  }
  for (int s = 0; s < end; ++s) {
    if (plan_->steps[s].step.shared_bytes == 0) continue;
    lives.push_back({plan_->steps[s].step.shared_bytes, s, s, 0});
    owner.push_back(-1 - s);
  }
  size_t arena = MapMemory(lives);
  for (size_t i = 0; i < lives.size(); ++i) {
    const auto offset = static_cast<int64_t>(lives[i].offset);
    if (owner[i] >= 0)
      ValueOf(owner[i]).location = {Place::kArena, offset, nullptr};
    else
      plan_->steps[-1 - owner[i]].shared_offset = offset;
  }
  // An output's memory, for callers that give none, stands behind the arena of the first Plan that
  // knows its size.
  const auto& outputs = program_->outputs();
  for (size_t k = 0; k < outputs.size(); ++k) {
    const PlanValue& p = ValueOf(outputs[k]);
    const bool earlier = plan_->before && plan_->before->output_ready[k];
    plan_->output_ready.push_back(p.known_shape);
    plan_->output_offsets.push_back(earlier || !p.known_shape ? Plan::kNoOffset : arena);
    if (plan_->output_offsets.back() != Plan::kNoOffset) arena += (p.bytes + 63) / 64 * 64;
  }
  plan_->arena_bytes = arena;
}

void Planner::Resolve() {
  for (size_t v = 0; v < info_.size(); ++v) {
    const int root = RootOf(static_cast<int>(v));
    if (root != static_cast<int>(v))
      plan_->values[v].location = Behind(plan_->values[root].location, info_[v].offset);
  }
  for (int v : plan_->operand_values)
    plan_->operands.push_back(v < 0 ? Location{} : plan_->values[v].location);
}

Status Planner::CheckLimits() const {
  const uint64_t limit = program_->options().limits.arena_bytes;
  if (plan_->total_bytes > limit)
    return ResourceExhausted("a call needs {} bytes of activations, the limit of a call is {}",
                             plan_->total_bytes, limit);
  return Status();
}

Result<std::shared_ptr<const Plan>> Planner::Finish() {
  if (plan_->rest.node >= 0) MarkRest(plan_->rest.node);
  BandRows();
  PlaceOutputs();
  PlaceMemory();
  Resolve();
  plan_->total_bytes = plan_->arena_bytes + plan_->scratch_bytes + sub_bytes_ +
                       (plan_->before ? plan_->before->total_bytes : 0);
  HEDDLE_TRY(CheckLimits());
  return std::shared_ptr<const Plan>(plan_);
}

}  // namespace

Result<std::shared_ptr<const Plan>> MakePlan(std::shared_ptr<const Program> program,
                                             std::span<const Shape> inputs, PlanSource* others) {
  Planner planner(std::move(program), nullptr, others);
  HEDDLE_TRY(planner.Begin(inputs));
  HEDDLE_TRY(planner.AddNodes(0));
  return planner.Finish();
}

Result<std::shared_ptr<const Plan>> ContinuePlan(std::shared_ptr<const Plan> before,
                                                 const Found& found, PlanSource* others) {
  const int first = before->rest.node;
  Planner planner(before->program, before, others);
  HEDDLE_TRY(planner.BeginAfter(found));
  HEDDLE_TRY(planner.AddNodes(first));
  return planner.Finish();
}

std::span<const int> InputsOf(const Plan& plan, const PlanStep& step) {
  return std::span(plan.operand_values).subspan(step.first_input, step.inputs);
}

std::span<const int> OutputsOf(const Plan& plan, const PlanStep& step) {
  return std::span(plan.operand_values).subspan(step.first_output, step.outputs);
}

std::string NameOf(const Plan& plan, const PlanStep& step) {
  const auto name = [&](int node) {
    return plan.program->nodes()[static_cast<size_t>(node)].source->Name();
  };
  if (step.nodes_before.empty()) return name(step.node);
  return fmt::format("{} to {} ({})", name(step.nodes_before[0]), name(step.node),
                     step.nodes_before.size() + 1);
}

size_t Plan::bytes() const {
  size_t n = sizeof(Plan) + steps.size() * sizeof(PlanStep) +
             operands.size() * (sizeof(Location) + sizeof(int)) + values.size() * sizeof(PlanValue);
  for (const auto& c : constants) n += c.size();
  return n;
}

}  // namespace heddle::core
