// SPDX-License-Identifier: Apache-2.0
#include "plan/work.h"

#include <algorithm>

namespace heddle::core {
namespace {

bool IsBytes(Type type) {
  return type == Type::kInt8 || type == Type::kUInt8 || type == Type::kInt4 || type == Type::kInt2;
}

bool IsFloat(Type type) {
  return type == Type::kFloat32 || type == Type::kFloat16 || type == Type::kBFloat16;
}

// Float inputs become bytes where the weights are (hybrid); a cell state of int16 beside bytes is
// no factor.
Arithmetic ArithmeticOf(const Program& program, std::span<const int> inputs) {
  bool bytes = false, floats = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] < 0) continue;
    const Type type = program.values()[static_cast<size_t>(inputs[i])].type;
    if (i == 0 && type == Type::kInt16) return Arithmetic::kInt16;
    bytes |= IsBytes(type);
    floats |= IsFloat(type);
  }
  return bytes ? Arithmetic::kInt8 : floats ? Arithmetic::kFloat : Arithmetic::kNone;
}

// The input of which only what is taken out is read; -1: none.
int TakenFrom(OpCode code) {
  switch (code) {
    case OpCode::kGATHER:
    case OpCode::kGATHER_ND:
    case OpCode::kSLICE:
    case OpCode::kSTRIDED_SLICE:
      return 0;
    case OpCode::kEMBEDDING_LOOKUP:
      return 1;
    default:
      return -1;
  }
}

}  // namespace

Work WorkOf(const Plan& plan, const PlanStep& ps) {
  const std::span<const int> inputs = InputsOf(plan, ps);
  Work work;
  work.macs = ps.step.macs;
  if (work.macs > 0) work.arithmetic = ArithmeticOf(*plan.program, inputs);
  const auto bytes_of = [&](int v) {
    return v < 0 ? 0 : plan.values[static_cast<size_t>(v)].bytes;
  };
  for (const int v : OutputsOf(plan, ps)) work.bytes += bytes_of(v);
  const size_t made = work.bytes;
  const Node& node = plan.program->nodes()[static_cast<size_t>(ps.node)];
  const int taken_from = ps.nodes_before.empty() ? TakenFrom(node.source->code) : -1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const size_t bytes = bytes_of(inputs[i]);
    work.bytes += static_cast<int>(i) == taken_from ? std::min(bytes, made) : bytes;
  }
  return work;
}

LeastTime LeastTimeOf(const Work& work, const Peaks& peaks, Isa isa) {
  LeastTime least;
  if (const ReadPeak* level = peaks.LevelOf(work.bytes); level != nullptr && work.bytes > 0)
    least = {static_cast<double>(work.bytes) / level->bytes_per_ns, level->level};
  const ProductPeak* product = work.macs > 0 ? peaks.Best(work.arithmetic, isa) : nullptr;
  if (product == nullptr) return least;
  const double ns = static_cast<double>(work.macs) / product->macs_per_ns;
  if (ns > least.ns) least = {ns, product->instruction};
  return least;
}

}  // namespace heddle::core
