// SPDX-License-Identifier: Apache-2.0
#include "plan/batch.h"

#include <fmt/format.h>

#include <cstring>

#include "plan/batch_rules.h"
#include "plan/plan.h"

namespace heddle::core {
namespace {

using Kind = BatchValue::Kind;

constexpr const char* kDecidesOnce = "decides once for the whole batch";

// Packed types lie several to a byte.
std::string CheckWholeBytes(const char* what, std::string_view name, Type type, int64_t elements) {
  if (static_cast<size_t>(elements) * TypeBits(type) % 8 == 0) return "";
  return fmt::format("{} '{}' of {} would share a byte between calls", what, name, TypeName(type));
}

// The axis along which `all` is `calls` times `one`; -1: there is none.
int GrownAxis(const Shape& one, const Shape& all, int64_t calls) {
  if (one.rank() != all.rank()) return -1;
  int axis = -1;
  for (int a = 0; a < one.rank(); ++a) {
    if (one[a] == all[a]) continue;
    if (axis >= 0 || all[a] != calls * one[a]) return -1;
    axis = a;
  }
  return axis;
}

class Prover {
 public:
  Prover(const Plan& one, const Plan& all, int calls)
      : one_(one), all_(all), program_(*one.program), calls_(calls) {}

  BatchProof Prove() {
    BatchProof proof;
    values_.resize(program_.values().size());
    for (size_t v = 0; v < values_.size(); ++v) SetKnown(static_cast<int>(v));
    for (const int v : program_.inputs()) SetRows(v, all_.values[v].shape.elements() / calls_);
    for (const Node& node : program_.nodes()) {
      const std::string why = AddNode(node);
      if (why.empty()) continue;
      proof.reason = fmt::format("op {} {}: {}", node.op, node.source->Name(), why);
      return proof;
    }
    for (const int v : program_.outputs())
      if (proof.reason.empty()) proof.reason = CheckOutput(v);
    proof.passes = proof.reason.empty();
    return proof;
  }

 private:
  BatchValue ValueOf(int v) const {
    BatchValue value;
    if (v < 0) return value;
    value = values_[v];
    value.one = one_.values[v].shape;
    value.all = all_.values[v].shape;
    value.data = all_.values[v].data;
    value.type = program_.values()[v].type;
    value.name = program_.values()[v].name;
    return value;
  }
  void SetRows(int v, int64_t run) {
    values_[v].kind = Kind::kRows;
    values_[v].run = run;
  }

  // What both Plans know needs no rule: its bytes say what it is. Constants are in both.
  bool SetKnown(int v) {
    const PlanValue &one = one_.values[v], &all = all_.values[v];
    if (one.data == nullptr || all.data == nullptr) return false;
    values_[v].kind = Kind::kVaries;
    if (one.shape == all.shape) {
      const bool same = one.data == all.data || std::memcmp(one.data, all.data, one.bytes) == 0;
      if (same) values_[v].kind = Kind::kSame;
      return true;
    }
    const int axis = GrownAxis(one.shape, all.shape, calls_);
    if (TypeBits(program_.values()[v].type) % 8 != 0) return true;
    if (axis < 0 || one.bytes * static_cast<size_t>(calls_) != all.bytes) return true;
    const int64_t outer = one.shape.Product(0, axis);
    const int64_t run = one.shape.Product(axis, one.shape.rank());
    if (outer * run == 0) return true;
    const size_t bytes = one.bytes / static_cast<size_t>(outer);
    for (int64_t i = 0; i < outer * calls_; ++i)
      if (std::memcmp(all.data + static_cast<size_t>(i) * bytes,
                      one.data + static_cast<size_t>(i / calls_) * bytes, bytes) != 0)
        return true;
    SetRows(v, run);
    return true;
  }

  std::string AddNode(const Node& node) {
    BatchStep step{*node.source, calls_, {}, {}};
    bool known = !node.outputs.empty(), same = node.memory < 0 && node.deterministic;
    for (const int v : node.outputs) known = SetKnown(v) && known;
    if (known) return "";
    for (const int v : node.inputs) {
      step.inputs.push_back(ValueOf(v));
      same &= v < 0 || values_[v].kind == Kind::kSame;
    }
    for (const int v : node.outputs) {
      if (all_.values[v].shape.elements() == 0) return "makes an empty output";
      if (same) values_[v].kind = Kind::kSame;
      step.outputs.push_back(ValueOf(v));
    }
    if (same) return "";
    if (node.memory >= 0) return "draws random numbers for the whole batch";
    if (node.operation->sub_plans() != nullptr) return kDecidesOnce;
    const BatchRule rule = FindBatchRule(node.source->code);
    if (rule == nullptr) return "is not known to keep the calls of a batch apart";
    std::string why = rule(step);
    for (size_t k = 0; k < step.outputs.size() && why.empty(); ++k) {
      values_[node.outputs[k]] = step.outputs[k];
      why = CheckRows(step.outputs[k]);
    }
    return why;
  }

