// SPDX-License-Identifier: Apache-2.0
// How elements of each type are read and written: half floats widen to float, packed integers to a
// byte.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_ELEMENT_H_
#define HEDDLE_KERNELS_ELEMENTWISE_ELEMENT_H_

#include <bit>
#include <cstdint>

#include "base/half.h"

namespace heddle::core {

// A float in an order of integers that flushing of denormals does not reach; both zeros are 0.
// REQUIRES: no NaN.
inline int32_t FloatKey(float f) {
  const int32_t u = std::bit_cast<int32_t>(f);
  return u < 0 ? -(u & 0x7fffffff) : u;
}

// To double and back without flushing of denormals. REQUIRES, for FloatOf: a value that a float
// holds, or one past the largest denormal.
inline double DoubleOf(float f) {
  const int32_t key = FloatKey(f);
  const bool denormal = key > -0x800000 && key < 0x800000 && key != 0;
  return denormal ? static_cast<double>(key) * 0x1p-149 : static_cast<double>(f);
}
inline float FloatOf(double d) {
  const bool denormal = d > -0x1p-126 && d < 0x1p-126 && d != 0;
  if (!denormal) return static_cast<float>(d);
  const int32_t key = static_cast<int32_t>(d * 0x1p149);
  return std::bit_cast<float>(key < 0 ? static_cast<int32_t>(0x80000000u) - key : key);
}

// An element type: what a kernel computes with, and how element i of a tensor is read and written.
template <class T>
struct Plain {
  using Value = T;
  static T Load(const void* p, int64_t i) { return static_cast<const T*>(p)[i]; }
  static void Store(void* p, int64_t i, T v) { static_cast<T*>(p)[i] = v; }
};
struct Float16 {
  using Value = float;
  static float Load(const void* p, int64_t i) {
    return HalfToFloat(static_cast<const uint16_t*>(p)[i]);
  }
  static void Store(void* p, int64_t i, float v) { static_cast<uint16_t*>(p)[i] = FloatToHalf(v); }
};
struct Bfloat16 {
  using Value = float;
  static float Load(const void* p, int64_t i) {
    return BfloatToFloat(static_cast<const uint16_t*>(p)[i]);
  }
  static void Store(void* p, int64_t i, float v) {
    static_cast<uint16_t*>(p)[i] = FloatToBfloat(v);
  }
};
// Integers of 2 or 4 bits, low bits first. The elements of a byte are stored in ascending order by
// one thread.
template <int bits, bool is_signed>
struct Packed {
  using Value = int8_t;
  static constexpr int kPerByte = 8 / bits;
  static int8_t Load(const void* p, int64_t i) {
    const int byte = static_cast<const uint8_t*>(p)[i / kPerByte];
    const int v = byte >> (i % kPerByte * bits) & ((1 << bits) - 1);
    return static_cast<int8_t>(is_signed && v >> (bits - 1) ? v - (1 << bits) : v);
  }
  static void Store(void* p, int64_t i, int8_t v) {
    uint8_t& byte = static_cast<uint8_t*>(p)[i / kPerByte];
    const int at = static_cast<int>(i % kPerByte) * bits;
    const int kept = at == 0 ? 0 : byte;
    byte = static_cast<uint8_t>(kept | (v & ((1 << bits) - 1)) << at);
  }
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_ELEMENT_H_
