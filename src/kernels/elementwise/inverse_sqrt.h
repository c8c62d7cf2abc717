// SPDX-License-Identifier: Apache-2.0
// LiteRT's inverse square root of an integer in fixed point.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_INVERSE_SQRT_H_
#define HEDDLE_KERNELS_ELEMENTWISE_INVERSE_SQRT_H_

#include "kernels/quant.h"
#include "kernels/softmax/fixed.h"

namespace heddle::core {

// 1/sqrt(v) as a multiplier, by Newton's method in Q3.28. REQUIRES: v >= 0; 0 counts as 1.
inline Multiplier InverseSqrt(int32_t v) {
  if (v <= 1) return {std::numeric_limits<int32_t>::max(), 0};
  int shift = 11;
  for (; v >= 1 << 29; v /= 4) ++shift;
  const int pairs = (__builtin_clz(static_cast<uint32_t>(v)) - 1) / 2 - 1;
  shift -= pairs;
  v <<= 2 * pairs;
  const int32_t half = RoundingShift(v >> 1, 1);
  constexpr int32_t kThreeHalves = (1 << 28) + (1 << 27);
  int32_t x = 1 << 28;
  for (int i = 0; i < 5; ++i) {
    const int32_t cube = ShiftLeftSaturating(Srdhm(Srdhm(x, x), x), 6);
    x = ShiftLeftSaturating(Srdhm(kThreeHalves, x) - Srdhm(half, cube), 3);
  }
  constexpr int32_t kSqrtHalf = 1518500250;
  int32_t m = Srdhm(x, kSqrtHalf);
  if (shift < 0) m = ShiftLeftWrap(m, -shift), shift = 0;
  return {m, -shift};
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_INVERSE_SQRT_H_
