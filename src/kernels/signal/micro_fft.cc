// SPDX-License-Identifier: Apache-2.0
#include "kernels/signal/micro_fft.h"

#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/signal/rounded_trig.h"

namespace heddle::core {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Arithmetic of one scalar. Integers are fractions of all their bits but the sign, and wrap.
template <class T>
struct Scalar {
  using Wide = std::conditional_t<sizeof(T) == 2, int32_t, int64_t>;
  static constexpr int kBits = 8 * sizeof(T) - 1;
  static constexpr T kMost = std::numeric_limits<T>::max();

  static T Add(T a, T b) {
    return static_cast<T>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
  }
  static T Sub(T a, T b) {
    return static_cast<T>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b));
  }
  static T Round(Wide x) { return static_cast<T>((x + (Wide{1} << (kBits - 1))) >> kBits); }
  static T Mul(T a, T b) { return Round(Wide{a} * b); }
  static T MulAdd(T a, T b, T c, T d) { return Round(Wide{a} * b + Wide{c} * d); }
  static T MulSub(T a, T b, T c, T d) { return Round(Wide{a} * b - Wide{c} * d); }
  static T Divide(T x, int k) { return Mul(x, static_cast<T>(kMost / k)); }
  static T Negate(T a) { return Sub(T{0}, a); }
  static T Half(T a) { return static_cast<T>(a >> 1); }
  // Half of a sum that does not wrap at 16 bits.
  static T HalfSum(T a, T b) {
    return static_cast<T>(
        static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b)) >> 1);
  }
  static T HalfDifference(T a, T b) {
    return static_cast<T>(
        static_cast<int32_t>(static_cast<uint32_t>(a) - static_cast<uint32_t>(b)) >> 1);
  }
  static T OfRoot(double x) { return static_cast<T>(std::floor(0.5 + double{kMost} * x)); }
};

template <>
struct Scalar<float> {
  static float Add(float a, float b) { return a + b; }
  static float Sub(float a, float b) { return a - b; }
  static float Mul(float a, float b) { return a * b; }
  static float MulAdd(float a, float b, float c, float d) { return a * b + c * d; }
  static float MulSub(float a, float b, float c, float d) { return a * b - c * d; }
  static float Divide(float x, int) { return x; }
  static float Negate(float a) { return -a; }
  static float Half(float a) { return a * 0.5f; }
  static float HalfSum(float a, float b) { return (a + b) * 0.5f; }
  static float HalfDifference(float a, float b) { return (a - b) * 0.5f; }
  static float OfRoot(double x) { return static_cast<float>(x); }
};

template <class T>
using C = MicroComplex<T>;

template <class T>
C<T> operator+(C<T> a, C<T> b) {
  return {Scalar<T>::Add(a.re, b.re), Scalar<T>::Add(a.im, b.im)};
}
template <class T>
C<T> operator-(C<T> a, C<T> b) {
  return {Scalar<T>::Sub(a.re, b.re), Scalar<T>::Sub(a.im, b.im)};
}
template <class T>
C<T> operator*(C<T> a, C<T> b) {
  return {Scalar<T>::MulSub(a.re, b.re, a.im, b.im), Scalar<T>::MulAdd(a.re, b.im, a.im, b.re)};
}
template <class T>
C<T> operator/(C<T> a, int k) {
  return {Scalar<T>::Divide(a.re, k), Scalar<T>::Divide(a.im, k)};
}
// a + i b and a - i b.
template <class T>
C<T> PlusTurned(C<T> a, C<T> b) {
  return {Scalar<T>::Sub(a.re, b.im), Scalar<T>::Add(a.im, b.re)};
}
template <class T>
C<T> MinusTurned(C<T> a, C<T> b) {
  return {Scalar<T>::Add(a.re, b.im), Scalar<T>::Sub(a.im, b.re)};
}
template <class T>
C<T> Conjugate(C<T> a) {
  return {a.re, Scalar<T>::Negate(a.im)};
}
template <class T>
C<T> RootAt(double phase) {
  return {Scalar<T>::OfRoot(RoundedCos(phase)), Scalar<T>::OfRoot(RoundedSin(phase))};
}

}  // namespace

template <class T>
bool MicroRealFft<T>::Takes(int64_t n) {
  if (n < 4 || n % 2 != 0) return false;
  n /= 2;
  for (const int p : {2, 3, 5})
    while (n % p == 0) n /= p;
  return n == 1;
}

template <class T>
MicroRealFft<T>::MicroRealFft(int64_t n, bool inverse) : half_(n / 2), inverse_(inverse) {
  int64_t rest = half_;
  for (const int radix : {4, 2, 3, 5}) {
    for (; rest % radix == 0; rest /= radix) stages_.push_back({radix, rest / radix});
  }
  // The angles are rounded as the original rounds them: fixed-point roots are rounded after them.
  const double sign = inverse ? -1 : 1, length = static_cast<double>(half_);
  for (int64_t i = 0; i < half_; ++i)
    roots_.push_back(RootAt<T>(sign * (-2 * kPi * static_cast<double>(i) / length)));
  for (int64_t i = 0; i < half_ / 2; ++i)
    halves_.push_back(RootAt<T>(sign * (-kPi * (static_cast<double>(i + 1) / length + 0.5))));
}

template <class T>
void MicroRealFft<T>::Transform(Value* out, const Value* in, int64_t stride, size_t stage) const {
  const auto [radix, m] = stages_[stage];
  for (int q = 0; q < radix; ++q) {
    if (m == 1) {
      out[q] = in[q * stride];
    } else {
      Transform(out + q * m, in + q * stride, stride * radix, stage + 1);
    }
  }
  switch (radix) {
    case 2:
      return Join2(out, stride, m);
    case 3:
      return Join3(out, stride, m);
    case 4:
      return Join4(out, stride, m);
    default:
      return Join5(out, stride, m);
  }
}

