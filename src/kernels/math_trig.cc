// SPDX-License-Identifier: Apache-2.0
// Sine, cosine and the arc tangent.
#include <array>
#include <cmath>
#include <limits>

#include "kernels/math.h"

namespace heddle::core {
namespace {

constexpr double kPi = 0x1.921fb54442d18p1;
constexpr double kPiLo = 0x1.1a62633145c07p-53;  // pi - kPi
constexpr double kHalfPi = kPi / 2;

// 1/3!, 1/5!, ... and 1/2!, 1/4!, ...: the first terms left out are below 2^-60 at pi/4.
constexpr double kSine[] = {
    1.0 / 6,        1.0 / 120,        1.0 / 5040,         1.0 / 362880,
    1.0 / 39916800, 1.0 / 6227020800, 1.0 / 1307674368e3, 1.0 / 355687428096e3};
constexpr double kCosine[] = {1.0 / 2,           1.0 / 24,           1.0 / 720,
                              1.0 / 40320,       1.0 / 3628800,      1.0 / 479001600,
                              1.0 / 87178291200, 1.0 / 20922789888e3};

// (1 - z*c[0] + z^2*c[1] - ...) without its first term, over -z.
double Alternating(const double (&c)[8], double z) {
  double p = c[7];
  for (int i = 6; i >= 0; --i) p = c[i] - z * p;
  return p;
}

// An angle as quarter turns and a rest of at most an eighth of a turn.
struct Angle {
  double rest;
  int quarter;  // modulo 4
};

// REQUIRES: |x| <= 2^20.
Angle ReduceNear(double x) {
  constexpr double kShift = 0x1.8p52;  // x + kShift has no fraction bits: the sum is rounded
  // pi/2 in three parts; k times the first two is exact.
  constexpr double kHi = 0x1.921fb544p0, kMid = 0x1.0b4611a6p-34, kLo = 0x1.3198a2e037073p-69;
  const double k = (x * (1 / kHalfPi) + kShift) - kShift;
  return {((x - k * kHi) - k * kMid) - k * kLo, static_cast<int>(k) & 3};
}

// The binary digits of 2/pi, after 32 zeros.
constexpr std::array<uint32_t, 9> kTwoOverPi = {0,          0xa2f9836e, 0x4e441529,
                                                0xfc2757d1, 0xf534ddc0, 0xdb629599,
                                                0x3c439041, 0xfe5163ab, 0xdebbc561};
uint32_t DigitsAt(int bit) {
  const int word = bit / 32, shift = bit % 32;
  const uint64_t two = uint64_t{kTwoOverPi[word]} << 32 | kTwoOverPi[word + 1];
  return static_cast<uint32_t>(two >> (32 - shift));
}

// For finite floats from 2^20 on: x * 2/pi modulo 4 in integers, without the digits whose products
// are multiples of 4.
Angle ReduceFar(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint64_t m = (bits & 0x7fffff) | 0x800000;
  const int e = static_cast<int>(bits >> 23 & 0xff) - 150;  // |x| = m * 2^e
  const int at = 31 + e - 1;  // the digit 2^-(e-1) of 2/pi: times 2^e it is a 2
  const uint64_t turns =
      (m * DigitsAt(at) << 32) + m * DigitsAt(at + 32) + (m * DigitsAt(at + 64) >> 32);  // 2^-62
  const uint64_t quarter = (turns + (uint64_t{1} << 61)) >> 62;
  const int64_t rest = static_cast<int64_t>(turns - (quarter << 62));
  const double r = static_cast<double>(rest) * 0x1p-62 * kHalfPi;
  const int q = static_cast<int>(quarter);
  return std::signbit(x) ? Angle{-r, -q & 3} : Angle{r, q & 3};
}

// sin(a + quarters of a turn).
double SinOf(Angle a, int quarters) {
  const int q = (a.quarter + quarters) & 3;
  const double z = a.rest * a.rest;
  const double y =
      (q & 1) != 0 ? 1 - z * Alternating(kCosine, z) : a.rest - a.rest * z * Alternating(kSine, z);
  return (q & 2) != 0 ? -y : y;
}

float SinOf(float x, int quarters) {
  if (!std::isfinite(x)) return std::numeric_limits<float>::quiet_NaN();
  return static_cast<float>(
      SinOf(std::fabs(x) < 0x1p20f ? ReduceNear(static_cast<double>(x)) : ReduceFar(x), quarters));
}

// atan of [0, 1].
double AtanUnit(double x) {
  constexpr double kTanEighth = 0x1.a827999fcef32p-2;  // tan(pi/8)
  const bool high = x > kTanEighth;
  const double t = high ? (x - 1) / (x + 1) : x;
  const double z = t * t;
  double p = 0;
  for (int n = 43; n >= 3; n -= 2) p = (1.0 / n - p) * z;
  const double y = t - t * p;
  return high ? kPi / 4 + (y + kPiLo / 4) : y;
}

}  // namespace

double Sin(double x) { return SinOf(ReduceNear(x), 0); }
double Cos(double x) { return SinOf(ReduceNear(x), 1); }

// Small arguments are their own sine: denormals survive where the thread flushes them.
float SinF(float x) { return x > -0x1p-13f && x < 0x1p-13f ? x : SinOf(x, 0); }
float CosF(float x) { return SinOf(x, 1); }

double Atan2(double y, double x) {
  if (x != x || y != y) return x + y;
  const double a = std::fabs(x), b = std::fabs(y);
  const bool steep = b > a;
  double angle = 0;
  if (a == b) {
    angle = a == 0 ? 0 : kPi / 4;  // both may be infinite
  } else {
    angle = AtanUnit(steep ? a / b : b / a);
  }
  if (steep) angle = kHalfPi - (angle - kPiLo / 2);
  if (std::signbit(x)) angle = kPi - (angle - kPiLo);
  return std::copysign(angle, y);
}

}  // namespace heddle::core
