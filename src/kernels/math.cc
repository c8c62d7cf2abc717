// SPDX-License-Identifier: Apache-2.0
#include "kernels/math.h"

#include <cmath>
#include <limits>

namespace heddle::core {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kOverflow = 0x1.62e42fefa39efp9;  // exp of anything larger is infinite
constexpr double kLn2Hi = 0x1.62e42feep-1;         // 32 bits: times an exponent it is exact
constexpr double kLn2Lo = 0x1.a39ef35793c76p-33;
constexpr double kInvSqrtPi = 0x1.20dd750429b6dp-1;  // 1/sqrt(pi)

// x = k * ln(2) + r, |r| <= ln(2)/2 and a bit.
struct Reduced {
  double r;
  int k;
};

// REQUIRES: |x| < 2^20.
Reduced Reduce(double x) {
  constexpr double kShift = 0x1.8p52;  // x + kShift has no fraction bits: the sum is rounded
  const double k = (x * 0x1.71547652b82fep0 + kShift) - kShift;
  return {(x - k * kLn2Hi) - k * kLn2Lo, static_cast<int>(k)};
}

// (exp(r) - 1 - r) / r^2 by its Taylor series: the first term left out is below 2^-60.
double ExpTail(double r) {
  constexpr double kCoefficients[] = {1.0 / 87178291200, 1.0 / 6227020800, 1.0 / 479001600,
                                      1.0 / 39916800,    1.0 / 3628800,    1.0 / 362880,
                                      1.0 / 40320,       1.0 / 5040,       1.0 / 720,
                                      1.0 / 120,         1.0 / 24,         1.0 / 6};
  double p = kCoefficients[0];
  for (int i = 1; i < 12; ++i) p = p * r + kCoefficients[i];
  return p * r + 0.5;
}

double Expm1Reduced(double r) { return r + r * r * ExpTail(r); }

// REQUIRES: -1022 <= n <= 1023.
double PowerOf2(int n) { return std::bit_cast<double>(static_cast<uint64_t>(n + 1023) << 52); }

}  // namespace

double Exp(double x) {
  if (x != x) return x;
  if (x > kOverflow) return kInf;
  if (x < -746) return 0;
  const auto [r, k] = Reduce(x);
  // Two factors: k may be 1024, or below the smallest normal exponent.
  const int half = k >> 1;
  return (1 + Expm1Reduced(r)) * PowerOf2(half) * PowerOf2(k - half);
}

double Expm1(double x) {
  if (x != x || x == 0) return x;
  if (x > 40) return Exp(x);  // 1 is below half a unit of the last place
  if (x < -40) return -1;
  const auto [r, k] = Reduce(x);
  if (k == 0) return Expm1Reduced(r);
  const double s = PowerOf2(k);
  return s * Expm1Reduced(r) + (s - 1);
}

double Log(double x) {
  if (x != x || x == kInf) return x;
  if (x == 0) return -kInf;
  if (x < 0) return std::numeric_limits<double>::quiet_NaN();
  int k = 0;
  if (x < std::numeric_limits<double>::min()) {
    x *= 0x1p54;
    k = -54;
  }
  // x = 2^k * (1 + f), 1 + f in [sqrt(1/2), sqrt(2)).
  uint64_t bits = std::bit_cast<uint64_t>(x);
  k += static_cast<int>(bits >> 52) - 1023;
  bits = (bits & 0xfffffffffffff) | uint64_t{1023} << 52;
  double m = std::bit_cast<double>(bits);
  if (m > 0x1.6a09e667f3bcdp0) {
    m *= 0.5;
    ++k;
  }
  // log(1 + f) = f - f^2/2 + s*(f^2/2 + tail), s = f/(2 + f): the series of 2*atanh(s), its leading
  // part kept exact.
  const double f = m - 1;
  const double s = f / (2 + f);
  const double z = s * s;
  double tail = 0;
  for (int n = 25; n >= 3; n -= 2) tail = (tail + 2.0 / n) * z;
  const double half_square = 0.5 * f * f;
  return k * kLn2Hi - ((half_square - (s * (half_square + tail) + k * kLn2Lo)) - f);
}

double Tanh(double x) {
  if (x != x) return x;
  const double a = std::fabs(x);
  const double t = a > 22 ? kInf : Expm1(2 * a);
  return std::copysign(t == kInf ? 1.0 : t / (t + 2), x);
}

double Logistic(double x) { return 1 / (1 + Exp(-x)); }

double Erfc(double x) {
  if (x != x) return x;
  const double a = std::fabs(x);
  if (a > 28) return x < 0 ? 2 : 0;
  const double square = a * a;
  const double gauss =
      Exp(-square) * (1 - std::fma(a, a, -square));  // exp(-a^2), all of the square
  if (a < 2) {
    // erf(a) = 2a/sqrt(pi) * exp(-a^2) * (1 + 2a^2/3 + (2a^2)^2/15 + ...): no term is negative.
    double sum = 1;
    for (int n = 45; n >= 1; --n) sum = 1 + sum * (2 * square / (2 * n + 1));
    return 1 - 2 * kInvSqrtPi * x * gauss * sum;
  }
  double fraction = a;  // a + (1/2)/(a + (2/2)/(a + (3/2)/(a + ...)))
  for (int k = 50; k >= 1; --k) fraction = a + 0.5 * k / fraction;
  const double y = gauss * kInvSqrtPi / fraction;
  return x < 0 ? 2 - y : y;
}

float PowF(float x, float y) {
  if (y == 0 || x == 1) return 1;
  if (y == 2) return x * x;  // the two of every network, and forty times quicker than below
  if (y == 3) return static_cast<float>(static_cast<double>(x) * x * x);
  if (x != x || y != y) return x + y;
  const double a = std::fabs(static_cast<double>(x)), b = static_cast<double>(y);
  const bool whole = std::floor(b) == b;
  if (x < 0 && !whole && a != kInf) return std::numeric_limits<float>::quiet_NaN();
  const double power = a == 1 ? 1 : Exp(b * Log(a));
  const bool odd = whole && std::fabs(b) < 0x1p24 && std::fmod(b, 2) != 0;
  return static_cast<float>(odd && std::signbit(x) ? -power : power);
}

}  // namespace heddle::core
