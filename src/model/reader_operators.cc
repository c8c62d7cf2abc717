// SPDX-License-Identifier: Apache-2.0
// Operators: what they are, what they read and write, and in which order.
#include <algorithm>

#include "model/reader.h"
#include "model/source.h"

namespace heddle::core {
namespace {

constexpr int kMostOpCode = 0
#define HEDDLE_OP(name, number, max_version) +1
#include "model/op_list.inc"
#undef HEDDLE_OP
                            - 1;

Status ReadKind(Source& source, const fb::OperatorCode& from, OperatorKind& to) {
  // Numbers above 127 do not fit the old field, which then holds a placeholder.
  const int number = std::max<int>(from.deprecated_builtin_code(), from.builtin_code());
  if (number < 0) return InvalidModel("number {}, expected 0 to {}", number, kMostOpCode);
  if (number > kMostOpCode)
    return Unsupported("number {}, expected 0 to {}: not an operator of this version of the format",
                       number, kMostOpCode);
  to.code = static_cast<OpCode>(number);
  to.version = from.version();
  if (to.version < 1) return InvalidModel("version {}, expected 1 or more", to.version);
  if (to.code != OpCode::kCUSTOM) return Status();
  HEDDLE_TRY(source.Copy(from.custom_code(), to.custom_name));
  if (to.custom_name.empty()) return InvalidModel("custom operator without a name");
  return Status();
}

// `least` is -1 where an operand may be absent.
Status ReadOperands(Source& source, const FbVector<int32_t>* from, const char* what, int32_t least,
                    size_t tensors, std::vector<int32_t>& to) {
  HEDDLE_TRY(source.Copy(from, to));
  for (size_t i = 0; i < to.size(); ++i) {
    if (to[i] < least || (to[i] >= 0 && static_cast<size_t>(to[i]) >= tensors))
      return InvalidModel("{} {}: tensor index {}, expected {} to {}", what, i, to[i], least,
                          int64_t(tensors) - 1);
  }
  return Status();
}

Status ReadOperator(Source& source, const fb::Operator& from, size_t tensors, Operator& to) {
  HEDDLE_TRY(ReadOperands(source, from.inputs(), "input", -1, tensors, to.inputs));
  HEDDLE_TRY(ReadOperands(source, from.outputs(), "output", 0, tensors, to.outputs));
  HEDDLE_TRY(
      ReadOperands(source, from.intermediates(), "intermediate", -1, tensors, to.intermediates));
  HEDDLE_TRY(Within(ReadOptions(source, from, to.code, to.options), "options"));
  if (to.code != OpCode::kCUSTOM) return Status();
  if (from.custom_options() != nullptr) {
    to.custom_options =
        std::as_bytes(std::span(from.custom_options()->data(), from.custom_options()->size()));
    return Status();
  }
  auto outside =
      source.Outside(from.large_custom_options_offset(), from.large_custom_options_size());
  if (!outside.ok()) return Within(outside.status(), "custom options");
  to.custom_options = *outside;
  return Status();
}

Status CheckMade(Subgraph& subgraph, int32_t index, std::vector<bool>& made) {
  if (made[index]) return Status();
  Tensor& tensor = subgraph.tensors[index];
  if (TypeBits(tensor.type) == 0 || tensor.shape.elements() != 0)
    return InvalidModel("tensor {} '{}': read before anything makes it", index, Short(tensor.name));
  alignas(16) static constexpr std::byte kNothing[16] = {};
  tensor.constant = true;
  tensor.data = std::span(kNothing).first(0);
  made[index] = true;
  return Status();
}

Status SetMade(const Subgraph& subgraph, int32_t index, std::vector<bool>& made) {
  const Tensor& tensor = subgraph.tensors[index];
  if (made[index])
    return InvalidModel("tensor {} '{}': {}, expected one that nothing else makes", index,
                        Short(tensor.name),
                        tensor.constant   ? "constant"
                        : tensor.variable ? "a variable"
                                          : "a graph input or made by an earlier operator");
  made[index] = true;
  return Status();
}

Status CheckOperands(Subgraph& subgraph, const Operator& op, std::vector<bool>& made) {
  for (size_t k = 0; k < op.inputs.size(); ++k)
    if (op.inputs[k] >= 0)
      HEDDLE_TRY(Within(CheckMade(subgraph, op.inputs[k], made), "input {}", k));
  for (size_t k = 0; k < op.outputs.size(); ++k)
    HEDDLE_TRY(Within(SetMade(subgraph, op.outputs[k], made), "output {}", k));
  return Status();
}

}  // namespace

Status ReadOperatorKinds(Source& source, std::vector<OperatorKind>& kinds) {
  const auto* from = source.model().operator_codes();
  const size_t count = FbSize(from);
  HEDDLE_TRY(source.Take(count, sizeof(OperatorKind)));
  kinds.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const fb::OperatorCode& code = *from->Get(static_cast<uint32_t>(i));
    HEDDLE_TRY(Within(ReadKind(source, code, kinds[i]), "operator code {}", i));
  }
  return Status();
}

Status ReadOperators(Source& source, const FbTables<fb::Operator>* from,
                     const std::vector<OperatorKind>& kinds, Subgraph& subgraph) {
  const size_t count = FbSize(from);
  HEDDLE_TRY(source.Take(count, sizeof(Operator)));
  subgraph.operators.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const fb::Operator& op = *from->Get(static_cast<uint32_t>(i));
    Operator& to = subgraph.operators[i];
    if (op.opcode_index() >= kinds.size())
      return InvalidModel("op {}: operator code index {}, expected 0 to {}", i, op.opcode_index(),
                          int64_t(kinds.size()) - 1);
    const OperatorKind& kind = kinds[op.opcode_index()];
    HEDDLE_TRY(source.Take(kind.custom_name.size(), 1));
    to.code = kind.code;
    to.version = kind.version;
    to.custom_name = kind.custom_name;
    HEDDLE_TRY(Within(ReadOperator(source, op, subgraph.tensors.size(), to), "op {} {}", i,
                      Short(to.Name())));
  }
  return Status();
}

Status CheckOrder(Subgraph& subgraph) {
  std::vector<bool> made(subgraph.tensors.size());
  for (size_t i = 0; i < made.size(); ++i)
    made[i] = subgraph.tensors[i].constant || subgraph.tensors[i].variable;
  for (size_t k = 0; k < subgraph.inputs.size(); ++k)
    HEDDLE_TRY(Within(SetMade(subgraph, subgraph.inputs[k], made), "graph input {}", k));

  for (size_t i = 0; i < subgraph.operators.size(); ++i) {
    const Operator& op = subgraph.operators[i];
    HEDDLE_TRY(Within(CheckOperands(subgraph, op, made), "op {} {}", i, Short(op.Name())));
  }
  for (size_t k = 0; k < subgraph.outputs.size(); ++k)
    HEDDLE_TRY(Within(CheckMade(subgraph, subgraph.outputs[k], made), "graph output {}", k));
  return Status();
}

}  // namespace heddle::core
