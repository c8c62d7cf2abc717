// SPDX-License-Identifier: Apache-2.0
// What exp and its relatives in double precision are made of, and the floats that are computed by
// them in forms without branches, which compilers vectorise: the bits of LogisticF, TanhF and PowF.
#ifndef HEDDLE_KERNELS_MATH_DOUBLE_H_
#define HEDDLE_KERNELS_MATH_DOUBLE_H_

#include <cstdint>

namespace heddle::core {
namespace math_internal {

inline constexpr double kLn2Hi = 0x1.62e42feep-1;  // 32 bits: times an exponent it is exact
inline constexpr double kLn2Lo = 0x1.a39ef35793c76p-33;

// x = k * ln(2) + r, |r| <= ln(2)/2 and a bit.
struct Reduced {
  double r;
  int64_t k;
};

// REQUIRES: |x| < 2^20, or NaN.
[[gnu::always_inline]] inline Reduced Reduce(double x) {
  constexpr double kShift = 0x1.8p52;  // x + kShift has no fraction bits: the sum is rounded
  const double shifted = x * 0x1.71547652b82fep0 + kShift;
  const double k = shifted - kShift;
  const uint64_t n = __builtin_bit_cast(uint64_t, shifted) - __builtin_bit_cast(uint64_t, kShift);
  return {(x - k * kLn2Hi) - k * kLn2Lo, static_cast<int64_t>(n)};
}

// exp(r) - 1 for a reduced r, by (exp(r) - 1 - r) / r^2: of its Taylor series the first term left
// out is below 2^-60.
[[gnu::always_inline]] inline double Expm1Reduced(double r) {
  double p = 1.0 / 87178291200;
  p = p * r + 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  return r + r * r * (p * r + 0.5);
}

// REQUIRES: -1022 <= n <= 1023; of a NaN, whose n is anything, any number.
[[gnu::always_inline]] inline double PowerOf2(int64_t n) {
  return __builtin_bit_cast(double, (static_cast<uint64_t>(n) + 1023) << 52);
}

// e * 2^k in two factors: k may be 1024, or below the smallest normal exponent.
[[gnu::always_inline]] inline double TimesPowerOf2(double e, int64_t k) {
  const uint64_t whole = static_cast<uint64_t>(k);  // a NaN's k would overflow
  const int64_t half = static_cast<int64_t>((whole + 2048) >> 1) - 1024;
  return e * PowerOf2(half) * PowerOf2(static_cast<int64_t>(whole - static_cast<uint64_t>(half)));
}

// log(2^more * x). REQUIRES: x is positive, finite and no denormal; of any other, any number.
[[gnu::always_inline]] inline double LogOfNormal(double x, int32_t more) {
  // x = 2^k * (1 + f), 1 + f in [sqrt(1/2), sqrt(2)).
  const uint64_t bits = __builtin_bit_cast(uint64_t, x);
  const double m = __builtin_bit_cast(double, (bits & 0xfffffffffffff) | uint64_t{1023} << 52);
  const bool upper = m > 0x1.6a09e667f3bcdp0;
  const double f = (upper ? m * 0.5 : m) - 1;
  const double k = static_cast<int32_t>(bits >> 52) - 1023 + more + (upper ? 1 : 0);
  // log(1 + f) = f - f^2/2 + s*(f^2/2 + tail), s = f/(2 + f): the series of 2*atanh(s), its leading
  // part kept exact.
  const double s = f / (2 + f);
  const double z = s * s;
  double tail = 0;
  for (int n = 25; n >= 3; n -= 2) tail = (tail + 2.0 / n) * z;
  const double half_square = 0.5 * f * f;
  return k * kLn2Hi - ((half_square - (s * (half_square + tail) + k * kLn2Lo)) - f);
}

}  // namespace math_internal

[[gnu::always_inline]] inline float BranchlessLogisticF(float v) {
  double x = -static_cast<double>(v);
  x = x < -746 ? -746 : x;  // NaN passes both
  x = x > 710 ? 710 : x;
  const auto [r, k] = math_internal::Reduce(x);
  const double e = math_internal::TimesPowerOf2(1 + math_internal::Expm1Reduced(r), k);
  return static_cast<float>(1 / (1 + e));
}

[[gnu::always_inline]] inline float BranchlessTanhF(float v) {
  const uint32_t bits = __builtin_bit_cast(uint32_t, v);
  double a = static_cast<double>(__builtin_bit_cast(float, bits & 0x7fffffffu));
  const bool small = a < 0x1p-13;  // its own result
  a = a > 22 ? 22 : a;             // from there on it rounds to 1
  const auto [r, k] = math_internal::Reduce(2 * a);
  const double s = math_internal::PowerOf2(k);
  const double t = s * math_internal::Expm1Reduced(r) + (s - 1);  // exp(2a) - 1
  const uint32_t y = __builtin_bit_cast(uint32_t, static_cast<float>(t / (t + 2)));
  return __builtin_bit_cast(float, small ? bits : (y & 0x7fffffffu) | (bits & 0x80000000u));
}

// As PowF, case for case.
[[gnu::always_inline]] inline float BranchlessPowF(float x, float y) {
  constexpr double kInf = __builtin_inf();
  const uint32_t bits = __builtin_bit_cast(uint32_t, x);
  const double a = static_cast<double>(__builtin_bit_cast(float, bits & 0x7fffffffu));
  float near = y > -0x1p24f ? y : -0x1p24f;  // from there on all are whole and even
  near = near < 0x1p24f ? near : 0x1p24f;
  const int32_t whole = static_cast<int32_t>(near);
  const bool is_whole = static_cast<float>(whole) == near;
  const bool negated = (whole & 1) != 0 && is_whole && (bits >> 31) != 0;
  double log = math_internal::LogOfNormal(a, 0);
  log = a == 0 ? -kInf : a == kInf ? kInf : log;
  const double exponent = static_cast<double>(y) * log;
  double held = exponent > -746 ? exponent : -746;
  held = held < 710 ? held : 710;
  const auto [r, k] = math_internal::Reduce(held);
  double power = math_internal::TimesPowerOf2(1 + math_internal::Expm1Reduced(r), k);
  power = exponent > 0x1.62e42fefa39efp9 ? kInf : exponent < -746 ? 0 : power;
  power = a == 1 ? 1 : power;
  float result = static_cast<float>(negated ? -power : power);
  result = x < 0 && !is_whole && a != kInf ? __builtin_nanf("") : result;
  result = x != x || y != y ? x + y : result;
  result = y == 3 ? static_cast<float>(static_cast<double>(x) * x * x) : result;
  result = y == 2 ? x * x : result;
  return y == 0 || x == 1 ? 1 : result;
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_MATH_DOUBLE_H_
