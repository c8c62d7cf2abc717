// SPDX-License-Identifier: Apache-2.0
// What float and hybrid recurrent operators are made of: a row of activations, which hybrid ones
// quantise as it comes, times matrices of weights.
#ifndef HEDDLE_KERNELS_RECURRENT_ROWS_H_
#define HEDDLE_KERNELS_RECURRENT_ROWS_H_

#include <algorithm>
#include <cstdint>

#include "kernels/conv/row_quantiser.h"
#include "kernels/elementwise/float_runs.h"
#include "kernels/recurrent/operands.h"
#include "kernels/recurrent/row_products.h"

namespace heddle::core {

struct Row {
  const float* values = nullptr;
  const int8_t* quantised = nullptr;  // hybrid
  QuantisedRow parameters;
  int32_t length = 0;
};

// How the rows of a step are read.
struct RowMath {
  bool hybrid = false;  // int8 matrices
  RowScheme scheme = RowScheme::kSymmetric;
  // The activations of `reference`. Hybrid cells take them in `fast`, too: a last bit that differs
  // moves the quantised state by a whole step, and grows from one time to the next.
  bool exact = false;
  Activation activation = Activation::kNone;
  const RowKernels* quantiser = &RowKernelsOf(Isa::kPlain);
  const RowProducts* products = &RowProductsOf(Isa::kPlain);
  FloatRuns sigmoid = PlainFloatRuns();

  RowMath() = default;
  RowMath(const MakeArgs& args, WeightsKind weights, bool asymmetric, Activation fused)
      : hybrid(weights == WeightsKind::kHybrid),
        scheme(asymmetric ? RowScheme::kAsymmetric : RowScheme::kSymmetric),
        exact(hybrid || args.numerics == Numerics::kReference),
        activation(fused),
        quantiser(&RowKernelsOf(args.isa)),
        products(&RowProductsOf(args.isa)),
        sigmoid(FloatRunsFor(args.isa)) {}

  // `room`: bytes for a hybrid row.
  Row Make(const float* values, int32_t length, int8_t* room) const {
    Row row{values, room, {}, length};
    if (hybrid) row.parameters = QuantiseRow(scheme, values, length, room, *quantiser);
    return row;
  }
  // acc[i] += row i of the matrix times `row`.
  void AddProduct(const Matrix& m, const TileArgs& args, const Row& row, float* acc) const {
    if (m.operand < 0) return;
    const void* weights = args.inputs[m.operand];
    if (hybrid) {
      products->bytes(static_cast<const int8_t*>(weights), m.rows, row.length, row.quantised,
                      row.parameters.zero, row.parameters.scale * m.scale, acc);
    } else {
      products->floats(static_cast<const float*>(weights), m.rows, row.length, row.values, acc);
    }
  }
  void Sigmoid(float* v, int64_t n) const {
    (exact ? sigmoid.exact_logistic : sigmoid.logistic)(v, v, n);
  }
  void Activate(float* v, int64_t n) const {
    if (activation == Activation::kTanh) {
      (exact ? sigmoid.exact_tanh : sigmoid.tanh)(v, v, n);
    } else {
      const FloatRange range = ActivationRange(activation);
      for (int64_t i = 0; i < n; ++i) v[i] = std::min(std::max(v[i], range.lo), range.hi);
    }
  }
};

inline void Clip(float* v, int64_t n, float limit) {
  if (!(limit > 0)) return;
  for (int64_t i = 0; i < n; ++i) v[i] = std::min(std::max(v[i], -limit), limit);
}

// State of a batch item, which the step updates in place (Operation::WrittenInputs).
template <class T>
T* StateRow(const TileArgs& args, int operand, int64_t row, int64_t length) {
  return static_cast<T*>(const_cast<void*>(args.inputs[operand])) + row * length;
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_RECURRENT_ROWS_H_
