// SPDX-License-Identifier: Apache-2.0
// Binary operators on runs of elements, compiled once for each instruction set: of float32, and
// LiteRT's builtin arithmetic of quantised integers.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_ARITHMETIC_H_
#define HEDDLE_KERNELS_ELEMENTWISE_ARITHMETIC_H_

#include <cstdint>

#include "base/isa.h"

namespace heddle::core {

// out[i] = f(a[i or 0], b[i or 0]), i below n.
struct PairRun {
  const void* a;
  const void* b;
  void* out;
  int64_t n;
  bool a_moves, b_moves;
};

// The clamp of a fused activation; NaN stays.
struct FloatBounds {
  float lo, hi;
};

// No activation can be fused.
struct Unbounded {};

// Mbqm (quant.h) with its multiplier taken apart.
struct Rescale {
  int32_t m = 0, left = 0, right = 0;
};

// Both inputs are brought to a common scale with `left` fractional bits, then the sum is scaled.
struct AddBuiltin {
  int32_t zero_a, zero_b, left;
  int32_t sign;  // 0: the sum, -1: the difference
  Rescale ka, kb, ko;
  int32_t zero_out, lo, hi;  // the bounds of the result less zero_out
};
struct MulBuiltin {
  int32_t zero_a, zero_b;
  Rescale k;
  int32_t zero_out, lo, hi;  // as above
};
// int16 with scales that are powers of two: both inputs are shifted to the output's.
struct AddShifted {
  int32_t shift_a, shift_b, sign;
  int32_t lo, hi;
};

template <class F>
using PairFn = void (*)(const F& f, const PairRun& run);

struct ArithmeticKernels {
  const char* name;  // in reports
  float speed;       // elements in the time that the plain form takes for one
  PairFn<FloatBounds> add_f32, sub_f32, mul_f32, div_f32;
  PairFn<Unbounded> min_f32, max_f32, squared_difference_f32, prelu_f32;
  PairFn<Unbounded> square_f32, cube_f32;  // of a: what PowF makes of it and of 2 or 3
  PairFn<Unbounded> pow_f32;               // PowF
  // Of bits, to bytes: no thread that flushes denormals takes them for zeros.
  PairFn<Unbounded> equal_f32, not_equal_f32, less_f32, less_equal_f32, greater_f32,
      greater_equal_f32;
  PairFn<AddBuiltin> add_i8, add_u8, add_i16;
  PairFn<MulBuiltin> mul_i8, mul_u8, mul_i16;
  PairFn<AddShifted> shifted_i16;
};

ArithmeticKernels PlainArithmeticKernels();
ArithmeticKernels Avx2ArithmeticKernels();
ArithmeticKernels Avx512ArithmeticKernels();

inline ArithmeticKernels ArithmeticKernelsFor(Isa isa) {
#if defined(__x86_64__)
  if (VectorsOf(isa) == Isa::kAvx512) return Avx512ArithmeticKernels();
  if (VectorsOf(isa) == Isa::kAvx2) return Avx2ArithmeticKernels();
#endif
  static_cast<void>(isa);
  return PlainArithmeticKernels();
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_ARITHMETIC_H_