template <class T>
void MicroRealFft<T>::Join2(Value* out, int64_t stride, int64_t m) const {
  for (int64_t k = 0; k < m; ++k) {
    const Value a = out[k] / 2, b = out[k + m] / 2 * roots_[k * stride];
    out[k + m] = a - b;
    out[k] = a + b;
  }
}

template <class T>
void MicroRealFft<T>::Join4(Value* out, int64_t stride, int64_t m) const {
  for (int64_t k = 0; k < m; ++k) {
    const Value a = out[k] / 4, b = out[k + m] / 4 * roots_[k * stride];
    const Value c = out[k + 2 * m] / 4 * roots_[2 * k * stride];
    const Value d = out[k + 3 * m] / 4 * roots_[3 * k * stride];
    const Value difference = a - c, sum = a + c;
    out[k + 2 * m] = sum - (b + d);
    out[k] = sum + (b + d);
    out[k + m] = inverse_ ? PlusTurned(difference, b - d) : MinusTurned(difference, b - d);
    out[k + 3 * m] = inverse_ ? MinusTurned(difference, b - d) : PlusTurned(difference, b - d);
  }
}

template <class T>
void MicroRealFft<T>::Join3(Value* out, int64_t stride, int64_t m) const {
  using S = Scalar<T>;
  const T sine = roots_[stride * m].im;
  for (int64_t k = 0; k < m; ++k) {
    const Value a = out[k] / 3, b = out[k + m] / 3 * roots_[k * stride];
    const Value c = out[k + 2 * m] / 3 * roots_[2 * k * stride];
    const Value sum = b + c, difference = b - c;
    const Value middle = {S::Sub(a.re, S::Half(sum.re)), S::Sub(a.im, S::Half(sum.im))};
    const Value turned = {S::Mul(difference.re, sine), S::Mul(difference.im, sine)};
    out[k] = a + sum;
    out[k + 2 * m] = MinusTurned(middle, turned);
    out[k + m] = PlusTurned(middle, turned);
  }
}

template <class T>
void MicroRealFft<T>::Join5(Value* out, int64_t stride, int64_t m) const {
  using S = Scalar<T>;
  const Value y = roots_[stride * m], z = roots_[2 * stride * m];
  // a + u * cu + v * cv, in this order.
  const auto middle = [](Value a, Value u, T cu, Value v, T cv) {
    return Value{S::Add(S::Add(a.re, S::Mul(u.re, cu)), S::Mul(v.re, cv)),
                 S::Add(S::Add(a.im, S::Mul(u.im, cu)), S::Mul(v.im, cv))};
  };
  for (int64_t k = 0; k < m; ++k) {
    const Value a = out[k] / 5;
    Value p[5];
    for (int q = 1; q < 5; ++q) p[q] = out[k + q * m] / 5 * roots_[q * k * stride];
    const Value outer = p[1] + p[4], outer_gap = p[1] - p[4];
    const Value inner = p[2] + p[3], inner_gap = p[2] - p[3];
    out[k] = a + (outer + inner);
    const Value near = middle(a, outer, y.re, inner, z.re);
    const Value near_turned = {
        S::Add(S::Mul(outer_gap.im, y.im), S::Mul(inner_gap.im, z.im)),
        S::Sub(S::Negate(S::Mul(outer_gap.re, y.im)), S::Mul(inner_gap.re, z.im))};
    out[k + m] = near - near_turned;
    out[k + 4 * m] = near + near_turned;
    const Value far = middle(a, outer, z.re, inner, y.re);
    const Value far_turned = {S::Sub(S::Mul(inner_gap.im, y.im), S::Mul(outer_gap.im, z.im)),
                              S::Sub(S::Mul(outer_gap.re, z.im), S::Mul(inner_gap.re, y.im))};
    out[k + 2 * m] = far + far_turned;
    out[k + 3 * m] = far - far_turned;
  }
}

// The even values are the real parts of a transform of half the length, the odd ones its imaginary
// parts.
template <class T>
void MicroRealFft<T>::Forward(const Value* pairs, Value* out, Value* room) const {
  using S = Scalar<T>;
  Transform(room, pairs, 1, 0);
  const Value first = room[0] / 2;
  out[0] = {S::Add(first.re, first.im), T{0}};
  out[half_] = {S::Sub(first.re, first.im), T{0}};
  for (int64_t k = 1; k <= half_ / 2; ++k) {
    const Value a = room[k] / 2, b = Conjugate(room[half_ - k]) / 2;
    const Value sum = a + b, turned = (a - b) * halves_[k - 1];
    out[k] = {S::HalfSum(sum.re, turned.re), S::HalfSum(sum.im, turned.im)};
    out[half_ - k] = {S::HalfDifference(sum.re, turned.re), S::HalfDifference(turned.im, sum.im)};
  }
}

template <class T>
void MicroRealFft<T>::Inverse(const Value* in, Value* pairs, Value* room) const {
  using S = Scalar<T>;
  room[0] = Value{S::Add(in[0].re, in[half_].re), S::Sub(in[0].re, in[half_].re)} / 2;
  for (int64_t k = 1; k <= half_ / 2; ++k) {
    const Value a = in[k] / 2, b = Conjugate(in[half_ - k]) / 2;
    const Value sum = a + b, turned = (a - b) * halves_[k - 1];
    room[k] = sum + turned;
    room[half_ - k] = Conjugate(sum - turned);
  }
  Transform(pairs, room, 1, 0);
}

template class MicroRealFft<int16_t>;
template class MicroRealFft<int32_t>;
template class MicroRealFft<float>;

}  // namespace heddle::core
