// SPDX-License-Identifier: Apache-2.0
#include "kernels/recurrent/operands.h"

namespace heddle::core {

Status ExpectPresent(std::span<const Operand> inputs, int i, std::string_view role) {
  if (Present(inputs, i)) return Status();
  return InvalidModel("input {} ({}) is absent", i, role);
}

Status ExpectShape(std::span<const Operand> inputs, int i, const Shape& shape) {
  if (!Present(inputs, i) || inputs[i].shape == shape) return Status();
  return InvalidModel("input {} '{}' has shape {}, expected {}", i, inputs[i].name,
                      inputs[i].shape.ToString(), shape.ToString());
}

Status ExpectType(std::span<const Operand> inputs, int i, Type type) {
  if (!Present(inputs, i) || inputs[i].type == type) return Status();
  return InvalidModel("input {} '{}' is {}, expected {}", i, inputs[i].name,
                      TypeName(inputs[i].type), TypeName(type));
}

Status CheckSizes(std::span<const Operand> inputs, int i) {
  int64_t elements = 0;
  if (!Present(inputs, i) || inputs[i].shape.CheckedElements(&elements)) return Status();
  return InvalidModel("input {} '{}' has shape {}, expected sizes of at least 0", i, inputs[i].name,
                      inputs[i].shape.ToString());
}

Result<Sequence> SequenceOf(std::span<const Operand> inputs, int rank, bool time_major) {
  const Shape& x = inputs[0].shape;
  if (x.rank() != rank) {
    return InvalidModel("input '{}' has shape {}, expected rank {}", inputs[0].name, x.ToString(),
                        rank);
  }
  for (int i = 0; i < static_cast<int>(inputs.size()); ++i) HEDDLE_TRY(CheckSizes(inputs, i));
  if (rank == 2) return Sequence{x[0]};
  return Sequence{x[time_major ? 1 : 0], x[time_major ? 0 : 1], time_major};
}

Status ExpectBesideInput(std::span<const Operand> inputs, int i) {
  if (i <= 0) return Status();
  Shape expected = inputs[0].shape;
  const int last = expected.rank() - 1;
  if (inputs[i].shape.rank() == expected.rank()) expected[last] = inputs[i].shape[last];
  return ExpectShape(inputs, i, expected);
}

Status CheckActivation(Activation activation) {
  if (activation != Activation::kSignBit) return Status();
  return Unsupported("fused activation sign_bit, expected none, relu, relu_n1_to_1, relu6 or tanh");
}

std::span<const Tensor> TensorsAround(const MakeArgs& args) {
  for (const Subgraph& graph : args.subgraphs) {
    for (const Operator& op : graph.operators)
      if (&op == &args.op) return graph.tensors;
  }
  return {};
}

Result<WeightsKind> KindOfWeights(const Operand& input, const Operand& weights) {
  const bool bytes = weights.type == Type::kInt8 || weights.type == Type::kUInt8;
  if (input.type == Type::kFloat32 && weights.type == Type::kFloat32) return WeightsKind::kFloat;
  if (input.type == Type::kInt8 && weights.type == Type::kInt8) return WeightsKind::kInteger;
  if (input.type != Type::kFloat32 || !bytes) {
    return Unsupported("input '{}' is {} and weights '{}' are {}: no kernel for these together",
                       input.name, TypeName(input.type), weights.name, TypeName(weights.type));
  }
  if (weights.quant->quantised() && !weights.quant->per_channel()) return WeightsKind::kHybrid;
  return InvalidModel("weights '{}' have {} scales, expected 1", weights.name,
                      weights.quant->scale.size());
}

}  // namespace heddle::core
