// SPDX-License-Identifier: Apache-2.0
#include "kernels/signal/fft.h"

#include <algorithm>

#include "kernels/math.h"

namespace heddle::core {
namespace {

std::vector<Complex> Roots(int64_t count, int64_t n) {
  std::vector<Complex> roots;
  for (int64_t k = 0; k < count; ++k) roots.push_back(UnitRoot(-k, n));
  return roots;
}

}  // namespace

Complex UnitRoot(int64_t k, int64_t n) {
  k %= n;
  if (k < 0) k += n;
  // Eighths of the circle, each mirrored so that what is left of the angle is in [0, 1/8].
  const int64_t eighth = 8 * k / n;
  int64_t rest = 8 * k - eighth * n;  // in units of 1/(8n)
  if (eighth % 2 != 0) rest = n - rest;
  constexpr double kTwoPi = 0x1.921fb54442d18p2;
  const double angle = kTwoPi / 8 * (static_cast<double>(rest) / static_cast<double>(n));
  Complex r = {Cos(angle), Sin(angle)};
  const int64_t quarter = (eighth + 1) / 2 % 4;  // the axis that the angle is counted from
  if (eighth % 2 != 0) r.im = -r.im;
  switch (quarter) {
    case 0:
      return r;
    case 1:
      return {-r.im, r.re};
    case 2:
      return {-r.re, -r.im};
    default:
      return {r.im, -r.re};
  }
}

Fft::Fft(int64_t n) : n_(n), roots_(Roots(n / 2, n)) {}

void Fft::Transform(Complex* x) const {
  for (int64_t i = 1, j = 0; i < n_; ++i) {  // j: i with its bits reversed
    int64_t bit = n_ / 2;
    for (; (j & bit) != 0; bit /= 2) j ^= bit;
    j |= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (int64_t half = 1; half < n_; half *= 2) {
    const int64_t stride = n_ / (2 * half);
    for (int64_t start = 0; start < n_; start += 2 * half) {
      for (int64_t k = 0; k < half; ++k) {
        const Complex a = x[start + k], b = x[start + half + k] * roots_[k * stride];
        x[start + k] = a + b;
        x[start + half + k] = a - b;
      }
    }
  }
}

RealFft::RealFft(int64_t n) : n_(n), half_(std::max<int64_t>(n / 2, 1)), roots_(Roots(n / 2, n)) {}

// The values of even and odd index go through one complex transform of half the length.
void RealFft::Transform(Complex* x) const {
  if (n_ == 1) {
    x[0].im = 0;
    return;
  }
  const int64_t m = n_ / 2;
  half_.Transform(x);
  x[m] = {x[0].re - x[0].im, 0};
  x[0] = {x[0].re + x[0].im, 0};
  for (int64_t k = 1; k <= m - k; ++k) {
    const Complex a = x[k], b = {x[m - k].re, -x[m - k].im};
    const Complex even = {(a.re + b.re) / 2, (a.im + b.im) / 2};
    const Complex odd = Complex{(a.im - b.im) / 2, -(a.re - b.re) / 2} * roots_[k];
    const Complex far = even - odd;
    x[m - k] = {far.re, -far.im};
    x[k] = even + odd;
  }
}

}  // namespace heddle::core
