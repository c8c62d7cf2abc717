// SPDX-License-Identifier: Apache-2.0
// The bodies of sigmoid_runs.h, included by one file for each instruction set: everything has
// internal linkage.
#include "kernels/elementwise/sigmoid_runs.h"
#include "kernels/math.h"
#include "kernels/math_double.h"

namespace heddle::core {
namespace {

template <class F>
void Run(const float* in, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = F::Of(in[i]);
}

struct FastLogistic {
  static float Of(float x) { return FastLogisticF(x); }
};
struct FastTanh {
  static float Of(float x) { return FastTanhF(x); }
};
struct ExactLogistic {
  static float Of(float x) { return BranchlessLogisticF(x); }
};
struct ExactTanh {
  static float Of(float x) { return BranchlessTanhF(x); }
};

SigmoidRuns MakeRuns(const char* name, float fast_ns, float exact_ns) {
  return {
      name,           fast_ns, exact_ns, &Run<FastLogistic>, &Run<FastTanh>, &Run<ExactLogistic>,
      &Run<ExactTanh>};
}

}  // namespace
}  // namespace heddle::core
