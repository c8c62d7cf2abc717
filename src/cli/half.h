// SPDX-License-Identifier: Apache-2.0
// The 16-bit floats: bits and values. For files and reports, not for speed.
#ifndef HEDDLE_CLI_HALF_H_
#define HEDDLE_CLI_HALF_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace heddle::cli {

inline float HalfValue(uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const float mantissa = static_cast<float>(bits & 1023);
  const float magnitude = exponent == 31  ? (mantissa != 0 ? NAN : INFINITY)
                          : exponent == 0 ? mantissa * 0x1p-24f
                                          : std::ldexp(1024.0f + mantissa, exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

// Rounded to nearest even. REQUIRES: |value| <= 65504.
inline uint16_t HalfBits(float value) {
  int exponent = -13;  // of zero, which frexp does not tell apart from 0.5
  if (value != 0) std::frexp(value, &exponent);  // |value| = m * 2^exponent, 0.5 <= m < 1
  const int step = std::max(exponent - 11, -24);
  const auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(std::fabs(value), -step)));
  // A carry out of the mantissa lands in the exponent, which is what rounding up means.
  const uint32_t magnitude = static_cast<uint32_t>(step + 24) * 1024 + units;
  return static_cast<uint16_t>(magnitude | (std::signbit(value) ? 0x8000 : 0));
}

inline float BFloatValue(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

// Rounded to nearest even. REQUIRES: value is finite.
inline uint16_t BFloatBits(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_HALF_H_
