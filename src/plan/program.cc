// SPDX-License-Identifier: Apache-2.0
#include "plan/program.h"

#include "base/caught.h"
#include "base/errors.h"
#include "plan/evaluate.h"
#include "plan/make_operation.h"
#include "plan/sparse.h"
#include "plan/sub_plans.h"

namespace heddle::core {

Status InOperator(const Status& status, int op_index, const Operator& op) {
  if (IsOutOfMemory(status)) return status;  // that is no operator's fault
  return Status(status.code(), fmt::format("op {} {}: {}", op_index, op.Name(), status.message()));
}

std::shared_ptr<WeightStore> MakeWeightStore(const Model& model, const Limits& limits,
                                             std::shared_ptr<MemoryBudget> budget) {
  const auto file_bytes = static_cast<size_t>(model.size_bytes());
  uint64_t limit = 0;
  if (__builtin_add_overflow(limits.arena_bytes, uint64_t{8} * file_bytes, &limit))
    limit = ~uint64_t{0};
  return std::make_shared<WeightStore>(limit, file_bytes, std::move(budget));
}

std::string NameOfSource(const Model& model, const void* source) {
  const auto place = reinterpret_cast<uintptr_t>(source);
  const auto file = reinterpret_cast<uintptr_t>(model.bytes().data());
  if (place - file < model.bytes().size()) return fmt::format("@{}", place - file);
  for (size_t g = 0; g < model.subgraphs().size(); ++g) {
    const std::vector<Operator>& operators = model.subgraphs()[g].operators;
    const uintptr_t offset = place - reinterpret_cast<uintptr_t>(operators.data());
    if (offset < operators.size() * sizeof(Operator))
      return fmt::format("op {}.{}", g, offset / sizeof(Operator));
  }
  return "";
}

Result<std::shared_ptr<const Program>> Program::Compile(std::shared_ptr<const Model> model,
                                                        int subgraph, const ProgramOptions& options,
                                                        std::shared_ptr<WeightStore> weights,
                                                        std::shared_ptr<const StateLayout> layout) {
  std::shared_ptr<Program> program(new Program());
  program->model_ = std::move(model);
  program->weights_ = std::move(weights);
  program->layout_ = layout != nullptr
                         ? std::move(layout)
                         : std::make_shared<const StateLayout>(StateLayout::Of(*program->model_));
  program->subgraph_index_ = subgraph;
  program->options_ = options;
  HEDDLE_TRY(program->ReadValues());
  HEDDLE_TRY(program->AddOperators());
  program->uses_ = {}, program->made_by_.clear(), program->usual_shapes_.clear();
  HEDDLE_TRY(program->weights_->Seal());
  return std::shared_ptr<const Program>(program);
}

Status Program::ReadValues() {
  for (const Tensor& t : subgraph().tensors) {
    Value v;
    v.type = t.type;
    v.name = t.name;
    v.quant = &t.quant;
    v.shape = t.shape;
    v.memory = layout_->VariableOf(subgraph_index_, static_cast<int>(values_.size()));
    if (t.constant && t.sparsity.empty()) {
      v.constant = t.data.data();
      v.bytes = t.data.size();
    } else if (t.constant) {
      HEDDLE_TRY(Expand(t, &v));
    }
    values_.push_back(v);
    usual_shapes_.push_back(v.shape);
  }
  return Status();
}

Status Program::Expand(const Tensor& t, Value* v) {
  v->bytes = TypeBytes(t.type, t.shape.elements());
  if (TypeBits(t.type) % 8 != 0 || TypeBits(t.type) == 0)
    return Unsupported("tensor '{}': sparse {} is not supported", t.name, TypeName(t.type));
  // Operators may read it at once: it is to be right.
  HEDDLE_ASSIGN(v->constant,
                weights_->TryPack(t.data.data(), "dense", v->bytes, [&](std::byte* dense) {
                  ExpandSparse(t, dense);
                  return Status();
                }));
  return Status();
}

Operand Program::OperandOf(int value) const {
  Operand operand;
  if (value < 0) return operand;
  const Value& v = values_[value];
  operand.type = v.type;
  operand.name = v.name;
  operand.quant = v.quant;
  operand.shape = v.shape;
  operand.data = v.constant;
  operand.bytes = v.bytes;
  operand.constant = v.constant != nullptr;
  return operand;
}

Status Program::AddOperators() {
  const std::vector<Operator>& operators = subgraph().operators;
  uses_ = FindUses(subgraph());
  made_by_.assign(values_.size(), -1);
  if (options_.fuse_activations && !options_.keep_all) fused_ = FuseActivations(subgraph(), uses_);
  for (size_t i = 0; i < operators.size(); ++i) {
    if (!fused_.gone.empty() && fused_.gone[i]) continue;
    const bool whole = !fused_.instead.empty() && fused_.instead[i] != nullptr;
    HEDDLE_TRY(AddOperator(static_cast<int>(i), whole ? *fused_.instead[i] : operators[i]));
  }
  std::erase_if(nodes_, [](const Node& node) { return node.operation == nullptr; });
  return Status();
}

// The PAD whose output nobody reads but `op`, first of its operands; nullptr: there is none. State
// may change between the two.
Node* Program::PadBefore(const Operator& op) {
  const int v = op.inputs.empty() ? -1 : op.inputs[0];
  if (v < 0 || made_by_[v] < 0 || uses_.readers[v] != 1) return nullptr;
  Node& pad = nodes_[made_by_[v]];
  const bool pads = pad.source->code == OpCode::kPAD && pad.inputs[0] >= 0;
  return pads && values_[pad.inputs[0]].memory < 0 ? &pad : nullptr;
}

Status Program::AddOperator(int op_index, const Operator& op) {
  Node* pad = options_.fold_paddings && !options_.keep_all ? PadBefore(op) : nullptr;
  std::unique_ptr<const Operator> both;
  if (pad != nullptr)
    both = FoldPadding({*pad->source, OperandOf(pad->inputs[0]), OperandOf(pad->inputs[1]),
                        OperandOf(op.inputs[0])},
                       op);
  if (both != nullptr) {
    Result<NodeOperation> made = Make(*both);
    if (made.ok()) {
      pad->operation = nullptr;
      padded_.push_back(std::move(both));
      return AddNode(op_index, *padded_.back(), std::move(made).value());
    }
  }
  Result<NodeOperation> made = Make(op);
  if (!made.ok()) return InOperator(made.status(), op_index, op);
  return AddNode(op_index, op, std::move(made).value());
}

Result<NodeOperation> Program::Make(const Operator& op) const {
  std::vector<Operand> inputs, outputs;
  std::vector<Shape> usual;
  for (int v : op.inputs) {
    inputs.push_back(OperandOf(v));
    usual.push_back(v < 0 ? Shape() : usual_shapes_[v]);
  }
  for (int v : op.outputs) outputs.push_back(OperandOf(v));
  return MakeOperation(
      {op, inputs, outputs, options_.numerics, options_.isa, *weights_, model_->subgraphs(), usual},
      options_.registered.get());
}

Status Program::AddNode(int op_index, const Operator& op, NodeOperation made) {
  Node node{op_index,          &op,        std::move(made.operation),
            op.inputs,         op.outputs, layout_->OperatorOf(subgraph_index_, op_index),
            made.deterministic};
  bool folded = false;
  Status status = CheckVariables(node);
  if (status.ok()) status = CheckSubPlans(*model_, subgraph(), node);
  if (status.ok()) status = Fold(node, &folded);
  if (!status.ok()) return InOperator(status, op_index, op);
  InferShapes(node);
  if (folded) return Status();
  for (const int v : node.outputs)
    if (v >= 0) made_by_[v] = static_cast<int>(nodes_.size());
  nodes_.push_back(std::move(node));
  return Status();
}

void Program::InferShapes(const Node& node) {
  if (node.operation->sub_plans() != nullptr) return;
  std::vector<Operand> inputs;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const int v = node.inputs[i];
    inputs.push_back(OperandOf(v));
    if (v < 0 || inputs.back().constant) continue;
    if (i < 32 && (node.operation->ValueInputs() >> i & 1)) return;
    inputs.back().shape = usual_shapes_[v];
  }
  std::vector<Shape> shapes(node.outputs.size());
  if (!node.operation->Shapes(inputs, shapes).ok()) return;  // what a call gets, a Plan will say
  for (size_t i = 0; i < shapes.size(); ++i)
    if (node.outputs[i] >= 0) usual_shapes_[node.outputs[i]] = shapes[i];
}

