// SPDX-License-Identifier: Apache-2.0
// Our own transcendental functions: plain multiplies, adds and divides in a fixed order, so that
// every CPU, instruction set and C library gives the same bits. libm's differ between machines and
// versions.
#ifndef HEDDLE_KERNELS_MATH_H_
#define HEDDLE_KERNELS_MATH_H_

#include <bit>
#include <cstdint>

namespace heddle::core {

// Within 1e-15 of the exact value, relatively; infinities, NaN and zeros as C defines them.
double Exp(double x);
double Expm1(double x);
double Log(double x);
double Tanh(double x);
double Logistic(double x);  // 1 / (1 + exp(-x))
double Atan2(double y, double x);
double Erfc(double x);  // within 2e-13, relatively
double Sin(double x);   // REQUIRES: |x| <= 2^20. Within 1e-15, absolutely
double Cos(double x);   // REQUIRES: |x| <= 2^20. Within 1e-15, absolutely

// The correctly rounded float but for one argument in many millions.
inline float ExpF(float x) { return static_cast<float>(Exp(x)); }
inline float LogF(float x) { return static_cast<float>(Log(x)); }
// Small arguments are their own result: denormals survive where the thread flushes them.
inline float TanhF(float x) {
  return x > -0x1p-13f && x < 0x1p-13f ? x : static_cast<float>(Tanh(x));
}
inline float LogisticF(float x) { return static_cast<float>(Logistic(x)); }
inline float Expm1F(float x) {
  return x > -0x1p-24f && x < 0x1p-24f ? x : static_cast<float>(Expm1(x));
}
float PowF(float x, float y);
float SinF(float x);  // of any float
float CosF(float x);

// Branch-free forms for loops over tensors, which compilers vectorise: float arithmetic only,
// within 2 units in the last place (logistic and tanh: 3). Inlined so that a file compiled for one
// instruction set exports no copy of them.
namespace math_internal {

// exp(x) = 2^n * exp(r), |r| <= ln(2)/2 and a bit.
struct FastReduced {
  float r;
  int32_t n;
};

// REQUIRES: |x| < 2^20, or NaN.
[[gnu::always_inline]] inline FastReduced FastReduce(float x) {
  constexpr float kShift = 0x1.8p23f;  // adding it leaves round(value) in the low bits of the sum
  const float shifted = x * 0x1.715476p0f + kShift;
  const float k = shifted - kShift;
  const uint32_t n = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(kShift);
  // ln(2) in two parts; k times the first is exact.
  return {(x - k * 0.693359375f) - k * -2.12194440e-4f, static_cast<int32_t>(n)};
}

// exp(r) - 1 for a reduced r.
[[gnu::always_inline]] inline float FastExpm1Reduced(float r) {
  float p = 0x1.6d4926p-10f;
  p = p * r + 0x1.121072p-7f;
  p = p * r + 0x1.5554e4p-5f;
  p = p * r + 0x1.5554d8p-3f;
  p = p * r + 0x1p-1f;
  return r + r * r * p;
}

// REQUIRES: -126 <= n <= 127.
[[gnu::always_inline]] inline float FastPowerOf2(int32_t n) {
  return std::bit_cast<float>((static_cast<uint32_t>(n) + 127u) << 23);
}

// erfc(a) / (t * exp(-a^2)) for t = 1/(1 + a/2), a in [0, 11]: a least-squares polynomial.
[[gnu::always_inline]] inline float FastErfcFactor(float t) {
  float p = 0x1.e7c64cp-7f;
  p = p * t - 0x1.168c84p-3f;
  p = p * t + 0x1.d27032p-2f;
  p = p * t - 0x1.66c19ep-1f;
  p = p * t + 0x1.c54fa4p-2f;
  p = p * t - 0x1.b8a44ep-4f;
  p = p * t + 0x1.d2e6b4p-3f;
  p = p * t + 0x1.e7ff22p-3f;
  p = p * t + 0x1.21ac3ep-2f;
  return p * t + 0x1.20d55cp-2f;
}

}  // namespace math_internal

[[gnu::always_inline]] inline float FastExpF(float x) {
  x = x < -104.0f ? -104.0f : x;  // NaN passes both
  x = x > 89.0f ? 89.0f : x;
  const auto [r, n] = math_internal::FastReduce(x);
  const float e = 1.0f + math_internal::FastExpm1Reduced(r);
  // Two factors, so that 2^128 and denormal results are reached without a branch.
  const int32_t half = n >> 1;
  return e * math_internal::FastPowerOf2(half) * math_internal::FastPowerOf2(n - half);
}

// For x <= 0.
[[gnu::always_inline]] inline float FastExpm1F(float x) {
  x = x < -80.0f ? -80.0f : x;
  const auto [r, n] = math_internal::FastReduce(x);
  const float s = math_internal::FastPowerOf2(n);
  return s * math_internal::FastExpm1Reduced(r) + (s - 1.0f);
}

[[gnu::always_inline]] inline float FastLogF(float x) {
  const bool denormal = x < 0x1p-126f;
  const float scaled = denormal ? x * 0x1p24f : x;
  const uint32_t bits = std::bit_cast<uint32_t>(scaled);
  // scaled = 2^k * m, m in [sqrt(1/2), sqrt(2)).
  const int32_t k = static_cast<int32_t>(bits - 0x3f3504f3u) >> 23;
  const float m = std::bit_cast<float>(bits - (static_cast<uint32_t>(k) << 23));
  const float f = m - 1.0f, s = f / (2.0f + f), z = s * s;
  // 2 * atanh(s); the leading part of the series kept exact.
  const float tail =
      z * (0x1.555556p-1f + z * (0x1.99999ap-2f + z * (0x1.24924ap-2f + z * 0x1.c71c72p-3f)));
  const float half_square = 0.5f * f * f;
  const float n = static_cast<float>(k - (denormal ? 24 : 0));
  const float y =
      n * 0.693359375f - ((half_square - (s * (half_square + tail) + n * -2.12194440e-4f)) - f);
  const float below = x == 0.0f ? -__builtin_inff() : __builtin_nanf("");
  return x < __builtin_inff() && x > 0.0f ? y : x > 0.0f ? x : x != x ? x : below;
}

[[gnu::always_inline]] inline float FastErfcF(float x) {
  float a = x < 0.0f ? -x : x;
  a = a > 11.0f ? 11.0f : a;  // erfc(11) is below the smallest float
  const float t = 1.0f / (1.0f + 0.5f * a);
  const float y = t * FastExpF(-a * a) * math_internal::FastErfcFactor(t);
  return x < 0.0f ? 2.0f - y : y;
}

[[gnu::always_inline]] inline float FastLogisticF(float x) { return 1.0f / (1.0f + FastExpF(-x)); }

[[gnu::always_inline]] inline float FastTanhF(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  float a = std::bit_cast<float>(bits & 0x7fffffffu);
  a = a > 10.0f ? 10.0f : a;  // tanh(10) rounds to 1
  const auto [r, n] = math_internal::FastReduce(-2.0f * a);
  const float s = math_internal::FastPowerOf2(n);
  const float t = s * math_internal::FastExpm1Reduced(r) + (s - 1.0f);  // exp(-2a) - 1
  const float y = -t / (t + 2.0f);
  return std::bit_cast<float>((std::bit_cast<uint32_t>(y) & 0x7fffffffu) | (bits & 0x80000000u));
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_MATH_H_
