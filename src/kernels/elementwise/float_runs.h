// SPDX-License-Identifier: Apache-2.0
// Functions of runs of floats, compiled once for each instruction set.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_FLOAT_RUNS_H_
#define HEDDLE_KERNELS_ELEMENTWISE_FLOAT_RUNS_H_

#include <cstdint>

#include "base/isa.h"
#include "kernels/elementwise/float_functions.h"

namespace heddle::core {

// out[i] = f(in[i]), i below n; `out` may be `in`.
using FloatRunFn = void (*)(const float* in, float* out, int64_t n);
// The same with the numbers that f has, between other types.
template <class F, class In = float, class Out = float>
using FloatRunOf = void (*)(const F& f, const In* in, Out* out, int64_t n);

struct FloatRuns {
  const char* name;                       // in reports
  float speed;                            // elements in the time that the plain form takes for one
  float fast_ns, exact_ns;                // of an element of the first four
  FloatRunFn logistic, tanh;              // FastLogisticF, FastTanhF
  FloatRunFn exact_logistic, exact_tanh;  // LogisticF, TanhF
  FloatRunOf<Clip> clip;
  FloatRunOf<Leaky> leaky;
  FloatRunOf<HardSwishReference> hard_swish_reference;
  FloatRunOf<HardSwishFast> hard_swish_fast;
  FloatRunOf<AbsoluteFloat> absolute;
  FloatRunOf<Square> square;
  FloatRunOf<SquareRoot> square_root;
  FloatRunOf<Negation> negation;
  FloatRunOf<InverseRoot> inverse_root;
  FloatRunOf<RoundDown> round_down;
  FloatRunOf<RoundUp> round_up;
  FloatRunOf<RoundToEven> round_to_even;
  FloatRunOf<FastExp> exp;
  FloatRunOf<FastLog> log;
  FloatRunOf<FastElu> elu;
  FloatRunOf<FastGelu> gelu;
  FloatRunOf<FastGeluTanh> gelu_tanh;
  FloatRunOf<QuantizeFast, float, int8_t> quantize_i8;
  FloatRunOf<QuantizeFast, float, uint8_t> quantize_u8;
  FloatRunOf<QuantizeFast, float, int16_t> quantize_i16;
  FloatRunOf<ScaleDifference, int8_t> dequantize_i8;
  FloatRunOf<ScaleDifference, uint8_t> dequantize_u8;
};

FloatRuns PlainFloatRuns();
FloatRuns Avx2FloatRuns();
FloatRuns Avx512FloatRuns();

inline FloatRuns FloatRunsFor(Isa isa) {
#if defined(__x86_64__)
  if (VectorsOf(isa) == Isa::kAvx512) return Avx512FloatRuns();
  if (VectorsOf(isa) == Isa::kAvx2) return Avx2FloatRuns();
#endif
  static_cast<void>(isa);
  return PlainFloatRuns();
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_FLOAT_RUNS_H_