// What is updated in place must be state, and state must have a size.
Status Program::CheckVariables(const Node& node) const {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const int v = node.inputs[i];
    if (v < 0 || values_[v].memory >= 0) continue;
    if (i < 64 && (node.operation->WrittenInputs() >> i & 1))
      return InvalidModel("input {} '{}' is updated in place, expected a variable", i,
                          values_[v].name);
    if (subgraph().tensors[v].variable && values_[v].constant == nullptr)
      return InvalidModel("variable '{}' is {} {}, expected a fixed size", values_[v].name,
                          TypeName(values_[v].type), values_[v].shape.ToString());
  }
  return Status();
}

// A node whose inputs are all constants runs once, now, and its outputs become constants.
Status Program::Fold(Node& node, bool* folded) {
  if (node.inputs.empty() || node.memory >= 0 || !node.deterministic ||
      node.operation->sub_plans() != nullptr)
    return Status();
  for (int v : node.inputs)
    if (v >= 0 && values_[v].constant == nullptr) return Status();
  for (int v : node.outputs)
    if (TypeBits(values_[v].type) == 0) return Status();
  std::vector<Operand> inputs, outputs;
  for (int v : node.inputs) inputs.push_back(OperandOf(v));
  std::vector<Shape> shapes(node.outputs.size());
  HEDDLE_TRY(node.operation->Shapes(inputs, shapes));
  for (size_t i = 0; i < shapes.size(); ++i) {
    int64_t elements = 0;
    const Type type = values_[node.outputs[i]].type;
    if (!shapes[i].CheckedElements(&elements) ||
        TypeBytes(type, elements) > options_.limits.arena_bytes)
      return ResourceExhausted("constant output of shape {} is past the limit",
                               shapes[i].ToString());
    outputs.push_back(OperandOf(node.outputs[i]));
    outputs.back().shape = shapes[i];
    outputs.back().bytes = TypeBytes(type, elements);
  }
  Step step;
  HEDDLE_TRY(node.operation->Lower(inputs, outputs, step));
  if (step.kind == StepKind::kSerial || step.kind == StepKind::kSubPlan) return Status();
  std::vector<size_t> offsets;  // of the outputs, behind each other
  size_t bytes = 0;
  for (const Operand& o : outputs) {
    offsets.push_back(bytes);
    bytes += (o.bytes + 63) / 64 * 64;
  }
  const auto evaluate = [&](std::byte* to) {
    std::vector<void*> out;
    for (size_t offset : offsets) out.push_back(to + offset);
    return EvaluateStep(step, inputs, out, outputs.empty() ? 0 : outputs[0].bytes,
                        options_.numerics);
  };
  const std::string layout = fmt::format("fold/{}", static_cast<int>(options_.numerics));
  HEDDLE_ASSIGN(const std::byte* made,
                weights_->TryPack(&subgraph().operators[node.op], layout, bytes, evaluate));
  for (size_t i = 0; i < outputs.size(); ++i) {
    Value& v = values_[node.outputs[i]];
    v.constant = made + offsets[i];
    v.bytes = outputs[i].bytes;
    v.shape = shapes[i];
  }
  *folded = true;
  return Status();
}

}  // namespace heddle::core
