// SPDX-License-Identifier: Apache-2.0
// Functions of one float without branches, for loops that compilers vectorise. Inlined so that a
// file compiled for one instruction set exports no copy of them.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_FLOAT_FUNCTIONS_H_
#define HEDDLE_KERNELS_ELEMENTWISE_FLOAT_FUNCTIONS_H_

#include <cstdint>

#include "kernels/math.h"

namespace heddle::core {

// NaN stays, and of equal zeros the value's own sign, as where the clamp is fused.
struct Clip {
  float lo, hi;
  [[gnu::always_inline]] float operator()(float x) const {
    const float above = x < lo ? lo : x;
    return above > hi ? hi : above;
  }
};

struct Leaky {
  float alpha;
  [[gnu::always_inline]] float operator()(float x) const { return x < 0 ? x * alpha : x; }
};

// f32[x * min(6, max(0, x + 3)) / 6].
struct HardSwishReference {
  [[gnu::always_inline]] float operator()(float x) const {
    float t = x + 3.0f;
    t = t < 0 ? 0 : t;
    t = t > 6 ? 6 : t;
    return x * t / 6.0f;
  }
};

// fma(x, 1/6, 0.5) in [0, 1], times x.
struct HardSwishFast {
  [[gnu::always_inline]] float operator()(float x) const {
    float t = Fused(x);
    t = t < 0 ? 0 : t;
    t = t > 1 ? 1 : t;
    return t * x;
  }

 private:
  [[gnu::always_inline]] static float Fused(float x) {
#if defined(__FMA__) || defined(__aarch64__)
    return __builtin_fmaf(x, 1.0f / 6, 0.5f);
#else
    // The product is exact in double, and of all 2^32 floats x none has a sum that the two
    // roundings take elsewhere than fma's one does.
    return static_cast<float>(static_cast<double>(x) * static_cast<double>(1.0f / 6) + 0.5);
#endif
  }
};

struct AbsoluteFloat {
  [[gnu::always_inline]] float operator()(float x) const { return __builtin_fabsf(x); }
};
struct Square {
  [[gnu::always_inline]] float operator()(float x) const { return x * x; }
};
struct SquareRoot {
  [[gnu::always_inline]] float operator()(float x) const { return __builtin_sqrtf(x); }
};

struct Negation {
  [[gnu::always_inline]] float operator()(float x) const { return -x; }
};

// Without an operand that the thread flushes.
struct FloatSize {
  [[gnu::always_inline]] explicit FloatSize(float x)
      : bits(__builtin_bit_cast(int32_t, x) & 0x7fffffff) {}
  [[gnu::always_inline]] bool denormal() const { return bits < 0x800000 && bits != 0; }
  int32_t bits;
};

// A denormal as an integer times 2^-150 has a root that no flushing reaches.
struct InverseRoot {
  [[gnu::always_inline]] float operator()(float x) const {
    const FloatSize size(x);
    const float scaled = __builtin_copysignf(2.0f * static_cast<float>(size.bits), x);
    const bool scales = size.denormal();
    return (scales ? 0x1p75f : 1.0f) / __builtin_sqrtf(scales ? scaled : x);
  }
};

// The thread flushes denormals; those below zero go down all the same.
struct RoundDown {
  [[gnu::always_inline]] float operator()(float x) const {
    const float y = __builtin_floorf(x);
    return FloatSize(x).denormal() && __builtin_bit_cast(int32_t, x) < 0 ? -1.0f : y;
  }
};
struct RoundUp {
  [[gnu::always_inline]] float operator()(float x) const { return __builtin_ceilf(x); }
};
struct RoundToEven {
  [[gnu::always_inline]] float operator()(float x) const { return __builtin_nearbyintf(x); }
};

struct FastExp {
  [[gnu::always_inline]] float operator()(float x) const { return FastExpF(x); }
};
struct FastLog {
  [[gnu::always_inline]] float operator()(float x) const { return FastLogF(x); }
};
struct FastElu {
  [[gnu::always_inline]] float operator()(float x) const {
    const float below = FastExpm1F(x < 0 ? x : 0);
    return x < 0 ? below : x;
  }
};
// x times the normal distribution's share below x.
struct FastGelu {
  static constexpr float kMinusSqrtHalf = -0x1.6a09e6p-1f;
  [[gnu::always_inline]] float operator()(float x) const {
    return 0.5f * x * FastErfcF(x * kMinusSqrtHalf);
  }
};
struct FastGeluTanh {
  [[gnu::always_inline]] static float Argument(float x) {
    constexpr float kSqrtTwoOverPi = 0x1.988454p-1f;
    return kSqrtTwoOverPi * (x + 0.044715f * x * x * x);
  }
  [[gnu::always_inline]] float operator()(float x) const {
    return 0.5f * x * (1.0f + FastTanhF(Argument(x)));
  }
};

// x * (1/s), ties to even. NaN becomes the largest value.
struct QuantizeFast {
  float inverse, zero_lo, zero_hi;  // the bounds of the type less the zero point
  int32_t zero;
  [[gnu::always_inline]] int32_t operator()(float x) const {
    constexpr float kShift = 0x1.8p23f;  // adding it leaves round(value) in the low bits of the sum
    float y = x * inverse;
    y = y < zero_hi ? y : zero_hi;
    y = y > zero_lo ? y : zero_lo;
    return __builtin_bit_cast(int32_t, y + kShift) - __builtin_bit_cast(int32_t, kShift) + zero;
  }
};

// Of integers below 2^16 the difference is exact.
struct ScaleDifference {
  float scale;
  int32_t zero;
  [[gnu::always_inline]] float operator()(int32_t q) const {
    return scale * static_cast<float>(q - zero);
  }
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_FLOAT_FUNCTIONS_H_
