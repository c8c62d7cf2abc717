// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/depthwise-inl.h"
#include "kernels/gemm/kernels.h"
#include "kernels/gemm/vectors_neon-inl.h"

namespace heddle::core {
namespace {

// Up to N bytes, zeros after them.
template <class V>
V LoadFirst(const std::byte* from, int64_t bytes) {
  V v = {};
  __builtin_memcpy(&v, from, static_cast<size_t>(bytes));
  return v;
}

template <bool kFused>
struct FloatNeon {
  using Acc = Floats8;
  using X = Floats8;
  using W = Floats8;
  static constexpr int kLanes = 8, kTaps = 1, kGroupBytes = 32, kInputBytes = 4, kPixels = 4;
  static constexpr DepthwiseSharing kSharing =
      kFused ? DepthwiseSharing::kColumns : DepthwiseSharing::kNone;

  const DepthwiseCall& call;
  explicit FloatNeon(const DepthwiseCall& c) : call(c) {}

  Floats8 Bias(int64_t channel) const {
    return LoadFloats(static_cast<const float*>(call.init) + channel);
  }
  Acc Init(int64_t channel) const {
    return kFused ? Bias(channel) : Floats8{{vdupq_n_f32(0), vdupq_n_f32(0)}};
  }
  template <bool kFull>
  X Load(const std::byte* const (&x)[1], int64_t count) const {
    return kFull ? LoadFloats(x[0]) : LoadFirst<Floats8>(x[0], count * 4);
  }
  W Weights(const std::byte* w) const { return LoadFloats(w); }
  void Dot(Acc& acc, const X& x, const W& w) const {
    for (int i = 0; i < 2; ++i) {
      acc.v[i] = kFused ? vfmaq_f32(acc.v[i], x.v[i], w.v[i])
                        : vaddq_f32(acc.v[i], vmulq_f32(x.v[i], w.v[i]));
    }
  }
  template <bool kFull>
  void Store(Acc acc, std::byte* out, int64_t channel, int64_t count) const {
    const Floats8 bias = Bias(channel);
    for (int i = 0; i < 2; ++i) {
      if constexpr (!kFused) acc.v[i] = vaddq_f32(acc.v[i], bias.v[i]);
      acc.v[i] = Clamp(acc.v[i], vdupq_n_f32(call.lo), vdupq_n_f32(call.hi));
    }
    StoreFirst<32>(out + channel * 4, acc, kFull ? 32 : count * 4);
  }
};

// Two taps at a time, widened to int16.
template <bool kRequant>
struct Pairs {
  struct Acc {
    int32x4_t v[4];
  };
  struct X {
    int16x8_t tap[2][2];  // [tap][half of the channels]
  };
  using W = X;
  static constexpr int kLanes = 16, kTaps = 2, kGroupBytes = 64, kInputBytes = 1, kPixels = 2;
  static constexpr DepthwiseSharing kSharing = DepthwiseSharing::kNone;

  const DepthwiseCall& call;
  const uint8x16_t flip;
  explicit Pairs(const DepthwiseCall& c)
      : call(c), flip(vreinterpretq_u8_u32(vdupq_n_u32(c.flip))) {}

  Acc Init(int64_t channel) const {
    const int32_t* sums = static_cast<const int32_t*>(call.init) + channel;
    return {{vld1q_s32(sums), vld1q_s32(sums + 4), vld1q_s32(sums + 8), vld1q_s32(sums + 12)}};
  }
  W Weights(const std::byte* w) const {
    const int16_t* values = reinterpret_cast<const int16_t*>(w);
    const int16x8x2_t lo = vld2q_s16(values), hi = vld2q_s16(values + 16);
    return {{{lo.val[0], hi.val[0]}, {lo.val[1], hi.val[1]}}};
  }
  template <bool kFull>
  X Load(const std::byte* const (&x)[2], int64_t count) const {
    X taps;
    for (int t = 0; t < 2; ++t) {
      const auto* from = reinterpret_cast<const uint8_t*>(x[t]);
      const uint8x16_t bytes =
          veorq_u8(kFull ? vld1q_u8(from) : LoadFirst<uint8x16_t>(x[t], count), flip);
      taps.tap[t][0] = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
      taps.tap[t][1] = vreinterpretq_s16_u16(vmovl_high_u8(bytes));
    }
    return taps;
  }
  void Dot(Acc& acc, const X& x, const W& w) const {
    for (int t = 0; t < 2; ++t) {
      for (int h = 0; h < 2; ++h) {
        const int16x8_t a = x.tap[t][h], b = w.tap[t][h];
        acc.v[h * 2] = vmlal_s16(acc.v[h * 2], vget_low_s16(a), vget_low_s16(b));
        acc.v[h * 2 + 1] = vmlal_high_s16(acc.v[h * 2 + 1], a, b);
      }
    }
  }
  template <bool kFull>
  void Store(Acc acc, std::byte* out, int64_t channel, int64_t count) const {
    if constexpr (kRequant) {
      for (int i = 0; i < 4; ++i) {
        const float* scale = call.scale + channel + i * 4;
        acc.v[i] = Requant4(acc.v[i], scale, call.lo, call.hi, call.zero);
      }
      const uint8x16_t bytes =
          vcombine_u8(LowBytes(acc.v[0], acc.v[1]), LowBytes(acc.v[2], acc.v[3]));
      StoreFirst<16>(out + channel, bytes, kFull ? 16 : count);
    } else {
      StoreFirst<64>(out + channel * 4, acc, 64);
    }
  }
};

constexpr uint8_t kInOrder[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

}  // namespace

const DepthwiseKernels kFloatDepthwiseNeon = {
    .name = "depthwise_f32_neon",
    .lanes = 8,
    .taps = 1,
    .order = kInOrder,
    .narrow = 0,
    .narrow_order = nullptr,
    .macs_per_ns = 6,
    .first = &DepthwiseRun<FloatNeon<true>>,
    .second = &DepthwiseRun<FloatNeon<false>>,
};
const DepthwiseKernels kIntDepthwiseNeon = {
    .name = "depthwise_s8_neon",
    .lanes = 16,
    .taps = 2,
    .order = kInOrder,
    .narrow = 0,
    .narrow_order = nullptr,
    .macs_per_ns = 6,
    .first = &DepthwiseRun<Pairs<false>>,
    .second = &DepthwiseRun<Pairs<true>>,
};

}  // namespace heddle::core
