// SPDX-License-Identifier: Apache-2.0
// gemmlowp's fixed-point exponential and reciprocal, bit for bit. Qi.f: an int32 with i integer and
// f fraction bits.
#ifndef HEDDLE_KERNELS_SOFTMAX_FIXED_H_
#define HEDDLE_KERNELS_SOFTMAX_FIXED_H_

#include <cstdint>

#include "kernels/quant.h"

namespace heddle::core {

inline int32_t ShiftLeftSaturating(int32_t x, int n) {
  const int64_t y = int64_t{x} * (int64_t{1} << n);
  return static_cast<int32_t>(std::clamp<int64_t>(y, std::numeric_limits<int32_t>::min(),
                                                  std::numeric_limits<int32_t>::max()));
}

// exp(a) in Q0.31, a in Q0.31 within [-1/4, 0).
inline int32_t FixedExpQuarter(int32_t a) {
  const int32_t x = a + (1 << 28);  // around -1/8
  const int32_t x2 = Srdhm(x, x), x3 = Srdhm(x2, x), x4 = Srdhm(x2, x2);
  const int32_t higher = RoundingShift(Srdhm(RoundingShift(x4, 2) + x3, 715827883) + x2, 1);
  return 1895147668 + Srdhm(1895147668, x + higher);
}

// exp(a) in Q0.31, a in Q5.26, at most 0.
inline int32_t FixedExp(int32_t a) {
  if (a == 0) return std::numeric_limits<int32_t>::max();
  constexpr int32_t kQuarter = 1 << 24;
  constexpr int32_t kPowers[] = {1672461947, 1302514674, 790015084, 290630308,  // exp(-1/4), -1/2,
                                 39332535,   720401,     242};                  // -1 to -16
  const int32_t modulo = (a & (kQuarter - 1)) - kQuarter;
  int32_t r = FixedExpQuarter(ShiftLeftSaturating(modulo, 5));
  const int32_t rest = modulo - a;
  for (int i = 0; i < 7; ++i)
    if (rest >> (24 + i) & 1) r = Srdhm(r, kPowers[i]);
  return r;
}

// 1/(1 + a) in Q0.31, a in Q0.31 within [0, 1].
inline int32_t FixedReciprocalOnePlus(int32_t a) {
  const int64_t sum = int64_t{a} + std::numeric_limits<int32_t>::max();
  const int32_t half = static_cast<int32_t>((sum + (sum >= 0 ? 1 : -1)) / 2);
  int32_t x = 1515870810 + Srdhm(half, -1010580540);  // 48/17 - 32/17 * half, in Q2.29
  for (int i = 0; i < 3; ++i) {                       // Newton
    const int32_t error = (1 << 29) - Srdhm(half, x);
    x += ShiftLeftSaturating(Srdhm(x, error), 2);
  }
  return ShiftLeftSaturating(x, 1);
}

// 1/x = value * 2^-over in Q0.31, x with `integer_bits` integer bits. REQUIRES: x > 0.
struct FixedReciprocalResult {
  int32_t value;
  int over;
};
inline FixedReciprocalResult FixedReciprocal(int32_t x, int integer_bits) {
  const uint32_t u = static_cast<uint32_t>(x);
  const int headroom = __builtin_clz(u);
  return {FixedReciprocalOnePlus(static_cast<int32_t>((u << headroom) - (1u << 31))),
          integer_bits - headroom};
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_SOFTMAX_FIXED_H_
