// SPDX-License-Identifier: Apache-2.0
// What integer products on NEON share, whatever multiplies: the start, and what goes out.
#ifndef HEDDLE_KERNELS_GEMM_INT_GEMM_NEON_INL_H_
#define HEDDLE_KERNELS_GEMM_INT_GEMM_NEON_INL_H_

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/vectors_neon-inl.h"

namespace heddle::core {
namespace {

template <GemmForm kForm>
struct IntNeon {
  using Acc = Ints8;
  static constexpr int kLanes = 8, kMaxRows = 6, kWideRows = 3;

  const GemmCall& call;
  explicit IntNeon(const GemmCall& c) : call(c) {}

  Acc Init(int row, int64_t column) const {
    Ints8 sums = LoadInts(static_cast<const int32_t*>(call.init) + column);
    if constexpr (kForm == GemmForm::kIntScaled) {
      for (int32x4_t& v : sums.v) v = vmulq_n_s32(v, call.row_init[row]);
    } else if (call.row_init != nullptr) {
      for (int32x4_t& v : sums.v) v = vaddq_s32(v, vdupq_n_s32(call.row_init[row]));
    }
    return sums;
  }
  void Store(Acc acc, int row, int64_t column, int64_t count) const {
    std::byte* out = call.out + row * call.out_stride;
    if constexpr (kForm == GemmForm::kIntRequant) {
      const float* scale = call.scale + column;
      const uint8x8_t bytes = LowBytes(Requant4(acc.v[0], scale, call.lo, call.hi, call.zero),
                                       Requant4(acc.v[1], scale + 4, call.lo, call.hi, call.zero));
      StoreFirst<8>(out + column, bytes, count);
    } else if constexpr (kForm == GemmForm::kIntScaled) {
      const Floats8 y = {{Scaled(acc.v[0], row, column), Scaled(acc.v[1], row, column + 4)}};
      StoreFirst<32>(out + column * 4, y, count * 4);
    } else {
      StoreFirst<32>(out + column * 4, acc, count * 4);
    }
  }
  float32x4_t Scaled(int32x4_t acc, int row, int64_t column) const {
    const float32x4_t x = vcvtq_f32_s32(acc), row_scale = vdupq_n_f32(call.row_scale[row]);
    const float32x4_t scale = vld1q_f32(call.scale + column);
    const float32x4_t bias = vld1q_f32(call.bias + column);
    const float32x4_t y = call.fused ? vfmaq_f32(bias, vmulq_f32(x, row_scale), scale)
                                     : vaddq_f32(vmulq_f32(x, vmulq_f32(row_scale, scale)), bias);
    return Clamp(y, vdupq_n_f32(call.lo), vdupq_n_f32(call.hi));
  }
};

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_INT_GEMM_NEON_INL_H_
