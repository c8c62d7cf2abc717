// SPDX-License-Identifier: Apache-2.0
// The integer and float arithmetic that quantised operators are made of, bit for bit as LiteRT
// defines it. Each function says in one line which rounding it does; mixing them up costs a quantum
// now and then.
#ifndef HEDDLE_KERNELS_QUANT_H_
#define HEDDLE_KERNELS_QUANT_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "model/graph.h"

namespace heddle::core {

// value = m * 2^(e - 31); m in [2^30, 2^31) or 0.
struct Multiplier {
  int32_t m = 0;
  int32_t e = 0;
};

// Nearest, ties away from zero; NaN: 0. Saturates at +-2^62, so that a zero point can be added.
inline int64_t RoundHalfAway(double x) {
  const double r = std::round(x);
  constexpr double kMost = 0x1p62;
  if (!(r > -kMost)) return r < 0 ? -(int64_t{1} << 62) : 0;
  if (r > kMost) return int64_t{1} << 62;
  return static_cast<int64_t>(r);
}
// Nearest, ties to even (the default rounding mode is never changed).
inline float RoundEven(float x) { return std::nearbyintf(x); }
inline double RoundEven(double x) { return std::nearbyint(x); }

inline Multiplier MakeMultiplier(double d) {
  if (d == 0 || !std::isfinite(d)) return {};
  int e = 0;
  const double q = std::frexp(d, &e);
  int64_t m = RoundHalfAway(q * 2147483648.0);
  if (m == int64_t{1} << 31) {
    m /= 2;
    ++e;
  }
  if (e < -31) return {};
  if (e > 30) return {std::numeric_limits<int32_t>::max(), 30};
  return {static_cast<int32_t>(m), e};
}

// Saturating rounding doubling high multiply: (a*b + 2^30) >> 31, ties up.
inline int32_t Srdhm(int32_t a, int32_t b) {
  if (a == b && a == std::numeric_limits<int32_t>::min())
    return std::numeric_limits<int32_t>::max();
  return static_cast<int32_t>((static_cast<int64_t>(a) * b + (int64_t{1} << 30)) >> 31);
}
inline int16_t Srdhm16(int16_t a, int16_t b) {
  if (a == b && a == std::numeric_limits<int16_t>::min())
    return std::numeric_limits<int16_t>::max();
  return static_cast<int16_t>((static_cast<int32_t>(a) * b + (1 << 14)) >> 15);
}
// x / 2^n, ties away from zero. REQUIRES: 0 <= n <= 31.
inline int32_t RoundingShift(int32_t x, int n) {
  const int64_t mask = (int64_t{1} << n) - 1;
  const int64_t rest = x & mask;
  const int64_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return static_cast<int32_t>((static_cast<int64_t>(x) >> n) + (rest > threshold ? 1 : 0));
}
inline int32_t ShiftLeftWrap(int32_t x, int n) {
  return static_cast<int32_t>(static_cast<uint32_t>(x) << n);
}

// Double rounding: up, then away from zero. LiteRT's reference kernels.
inline int32_t Mbqm(int32_t x, Multiplier k) {
  const int left = std::max(k.e, 0), right = std::max(-k.e, 0);
  return RoundingShift(Srdhm(ShiftLeftWrap(x, left), k.m), right);
}
// Up, then up: LiteRT's vector code.
inline int32_t MbqmUp(int32_t x, Multiplier k) {
  const int left = std::max(k.e, 0), right = std::max(-k.e, 0);
  const int64_t y = Srdhm(ShiftLeftWrap(x, left), k.m);
  return static_cast<int32_t>((y + (right > 0 ? int64_t{1} << (right - 1) : 0)) >> right);
}
// One rounding with a 15-bit multiplier: every int16 accumulator.
inline int32_t Mbqm64(int64_t x, Multiplier k) {
  const int64_t m = k.m < 0x7FFF0000 ? (k.m + (1 << 15)) >> 16 : 0x7FFF;
  const int shift = 15 - k.e;  // e <= 14 for every multiplier of an accumulator
  if (shift <= 0) return static_cast<int32_t>(static_cast<uint64_t>(x * m) << std::min(-shift, 31));
  if (shift > 62) return 0;
  return static_cast<int32_t>((x * m + (int64_t{1} << (shift - 1))) >> shift);
}

// XNNPACK's float requantisation of an int32 accumulator: float product, ties to even.
struct FloatRequant {
  float hi_minus_zero;  // upper output bound - zero point, as float
  int32_t zero;
  int32_t lo, type_min, type_max;
};
inline int32_t RequantFloat(int32_t acc, float k, const FloatRequant& r) {
  float y = static_cast<float>(acc) * k;
  y = std::min(y, r.hi_minus_zero);
  y = std::max(y, -2147483648.0f);
  int64_t q = static_cast<int64_t>(RoundEven(y)) + r.zero;
  q = std::clamp<int64_t>(q, r.type_min, r.type_max);
  return static_cast<int32_t>(std::max<int64_t>(q, r.lo));
}

struct IntRange {
  int32_t lo, hi;
};
// The range of an integer type as int32. REQUIRES: an integer type of at most 32 bits.
inline IntRange RangeOf(Type type) {
  switch (type) {
    case Type::kInt8:
      return {-128, 127};
    case Type::kUInt8:
      return {0, 255};
    case Type::kInt16:
      return {-32768, 32767};
    case Type::kUInt16:
      return {0, 65535};
    case Type::kInt4:
      return {-8, 7};
    default:
      return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
  }
}

struct FloatRange {
  float lo, hi;
};
inline FloatRange ActivationRange(Activation a) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  switch (a) {
    case Activation::kRelu:
      return {0, inf};
    case Activation::kRelu6:
      return {0, 6};
    case Activation::kReluN1To1:
      return {-1, 1};
    default:
      return {-inf, inf};
  }
}

// The builtin kernels' clamp: z + round-half-away(v / s), both kinds of numerics where XNNPACK does
// not take the node.
inline IntRange BuiltinActivationRange(Activation a, Type type, float scale, int32_t zero) {
  IntRange r = RangeOf(type);
  const FloatRange f = ActivationRange(a);
  const auto quantise = [&](float v) { return zero + RoundHalfAway(v / scale); };
  if (std::isfinite(f.lo))
    r.lo = static_cast<int32_t>(std::clamp<int64_t>(quantise(f.lo), r.lo, r.hi));
  if (std::isfinite(f.hi))
    r.hi = static_cast<int32_t>(std::clamp<int64_t>(quantise(f.hi), r.lo, r.hi));
  return r;
}
// XNNPACK's clamp: ties to even of the sum v/s + z.
inline IntRange XnnActivationRange(Activation a, Type type, float scale, int32_t zero) {
  IntRange r = RangeOf(type);
  const FloatRange f = ActivationRange(a);
  const auto quantise = [&](float v) {
    const float sum = v / scale + static_cast<float>(zero);
    return static_cast<int32_t>(
        RoundEven(std::clamp(sum, static_cast<float>(r.lo), static_cast<float>(r.hi))));
  };
  return {quantise(f.lo), quantise(f.hi)};
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_QUANT_H_
