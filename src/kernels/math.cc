// SPDX-License-Identifier: Apache-2.0
#include "kernels/math.h"

#include <cmath>
#include <limits>

#include "kernels/math_double.h"

namespace heddle::core {
namespace {

using math_internal::Expm1Reduced;
using math_internal::LogOfNormal;
using math_internal::PowerOf2;
using math_internal::Reduce;
using math_internal::TimesPowerOf2;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kOverflow = 0x1.62e42fefa39efp9;    // exp of anything larger is infinite
constexpr double kInvSqrtPi = 0x1.20dd750429b6dp-1;  // 1/sqrt(pi)

}  // namespace

double Exp(double x) {
  if (x != x) return x;
  if (x > kOverflow) return kInf;
  if (x < -746) return 0;
  const auto [r, k] = Reduce(x);
  return TimesPowerOf2(1 + Expm1Reduced(r), k);
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
  if (x < std::numeric_limits<double>::min()) return LogOfNormal(x * 0x1p54, -54);
  return LogOfNormal(x, 0);
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
