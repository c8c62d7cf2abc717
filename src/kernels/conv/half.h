// SPDX-License-Identifier: Apache-2.0
// float16 values as their bits, in portable code.
#ifndef HEDDLE_KERNELS_CONV_HALF_H_
#define HEDDLE_KERNELS_CONV_HALF_H_

#include <bit>
#include <cstdint>

namespace heddle::core {

struct Half {
  uint16_t bits;
};

inline float ToFloat(float v) { return v; }

// Exact.
inline float ToFloat(Half h) {
  const uint32_t sign = static_cast<uint32_t>(h.bits & 0x8000) << 16;
  const uint32_t exponent = h.bits >> 10 & 31, mantissa = h.bits & 0x3FF;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000 | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float tiny = static_cast<float>(mantissa) * 0x1p-24f;
  return sign != 0 ? -tiny : tiny;
}

// Nearest, ties to even; too large becomes infinity.
inline Half ToHalf(float v) {
  const uint32_t bits = std::bit_cast<uint32_t>(v);
  const uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return {static_cast<uint16_t>(sign | 0x7E00)};
  if (magnitude >= 0x477FF000) return {static_cast<uint16_t>(sign | 0x7C00)};
  if (magnitude < 0x38800000) {  // below the smallest normal half: the sum's last bit is 2^-24
    const float sum = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(sum) - 0x3F000000))};
  }
  const uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
  return {static_cast<uint16_t>(sign | ((rounded - 0x38000000) >> 13))};
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONV_HALF_H_
