// SPDX-License-Identifier: Apache-2.0
// Fourier transforms of lengths that are powers of two, in double precision and in one fixed order
// of operations.
#ifndef HEDDLE_KERNELS_SIGNAL_FFT_H_
#define HEDDLE_KERNELS_SIGNAL_FFT_H_

#include <cstdint>
#include <vector>

namespace heddle::core {

struct Complex {
  double re = 0, im = 0;
};

inline Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
inline Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
inline Complex operator*(Complex a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

// exp(2 pi i k/n): the angle is reduced as an integer, so any k is as exact as a small one.
// REQUIRES: n > 0, |k| and n below 2^59.
Complex UnitRoot(int64_t k, int64_t n);

constexpr int64_t kMaxFft = int64_t{1} << 24;
inline bool IsPowerOf2(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

// X[k] = sum over j of x[j] exp(-2 pi i j k/n). Immutable once made.
class Fft {
 public:
  // REQUIRES: a power of two, at most kMaxFft.
  explicit Fft(int64_t n);
  void Transform(Complex* x) const;  // n values, in place

 private:
  int64_t n_;
  std::vector<Complex> roots_;
};

// The transform of n real values: its first n/2 + 1 values (the others are their conjugates).
class RealFft {
 public:
  explicit RealFft(int64_t n);  // as Fft
  int64_t size() const { return n_; }
  int64_t bins() const { return n_ / 2 + 1; }
  // x has bins() values; the real input stands in its first n doubles.
  void Transform(Complex* x) const;

 private:
  int64_t n_;
  Fft half_;
  std::vector<Complex> roots_;
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_SIGNAL_FFT_H_
