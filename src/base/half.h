// SPDX-License-Identifier: Apache-2.0
// The 16-bit floats, as their bits. Only integer arithmetic and normal floats are used, so flushing
// of denormals does not reach the conversions; they have no branches, so that compilers vectorise
// loops of them.
#ifndef HEDDLE_BASE_HALF_H_
#define HEDDLE_BASE_HALF_H_

#include <bit>
#include <cstdint>

namespace heddle::core {

// Exact.
inline float HalfToFloat(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16;
  const uint32_t shifted = static_cast<uint32_t>(h & 0x7fff) << 13;
  const uint32_t exponent = shifted & 0x0f800000;
  const uint32_t normal = shifted + ((127 - 15) << 23);
  const uint32_t special = normal + ((128 - 16) << 23);  // infinity, NaN
  // Zero, denormal: 2^-14 * (1 + fraction) - 2^-14.
  const float tiny = std::bit_cast<float>(normal + (1 << 23)) - 0x1p-14f;
  const uint32_t u = exponent == 0x0f800000 ? special
                     : exponent == 0        ? std::bit_cast<uint32_t>(tiny)
                                            : normal;
  return std::bit_cast<float>(u | sign);
}

// Nearest, ties to even; too large becomes infinity.
inline uint16_t FloatToHalf(float f) {
  const uint32_t bits = std::bit_cast<uint32_t>(f), sign = bits & 0x80000000, u = bits ^ sign;
  // Below 2^-14: adding 1/2 leaves the rounded fraction in the low bits.
  const uint32_t tiny =
      std::bit_cast<uint32_t>(std::bit_cast<float>(u < 0x38800000 ? u : 0) + 0.5f) - 0x3f000000;
  const uint32_t normal = (u - ((127 - 15) << 23) + 0xfff + (u >> 13 & 1)) >> 13;
  const uint32_t large = u > 0x7f800000 ? 0x7e00 : 0x7c00;  // 2^16 and more, infinity, NaN
  const uint32_t half = u >= 0x47800000 ? large : u < 0x38800000 ? tiny : normal;
  return static_cast<uint16_t>(half | sign >> 16);
}

inline float BfloatToFloat(uint16_t b) {
  return std::bit_cast<float>(static_cast<uint32_t>(b) << 16);
}

// Nearest, ties to even.
inline uint16_t FloatToBfloat(float f) {
  const uint32_t u = std::bit_cast<uint32_t>(f);
  const uint32_t nan = u >> 16 | 0x40, rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
  return static_cast<uint16_t>((u & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

// float16 as an element type of its own, for code that is written once for it and float.
struct Half {
  uint16_t bits;
};
inline float ToFloat(float v) { return v; }
inline float ToFloat(Half h) { return HalfToFloat(h.bits); }
inline Half ToHalf(float v) { return {FloatToHalf(v)}; }

}  // namespace heddle::core

#endif  // HEDDLE_BASE_HALF_H_
