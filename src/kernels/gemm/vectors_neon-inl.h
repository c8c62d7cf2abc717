// SPDX-License-Identifier: Apache-2.0
// NEON pieces that products and depthwise kernels share: 8 lanes in two registers.
#ifndef HEDDLE_KERNELS_GEMM_VECTORS_NEON_INL_H_
#define HEDDLE_KERNELS_GEMM_VECTORS_NEON_INL_H_

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace heddle::core {
namespace {

struct Floats8 {
  float32x4_t v[2];
};
struct Ints8 {
  int32x4_t v[2];
};

inline Floats8 LoadFloats(const void* from) {
  const float* f = static_cast<const float*>(from);
  return {{vld1q_f32(f), vld1q_f32(f + 4)}};
}
inline Ints8 LoadInts(const void* from) {
  const int32_t* i = static_cast<const int32_t*>(from);
  return {{vld1q_s32(i), vld1q_s32(i + 4)}};
}

// The first min(count, N) bytes of `v`.
template <int N, class V>
inline void StoreFirst(std::byte* out, const V& v, int64_t count) {
  static_assert(sizeof(V) == N);
  if (count >= N) {
    __builtin_memcpy(out, &v, N);
  } else {
    __builtin_memcpy(out, &v, static_cast<size_t>(count));
  }
}

// A NaN stays, and so does the sign of a zero: what `lo > x ? lo : x` says, not what vmaxq does.
inline float32x4_t Clamp(float32x4_t x, float32x4_t lo, float32x4_t hi) {
  x = vbslq_f32(vcgtq_f32(lo, x), lo, x);
  return vbslq_f32(vcgtq_f32(x, hi), hi, x);
}

// RequantFloat of 4 sums, still one int32 each; lo and hi are the output bounds less zero, so that
// nothing saturates after the rounding.
inline int32x4_t Requant4(int32x4_t acc, const float* scale, float lo, float hi, int32_t zero) {
  float32x4_t y = vmulq_f32(vcvtq_f32_s32(acc), vld1q_f32(scale));
  y = vmaxq_f32(vminq_f32(y, vdupq_n_f32(hi)), vdupq_n_f32(lo));
  return vaddq_s32(vcvtnq_s32_f32(y), vdupq_n_s32(zero));
}

// The low bytes of 8 int32.
inline uint8x8_t LowBytes(int32x4_t lo, int32x4_t hi) {
  return vmovn_u16(
      vcombine_u16(vmovn_u32(vreinterpretq_u32_s32(lo)), vmovn_u32(vreinterpretq_u32_s32(hi))));
}

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_VECTORS_NEON_INL_H_
