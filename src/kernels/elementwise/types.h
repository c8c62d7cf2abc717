// SPDX-License-Identifier: Apache-2.0
// From a Type to the code made for it: an operator lists its types, each gets its element.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_TYPES_H_
#define HEDDLE_KERNELS_ELEMENTWISE_TYPES_H_

#include <complex>

#include "kernels/elementwise/check.h"
#include "kernels/elementwise/element.h"
#include "kernels/operators.h"

namespace heddle::core {

// Any byte but 0 is true.
struct Bool {
  using Value = bool;
  static bool Load(const void* p, int64_t i) { return static_cast<const uint8_t*>(p)[i] != 0; }
  static void Store(void* p, int64_t i, bool v) { static_cast<uint8_t*>(p)[i] = v ? 1 : 0; }
};

template <Type type>
struct ElementFor;
// clang-format off
template <> struct ElementFor<Type::kFloat32> { using type = Plain<float>; };
template <> struct ElementFor<Type::kFloat64> { using type = Plain<double>; };
template <> struct ElementFor<Type::kFloat16> { using type = Float16; };
template <> struct ElementFor<Type::kBFloat16> { using type = Bfloat16; };
template <> struct ElementFor<Type::kInt8> { using type = Plain<int8_t>; };
template <> struct ElementFor<Type::kUInt8> { using type = Plain<uint8_t>; };
template <> struct ElementFor<Type::kInt16> { using type = Plain<int16_t>; };
template <> struct ElementFor<Type::kUInt16> { using type = Plain<uint16_t>; };
template <> struct ElementFor<Type::kInt32> { using type = Plain<int32_t>; };
template <> struct ElementFor<Type::kUInt32> { using type = Plain<uint32_t>; };
template <> struct ElementFor<Type::kInt64> { using type = Plain<int64_t>; };
template <> struct ElementFor<Type::kUInt64> { using type = Plain<uint64_t>; };
template <> struct ElementFor<Type::kBool> { using type = Bool; };
template <> struct ElementFor<Type::kComplex64> { using type = Plain<std::complex<float>>; };
template <> struct ElementFor<Type::kComplex128> { using type = Plain<std::complex<double>>; };
template <> struct ElementFor<Type::kInt4> { using type = Packed<4, true>; };
template <> struct ElementFor<Type::kUInt4> { using type = Packed<4, false>; };
template <> struct ElementFor<Type::kInt2> { using type = Packed<2, true>; };
// clang-format on
template <Type type>
using ElementOf = typename ElementFor<type>::type;

// make.operator()<Element>() for the operand's type, when it is one of `types`.
template <Type... types, class Make>
MadeOperation MakeForType(const Operand& operand, Make make) {
  MadeOperation made = UnsupportedType(operand);
  static_cast<void>(
      ((operand.type == types && (made = make.template operator()<ElementOf<types>>(), true)) ||
       ...));
  return made;
}

inline bool IsByte(Type type) { return type == Type::kInt8 || type == Type::kUInt8; }

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_TYPES_H_
