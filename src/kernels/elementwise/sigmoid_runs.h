// SPDX-License-Identifier: Apache-2.0
// The logistic function and the hyperbolic tangent of runs of floats, compiled once for each
// instruction set.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_SIGMOID_RUNS_H_
#define HEDDLE_KERNELS_ELEMENTWISE_SIGMOID_RUNS_H_

#include <cstdint>

#include "base/isa.h"

namespace heddle::core {

// out[i] = f(in[i]), i below n; `out` may be `in`.
using FloatRunFn = void (*)(const float* in, float* out, int64_t n);

struct SigmoidRuns {
  const char* name;                       // in reports
  float fast_ns, exact_ns;                // of an element
  FloatRunFn logistic, tanh;              // FastLogisticF, FastTanhF
  FloatRunFn exact_logistic, exact_tanh;  // LogisticF, TanhF
};

SigmoidRuns PlainSigmoidRuns();
SigmoidRuns Avx2SigmoidRuns();
SigmoidRuns Avx512SigmoidRuns();

inline SigmoidRuns SigmoidRunsFor(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512 || isa == Isa::kAvx512Vnni) return Avx512SigmoidRuns();
  if (isa == Isa::kAvx2) return Avx2SigmoidRuns();
#endif
  static_cast<void>(isa);
  return PlainSigmoidRuns();
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_SIGMOID_RUNS_H_