  // The output of all calls has the size that those of each make together.
  std::string CheckRows(const BatchValue& value) const {
    const BatchAxis at = BatchAxisOf(value, calls_);
    if (at.axis < 0 || GrownAxis(value.one, value.all, calls_) != at.axis)
      return fmt::format("output '{}' has shape {} for one call and {} for a batch of {}",
                         value.name, value.one.ToString(), value.all.ToString(), calls_);
    return "";
  }

  std::string CheckOutput(int v) const {
    const BatchValue value = ValueOf(v);
    if (value.kind != Kind::kRows)
      return fmt::format("output '{}' does not depend on the inputs", value.name);
    if (BatchAxisOf(value, calls_).axis != 0 || value.run * calls_ != value.all.elements())
      return fmt::format("output '{}' of shape {} does not hold the calls one after the other",
                         value.name, value.all.ToString());
    return CheckWholeBytes("output", value.name, value.type, value.run);
  }

  const Plan &one_, &all_;
  const Program& program_;
  const int calls_;
  std::vector<BatchValue> values_;
};

BatchProof Refuse(std::string reason) { return {false, std::move(reason)}; }

// Stacks the inputs; says why they cannot be.
std::string Stack(const Program& program, std::span<const Shape> one, int calls,
                  std::vector<Shape>& all) {
  for (size_t k = 0; k < one.size(); ++k) {
    const Value& value = program.values()[program.inputs()[k]];
    if (one[k].rank() == 0)
      return fmt::format("input '{}' is a scalar: it has no axis to stack along", value.name);
    if (TypeBits(value.type) == 0)
      return fmt::format("input '{}' is {}", value.name, TypeName(value.type));
    if (one[k].elements() == 0) return fmt::format("input '{}' is empty", value.name);
    std::string why = CheckWholeBytes("input", value.name, value.type, one[k].elements());
    if (!why.empty()) return why;
    Shape& shape = all.emplace_back(one[k]);
    if (__builtin_mul_overflow(one[k][0], calls, &shape[0]))
      return fmt::format("input '{}' of shape {} is too large", value.name, one[k].ToString());
  }
  return all.empty() ? "the graph has no inputs" : "";
}

// A Plan that tells every shape.
Result<std::shared_ptr<const Plan>> WholePlan(const std::shared_ptr<const Program>& program,
                                              std::span<const Shape> inputs) {
  HEDDLE_ASSIGN(auto plan, MakePlan(program, inputs));
  const auto& nodes = program->nodes();
  const auto rest = static_cast<size_t>(plan->rest.node);
  if (plan->rest.node < 0) return plan;
  // The step that sizes its outputs, or the one that waits for a value.
  const Node& node = nodes[plan->rest.shapes.empty() ? rest : rest - 1];
  std::string why = "only a run tells the shapes that it makes";
  if (node.operation->sub_plans() != nullptr) {
    why = kDecidesOnce;
  } else if (!plan->rest.values.empty()) {
    why += fmt::format(", from the value of '{}'", program->values()[plan->rest.values[0]].name);
  }
  return InOperator(Status(Code::kUnsupported, why), node.op, *node.source);
}

}  // namespace

BatchProof ProveBatch(const std::shared_ptr<const Program>& program, std::span<const Shape> one,
                      int calls) {
  const std::string& state = program->state_layout().named[program->subgraph_index()];
  if (!state.empty()) return Refuse("remembers from call to call: " + state);
  std::vector<Shape> stacked;
  if (std::string why = Stack(*program, one, calls, stacked); !why.empty()) return Refuse(why);
  const auto single = WholePlan(program, one);
  if (!single.ok()) return Refuse(std::string(single.status().message()));
  const auto all = WholePlan(program, stacked);
  if (!all.ok()) return Refuse(fmt::format("in a batch, {}", all.status().message()));
  return Prover(**single, **all, calls).Prove();
}

}  // namespace heddle::core
