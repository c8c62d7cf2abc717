// SPDX-License-Identifier: Apache-2.0
// How recurrent operators read their operands: matrices, shapes that must agree, tensors that only
// the operator names.
#ifndef HEDDLE_KERNELS_RECURRENT_OPERANDS_H_
#define HEDDLE_KERNELS_RECURRENT_OPERANDS_H_

#include <cstdint>
#include <span>

#include "base/errors.h"
#include "kernels/movement/operands.h"
#include "kernels/operation.h"
#include "kernels/quant.h"

namespace heddle::core {

// Rows of a sequence [batch][time] or [time][batch].
struct Sequence {
  int64_t batch = 0, time = 1;
  bool time_major = false;

  int64_t At(int64_t b, int64_t t) const { return time_major ? t * batch + b : b * time + t; }
};

struct Matrix {
  int operand = -1;  // -1: absent
  int32_t rows = 0;
  float scale = 0;  // of integers
};

inline bool Present(std::span<const Operand> inputs, int i) {
  return i >= 0 && i < static_cast<int>(inputs.size()) && inputs[i].present();
}
// `i` where that input is present, else -1.
inline int IfPresent(std::span<const Operand> inputs, int i) { return Present(inputs, i) ? i : -1; }

Status ExpectPresent(std::span<const Operand> inputs, int i, std::string_view role);
// Input i, if it is present, has this shape.
Status ExpectShape(std::span<const Operand> inputs, int i, const Shape& shape);
// Input i, if it is present, has this type.
Status ExpectType(std::span<const Operand> inputs, int i, Type type);
// A sensible number of elements.
Status CheckSizes(std::span<const Operand> inputs, int i);
// The sequence that input 0 holds, a single step at rank 2. Every input has sensible sizes.
Result<Sequence> SequenceOf(std::span<const Operand> inputs, int rank, bool time_major);
// Input i, where it is another than input 0, is a sequence of rows like that one's.
Status ExpectBesideInput(std::span<const Operand> inputs, int i);
// None, relu, relu_n1_to_1, relu6 or tanh.
Status CheckActivation(Activation activation);

// The tensors of the subgraph that the operator is in; empty where it is run outside of one.
std::span<const Tensor> TensorsAround(const MakeArgs& args);

// Float, hybrid (int8 or uint8 weights, whose bytes are read as int8) or integer weights.
enum class WeightsKind : uint8_t { kFloat, kHybrid, kInteger };
Result<WeightsKind> KindOfWeights(const Operand& input, const Operand& weights);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_RECURRENT_OPERANDS_H_
