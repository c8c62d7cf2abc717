// SPDX-License-Identifier: Apache-2.0
#include <arm_neon.h>

#include "kernels/elementwise/byte_table.h"

namespace heddle::core {

void LookUpNeon(const uint8_t* values, const uint8_t* in, uint8_t* out, int64_t n) {
  constexpr int64_t kBytes = 16;
  uint8x16x4_t quarter[4];
  for (int i = 0; i < 4; ++i) quarter[i] = vld1q_u8_x4(values + 64 * i);
  const uint8x16_t step = vdupq_n_u8(64);
  for (; n >= kBytes; n -= kBytes, in += kBytes, out += kBytes) {
    uint8x16_t x = vld1q_u8(in);
    uint8x16_t y = vqtbl4q_u8(quarter[0], x);  // 0 beyond it
    for (int i = 1; i < 4; ++i) {
      x = vsubq_u8(x, step);
      y = vqtbx4q_u8(y, quarter[i], x);  // as it was outside of it
    }
    vst1q_u8(out, y);
  }
  for (int64_t i = 0; i < n; ++i) out[i] = values[in[i]];
}

}  // namespace heddle::core
