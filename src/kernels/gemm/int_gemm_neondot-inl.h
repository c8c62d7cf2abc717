// SPDX-License-Identifier: Apache-2.0
// Integer products by SDOT, for files compiled with dotprod.
#ifndef HEDDLE_KERNELS_GEMM_INT_GEMM_NEONDOT_INL_H_
#define HEDDLE_KERNELS_GEMM_INT_GEMM_NEONDOT_INL_H_

#include "kernels/gemm/int_gemm_neon-inl.h"

namespace heddle::core {
namespace {

// SDOT knows no unsigned bytes, so each is taken less 128: the flipped one, read as signed.
template <GemmForm kForm>
struct Quads : IntNeon<kForm> {
  using Acc = Ints8;
  using A = int8x16_t;  // a group, four times
  struct W {
    int8x16_t v[2];
  };
  static constexpr int kGroupBytes = 32;

  const int8x16_t flip;
  explicit Quads(const GemmCall& c)
      : IntNeon<kForm>(c), flip(vreinterpretq_s8_u32(vdupq_n_u32(c.flip ^ 0x80808080u))) {}

  A Row(const std::byte* a) const {
    const int32x4_t bytes = vld1q_dup_s32(reinterpret_cast<const int32_t*>(a));
    return veorq_s8(vreinterpretq_s8_s32(bytes), flip);
  }
  W Weights(const std::byte* w) const {
    const int8_t* bytes = reinterpret_cast<const int8_t*>(w);
    return {{vld1q_s8(bytes), vld1q_s8(bytes + 16)}};
  }
  Acc Dot(Acc acc, A a, const W& w) const {
    for (int i = 0; i < 2; ++i) acc.v[i] = vdotq_s32(acc.v[i], w.v[i], a);
    return acc;
  }
};

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_INT_GEMM_NEONDOT_INL_H_
