// SPDX-License-Identifier: Apache-2.0
// What operators ask of their operands before they compute: counts, types, and values that decide
// shapes.
#ifndef HEDDLE_KERNELS_MOVEMENT_OPERANDS_H_
#define HEDDLE_KERNELS_MOVEMENT_OPERANDS_H_

#include <array>
#include <cstdint>

#include "base/errors.h"
#include "kernels/operation.h"

namespace heddle::core {

// The error for a value that breaks the operator's rules: a constant is the file's fault, any other
// value the caller's.
template <class... A>
Status BadValue(const Operand& operand, fmt::format_string<A...> f, A&&... a) {
  return Status(operand.constant ? Code::kInvalidModel : Code::kInvalidArgument,
                fmt::format(f, std::forward<A>(a)...));
}

// Between `least` and `most` inputs, the first `least` of them present, and exactly `outputs`
// outputs.
Status CheckCounts(const MakeArgs& args, size_t least, size_t most, size_t outputs);
// Every input from `first` on has the type of output 0.
Status CheckTypesEqual(const MakeArgs& args, size_t first, size_t last);
// A type whose elements have a fixed size of whole bytes, or four bits.
Status CheckCopyable(const Operand& operand);
// int32 or int64: axes, sizes and places.
Status CheckIndexType(const Operand& operand);
// Scale and zero point of both agree.
bool SameQuantization(const Operand& a, const Operand& b);
// XNNPACK takes float tensors, and 8-bit ones of one positive, normal scale; of rank 6 at most,
// without a size of zero.
bool XnnTakes(const Operand& operand);

// The values of a small integer tensor.
struct IntList {
  static constexpr int kMax = 64;
  std::array<int64_t, kMax> at{};
  int size = 0;

  int64_t operator[](int i) const { return at[i]; }
};
// REQUIRES: the operand is one of ValueInputs(). `role` names it in errors: "axis".
Result<IntList> ReadInts(const Operand& operand, const char* role);

// Axis `axis` of `rank`, counted from the end when negative; -1 when there is no such axis.
inline int ResolveAxis(int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) return -1;
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

// The axis of `input` that an operand of one value names. REQUIRES: as for ReadInts.
Result<int> ReadAxis(const Operand& operand, const Shape& input);

// Appends to a shape, or says that the rank is more than Heddle has.
Status AppendDim(Shape& shape, int32_t size);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_MOVEMENT_OPERANDS_H_
