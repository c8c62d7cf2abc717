// SPDX-License-Identifier: Apache-2.0
// Elements of an Array as numbers.
#ifndef HEDDLE_CLI_NUMBERS_H_
#define HEDDLE_CLI_NUMBERS_H_

#include <cmath>

#include "base/half.h"
#include "cli/array.h"

namespace heddle::cli {

// A complex element counts as two floats.
inline size_t PartsOf(const Array& a) { return a.kind == Kind::kComplex ? 2 : 1; }

// Part i of a float or complex array; of a u2 array as the bits of a bfloat16.
inline double FloatAt(const Array& a, size_t i) {
  if (a.kind == Kind::kUInt) return core::BfloatToFloat(a.At<uint16_t>(i));
  switch (a.item / PartsOf(a)) {
    case 2:
      return core::HalfToFloat(a.At<uint16_t>(i));
    case 4:
      return a.At<float>(i);
    default:
      return a.At<double>(i);
  }
}

// Element i of an integer or boolean array: sign-extended, or the bits of an unsigned number.
inline uint64_t IntegerAt(const Array& a, size_t i) {
  const bool is_signed = a.kind == Kind::kInt;
  switch (a.item) {
    case 1:
      return is_signed ? static_cast<uint64_t>(a.At<int8_t>(i)) : a.At<uint8_t>(i);
    case 2:
      return is_signed ? static_cast<uint64_t>(a.At<int16_t>(i)) : a.At<uint16_t>(i);
    case 4:
      return is_signed ? static_cast<uint64_t>(a.At<int32_t>(i)) : a.At<uint32_t>(i);
    default:
      return a.At<uint64_t>(i);
  }
}

// Any number as a double; 64-bit integers may lose their last bits.
inline double NumberAt(const Array& a, size_t i, bool bfloat16) {
  if (a.kind == Kind::kFloat || a.kind == Kind::kComplex || bfloat16) return FloatAt(a, i);
  const uint64_t bits = IntegerAt(a, i);
  return a.kind == Kind::kInt ? static_cast<double>(static_cast<int64_t>(bits))
                              : static_cast<double>(bits);
}

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_NUMBERS_H_
