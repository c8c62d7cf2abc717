// SPDX-License-Identifier: Apache-2.0
#include "plan/sub_plans.h"

#include <algorithm>

#include "base/caught.h"
#include "base/errors.h"

namespace heddle::core {
namespace {

// `theirs` of subgraph `s` against `ours` of the node: "operand", "result".
Status CheckTypes(const Subgraph& graph, std::span<const int> ours, const Subgraph& called, int s,
                  std::span<const int> theirs, const char* what) {
  if (ours.size() != theirs.size())
    return InvalidModel("subgraph {} has {} {}s, expected {}", s, theirs.size(), what, ours.size());
  for (size_t k = 0; k < ours.size(); ++k) {
    if (ours[k] < 0) return InvalidModel("{} {} is missing", what, k);
    const Type found = called.tensors[theirs[k]].type, expected = graph.tensors[ours[k]].type;
    if (found != expected)
      return InvalidModel("{} {} of subgraph {} is {}, expected {}", what, k, s, TypeName(found),
                          TypeName(expected));
  }
  return Status();
}

// What a loop asks before each turn.
Status CheckCondition(const Subgraph& called, int s) {
  if (called.outputs.size() != 1)
    return InvalidModel("condition, subgraph {}, has {} results, expected 1", s,
                        called.outputs.size());
  const Type type = called.tensors[called.outputs[0]].type;
  if (type != Type::kBool)
    return InvalidModel("condition, subgraph {}, makes {}, expected bool", s, TypeName(type));
  return Status();
}

}  // namespace

Status CheckSubPlans(const Model& model, const Subgraph& graph, const Node& node) {
  const SubPlans* subs = node.operation->sub_plans();
  if (subs == nullptr) return Status();
  if (subs->loop && node.inputs.size() != node.outputs.size())
    return InvalidModel("{} operands and {} outputs, expected as many", node.inputs.size(),
                        node.outputs.size());
  const auto operands = std::span(node.inputs).subspan(subs->first_input);
  for (size_t i = 0; i < subs->subgraphs.size(); ++i) {
    const int s = subs->subgraphs[i];
    const Subgraph& called = model.subgraphs()[s];
    HEDDLE_TRY(CheckTypes(graph, operands, called, s, called.inputs, "operand"));
    if (static_cast<int>(i) < subs->first_result)
      HEDDLE_TRY(CheckCondition(called, s));
    else
      HEDDLE_TRY(CheckTypes(graph, node.outputs, called, s, called.outputs, "result"));
  }
  for (size_t k = 0; subs->loop && k < operands.size(); ++k) {
    const Type found = graph.tensors[node.outputs[k]].type;
    const Type expected = graph.tensors[operands[k]].type;
    if (found != expected)
      return InvalidModel("output {} is {}, expected {} as operand {}", k, TypeName(found),
                          TypeName(expected), k);
  }
  return Status();
}

Result<SubShapes> InferShapes(const SubPlans& subs, std::span<const Operand> inputs,
                              std::span<const Operand> outputs, PlanSource* others) {
  SubShapes result;
  if (others == nullptr) return result;
  std::vector<Shape> shapes;
  for (const Operand& o : inputs.subspan(subs.first_input)) shapes.push_back(o.shape);
  // Strings have no size that a shape tells.
  result.known = std::none_of(outputs.begin(), outputs.end(),
                              [](const Operand& o) { return TypeBits(o.type) == 0; });
  if (subs.loop) result.outputs = shapes;
  for (size_t i = 0; i < subs.subgraphs.size(); ++i) {
    const auto plan = others->PlanOf(subs.subgraphs[i], shapes);
    // A branch that these shapes do not suit is an error only once it is taken.
    if (IsOutOfMemory(plan.status())) return plan.status();
    if (!plan.ok()) return SubShapes();
    result.macs = std::max(result.macs, (*plan)->macs);
    result.bytes = std::max(result.bytes, (*plan)->total_bytes);
    if (static_cast<int>(i) < subs.first_result) continue;
    if ((*plan)->rest.node >= 0) result.known = false;
    std::vector<Shape> made;
    for (int v : (*plan)->program->outputs()) made.push_back((*plan)->values[v].shape);
    if (!subs.loop && static_cast<int>(i) == subs.first_result) result.outputs = made;
    if (made != result.outputs) result.known = false;
  }
  return result;
}

}  // namespace heddle::core
