// SPDX-License-Identifier: Apache-2.0
// Logistic function and hyperbolic tangent in 16-bit fixed point, bit for bit those of gemmlowp
// that LiteRT's integer recurrent kernels use.
#ifndef HEDDLE_KERNELS_RECURRENT_FIXED16_H_
#define HEDDLE_KERNELS_RECURRENT_FIXED16_H_

#include <algorithm>
#include <array>
#include <cstdint>

namespace heddle::core {

class Fixed16 {
 public:
  // Of a number with `integer_bits` bits before the point; the result has none.
  static int16_t Logistic(int16_t a, int integer_bits) {
    if (a == 0) return 1 << 14;
    const int16_t below = a > 0 ? static_cast<int16_t>(-a) : a;
    const int16_t positive = OneOverOnePlus(ExpOfNegative(below, integer_bits));
    return a > 0 ? positive : static_cast<int16_t>(kOne - positive);
  }
  static int16_t Tanh(int16_t a, int integer_bits) {
    if (a == 0) return 0;
    const int16_t below = a < 0 ? a : static_cast<int16_t>(-a);
    const int16_t t = OneMinusOverOnePlus(ExpOfNegative(below, integer_bits + 1));
    return a < 0 ? static_cast<int16_t>(-t) : t;
  }

  // The high half of the doubled product, ties away from zero.
  static int16_t Product(int16_t a, int16_t b) {
    if (a == b && a == -32768) return kOne;
    const int32_t ab = int32_t{a} * b;
    return static_cast<int16_t>((ab + (ab >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15));
  }
  // a / 2^bits, ties away from zero.
  static int16_t ShiftRight(int16_t a, int bits) {
    const int32_t mask = (1 << bits) - 1, rest = a & mask;
    return static_cast<int16_t>((a >> bits) + (rest > (mask >> 1) + (a < 0 ? 1 : 0) ? 1 : 0));
  }

 private:
  static constexpr int16_t kOne = 32767;

  static int16_t Saturate(int32_t v) {
    return static_cast<int16_t>(std::clamp<int32_t>(v, -32768, 32767));
  }
  static int16_t Wrap(int32_t v) { return static_cast<int16_t>(v); }
  static int16_t ShiftLeft(int16_t a, int bits) { return Saturate(int32_t{a} * (1 << bits)); }
  static constexpr int16_t Constant(int32_t bits32) {
    return static_cast<int16_t>((int64_t{bits32} + (1 << 15)) >> 16);
  }

  // exp(a) for a in [-1/4, 0), no integer bits.
  static int16_t ExpOnInterval(int16_t a) {
    const int16_t constant = Constant(1895147668), third = Constant(715827883);
    const int16_t x = Wrap(a + (1 << 12));
    const int16_t x2 = Product(x, x), x3 = Product(x2, x), x4 = Product(x2, x2);
    const int16_t inner = Wrap(Product(Wrap(ShiftRight(x4, 2) + x3), third) + x2);
    return Saturate(constant + Product(constant, Wrap(x + ShiftRight(inner, 1))));
  }
  // exp(a) for a <= 0.
  static int16_t ExpOfNegative(int16_t a, int integer_bits) {
    if (a == 0) return kOne;
    const int fraction = 15 - integer_bits;
    if (integer_bits > 5 && a < -(1 << (20 - integer_bits))) return 0;  // below -32
    const int32_t quarter = 1 << (fraction - 2);
    const int32_t rest = (a & (quarter - 1)) - quarter;
    int16_t result = ExpOnInterval(ShiftLeft(static_cast<int16_t>(rest), integer_bits));
    const int32_t remainder = rest - a;
    constexpr std::array<int32_t, 7> kFactors = {1672461947, 1302514674, 790015084, 290630308,
                                                 39332535,   720401,     242};
    for (int i = 0; i < 7; ++i) {
      const int exponent = i - 2;
      if (integer_bits <= exponent) break;
      if ((remainder >> (fraction + exponent) & 1) != 0)
        result = Product(result, Constant(kFactors[i]));
    }
    return result;
  }

  // 1 / d in two integer bits, d = (1 + a) / 2.
  static int16_t InverseOfHalf(int16_t a) {
    const int32_t sum = int32_t{a} + kOne;
    const int16_t half = static_cast<int16_t>((sum + (sum >= 0 ? 1 : -1)) / 2);
    int16_t x = Wrap(Constant(1515870810) + Product(half, Constant(-1010580540)));
    for (int i = 0; i < 3; ++i) {
      const int16_t rest = Wrap((1 << 13) - Product(half, x));
      x = Wrap(x + ShiftLeft(Product(x, rest), 2));
    }
    return x;
  }
  static int16_t OneOverOnePlus(int16_t a) { return ShiftLeft(InverseOfHalf(a), 1); }
  static int16_t OneMinusOverOnePlus(int16_t a) {
    return ShiftLeft(Wrap(InverseOfHalf(a) - (1 << 13)), 2);
  }
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_RECURRENT_FIXED16_H_
