// SPDX-License-Identifier: Apache-2.0
// The bodies of float_runs.h, included by one file for each instruction set: everything has
// internal linkage.
#include "kernels/elementwise/float_runs.h"
#include "kernels/math.h"
#include "kernels/math_double.h"

namespace heddle::core {
namespace {

// In its own place apart: of two pointers that may be one the compiler makes no vectors.
template <class F>
void Run(const float* in, float* out, int64_t n) {
  if (in == out) {
    for (int64_t i = 0; i < n; ++i) out[i] = F::Of(out[i]);
    return;
  }
  for (int64_t i = 0; i < n; ++i) out[i] = F::Of(in[i]);
}

template <class F, class In = float, class Out = float>
void RunOf(const F& f, const In* in, Out* out, int64_t n) {
  const F copy = f;  // which no output aliases
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<Out>(copy(in[i]));
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

FloatRuns MakeRuns(const char* name, float speed, float fast_ns, float exact_ns) {
  return {
      .name = name,
      .speed = speed,
      .fast_ns = fast_ns,
      .exact_ns = exact_ns,
      .logistic = &Run<FastLogistic>,
      .tanh = &Run<FastTanh>,
      .exact_logistic = &Run<ExactLogistic>,
      .exact_tanh = &Run<ExactTanh>,
      .clip = &RunOf<Clip>,
      .leaky = &RunOf<Leaky>,
      .hard_swish_reference = &RunOf<HardSwishReference>,
      .hard_swish_fast = &RunOf<HardSwishFast>,
      .absolute = &RunOf<AbsoluteFloat>,
      .square = &RunOf<Square>,
      .square_root = &RunOf<SquareRoot>,
      .negation = &RunOf<Negation>,
      .inverse_root = &RunOf<InverseRoot>,
      .round_down = &RunOf<RoundDown>,
      .round_up = &RunOf<RoundUp>,
      .round_to_even = &RunOf<RoundToEven>,
      .exp = &RunOf<FastExp>,
      .log = &RunOf<FastLog>,
      .elu = &RunOf<FastElu>,
      .gelu = &RunOf<FastGelu>,
      .gelu_tanh = &RunOf<FastGeluTanh>,
      .quantize_i8 = &RunOf<QuantizeFast, float, int8_t>,
      .quantize_u8 = &RunOf<QuantizeFast, float, uint8_t>,
      .quantize_i16 = &RunOf<QuantizeFast, float, int16_t>,
      .dequantize_i8 = &RunOf<ScaleDifference, int8_t>,
      .dequantize_u8 = &RunOf<ScaleDifference, uint8_t>,
  };
}

}  // namespace
}  // namespace heddle::core
