// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gemm-inl.h"
#include "kernels/gemm/int_gemm_neon-inl.h"
#include "kernels/gemm/kernels.h"

namespace heddle::core {
namespace {

template <bool kFused>
struct FloatNeon {
  using Acc = Floats8;
  using A = float32x4_t;
  using W = Floats8;
  static constexpr int kLanes = 8, kGroupBytes = 32, kMaxRows = 6, kWideRows = 3;

  const GemmCall& call;
  explicit FloatNeon(const GemmCall& c) : call(c) {}

  Floats8 Bias(int64_t column) const {
    return LoadFloats(static_cast<const float*>(call.init) + column);
  }
  Acc Init(int, int64_t column) const {
    return kFused ? Bias(column) : Floats8{{vdupq_n_f32(0), vdupq_n_f32(0)}};
  }
  A Row(const std::byte* a) const { return vld1q_dup_f32(reinterpret_cast<const float*>(a)); }
  W Weights(const std::byte* w) const { return LoadFloats(w); }
  Acc Dot(Acc acc, A a, const W& w) const {
    for (int i = 0; i < 2; ++i) {
      acc.v[i] =
          kFused ? vfmaq_f32(acc.v[i], a, w.v[i]) : vaddq_f32(acc.v[i], vmulq_f32(a, w.v[i]));
    }
    return acc;
  }
  void Store(Acc acc, int row, int64_t column, int64_t count) const {
    const Floats8 bias = Bias(column);
    for (int i = 0; i < 2; ++i) {
      if constexpr (!kFused) acc.v[i] = vaddq_f32(acc.v[i], bias.v[i]);
      acc.v[i] = Clamp(acc.v[i], vdupq_n_f32(call.lo), vdupq_n_f32(call.hi));
    }
    StoreFirst<32>(call.out + row * call.out_stride + column * 4, acc, count * 4);
  }
};

// Rows are int16: the bytes widened.
template <GemmForm kForm>
struct Pairs : IntNeon<kForm> {
  using Acc = Ints8;
  using A = int16x4_t;    // both of a group, twice
  using W = int16x8x2_t;  // all lanes' first, all lanes' second
  static constexpr int kGroupBytes = 16;
  using IntNeon<kForm>::IntNeon;

  A Row(const std::byte* a) const {
    return vreinterpret_s16_s32(vld1_dup_s32(reinterpret_cast<const int32_t*>(a)));
  }
  W Weights(const std::byte* w) const {
    const int8x8x2_t bytes = vld2_s8(reinterpret_cast<const int8_t*>(w));
    return {{vmovl_s8(bytes.val[0]), vmovl_s8(bytes.val[1])}};
  }
  Acc Dot(Acc acc, A a, const W& w) const {
    acc.v[0] = vmlal_lane_s16(acc.v[0], vget_low_s16(w.val[0]), a, 0);
    acc.v[1] = vmlal_high_lane_s16(acc.v[1], w.val[0], a, 0);
    acc.v[0] = vmlal_lane_s16(acc.v[0], vget_low_s16(w.val[1]), a, 1);
    acc.v[1] = vmlal_high_lane_s16(acc.v[1], w.val[1], a, 1);
    return acc;
  }
};

}  // namespace

const GemmKernels kFloatGemmNeon = {
    .name = "gemm_f32_neon",
    .lanes = 8,
    .group_k = 1,
    .max_rows = 6,
    .macs_per_ns = 12,
    .first = &GemmRun<FloatNeon<true>>,
    .second = &GemmRun<FloatNeon<false>>,
};
const GemmKernels kIntGemmNeon = {
    .name = "gemm_s8_neon",
    .lanes = 8,
    .group_k = 2,
    .max_rows = 6,
    .macs_per_ns = 10,
    .first = &GemmRun<Pairs<GemmForm::kIntSums>>,
    .second = &GemmRun<Pairs<GemmForm::kIntRequant>>,
    .third = &GemmRun<Pairs<GemmForm::kIntScaled>>,
};

}  // namespace heddle::core
