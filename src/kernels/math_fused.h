// SPDX-License-Identifier: Apache-2.0
// Our own functions in fused steps, for loops that are compiled for each instruction set: float
// arithmetic only, without branches, so that compilers vectorise them, and with the same bits
// everywhere. Slow where the CPU has no fused multiply-add.
#ifndef HEDDLE_KERNELS_MATH_FUSED_H_
#define HEDDLE_KERNELS_MATH_FUSED_H_

#include <cstdint>

namespace heddle::core {

// exp(x) within 2 units in the last place; below 2^-126 it is 0, as if denormals were flushed, and
// above exp(88.3) it grows no more.
[[gnu::always_inline]] inline float FusedExpF(float x) {
  constexpr float kShift = 0x1.8p23f;  // adding it leaves round(value) in the low bits of the sum
  constexpr uint32_t kBias = __builtin_bit_cast(uint32_t, kShift) - 127u;
  x = x < -88.0f ? -88.0f : x;  // NaN passes both
  x = x > 88.3f ? 88.3f : x;
  // x = n * ln(2) + r; ln(2) in two parts.
  const float shifted = __builtin_fmaf(x, 0x1.715476p0f, kShift);
  const float n = shifted - kShift;
  const float r = __builtin_fmaf(n, 2.12194440e-4f, __builtin_fmaf(n, -0.693359375f, x));
  float p = __builtin_fmaf(r, 0x1.6d4926p-10f, 0x1.121072p-7f);
  p = __builtin_fmaf(p, r, 0x1.5554e4p-5f);
  p = __builtin_fmaf(p, r, 0x1.5554d8p-3f);
  p = __builtin_fmaf(p, r, 0x1p-1f);
  const float e = 1.0f + __builtin_fmaf(r * r, p, r);
  const uint32_t power = (__builtin_bit_cast(uint32_t, shifted) - kBias) << 23;
  return e * __builtin_bit_cast(float, power);
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_MATH_FUSED_H_
