// SPDX-License-Identifier: Apache-2.0
#include "kernels/signal/rounded_trig.h"

#include <cmath>

namespace heddle::core {
namespace {

// The unevaluated sum of two doubles, the second below half a last place of the first.
struct Pair {
  double high, low;
};

Pair Normal(double high, double low) {
  const double sum = high + low;
  return {sum, low - (sum - high)};
}

Pair operator+(Pair a, Pair b) {
  const double sum = a.high + b.high, back = sum - a.high;
  const double error = (a.high - (sum - back)) + (b.high - back);
  return Normal(sum, error + (a.low + b.low));
}

Pair operator*(Pair a, Pair b) {
  const double product = a.high * b.high;
  const double error = std::fma(a.high, b.high, -product);
  return Normal(product, error + (a.high * b.low + a.low * b.high));
}

Pair operator/(Pair a, double b) {
  const double quotient = a.high / b;
  return Normal(quotient, (std::fma(-quotient, b, a.high) + a.low) / b);
}

// The sum of term * (-x^2)^k / ((n + 1) (n + 2) ... (n + 2k)): below 7 the terms grow to e^7 at
// most, which costs 10 of the more than 100 bits, and 32 of them end below 2^-100.
double Series(Pair term, double x, int n) {
  const Pair square = Pair{-x, 0} * Pair{x, 0};
  Pair sum = term;
  for (int k = 0; k < 32; ++k, n += 2) {
    term = term * square / (static_cast<double>(n + 1) * static_cast<double>(n + 2));
    sum = sum + term;
  }
  return sum.high;
}

}  // namespace

double RoundedCos(double x) { return Series({1, 0}, x, 0); }
double RoundedSin(double x) { return Series({x, 0}, x, 1); }

}  // namespace heddle::core
