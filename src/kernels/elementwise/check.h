// SPDX-License-Identifier: Apache-2.0
// What element-wise operators demand of their operands, with the texts that say so.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_CHECK_H_
#define HEDDLE_KERNELS_ELEMENTWISE_CHECK_H_

#include <cmath>
#include <initializer_list>

#include "base/errors.h"
#include "kernels/movement/operands.h"
#include "kernels/quant.h"

namespace heddle::core {

inline Status UnsupportedType(const Operand& o) {
  return Unsupported("'{}' is {}: no kernel for this type", o.name, TypeName(o.type));
}

// Every scale positive and finite, every zero point inside the type.
inline Status CheckScales(const Operand& o) {
  if (!o.quant->quantised())
    return InvalidModel("'{}' is {} without scale and zero point", o.name, TypeName(o.type));
  for (float s : o.quant->scale)
    if (!(s > 0) || !std::isfinite(s))
      return InvalidModel("'{}' has scale {}, expected a positive number", o.name, s);
  const IntRange range = RangeOf(o.type);
  for (int64_t z : o.quant->zero_point)
    if (z < range.lo || z > range.hi)
      return InvalidModel("'{}' has zero point {}, expected {} to {}", o.name, z, range.lo,
                          range.hi);
  return Status();
}

// One scale for the whole tensor.
inline Status CheckOneScale(const Operand& o) {
  HEDDLE_TRY(CheckScales(o));
  if (o.quant->per_channel())
    return Unsupported("'{}' has {} scales, expected one", o.name, o.quant->scale.size());
  return Status();
}

// One scale for the whole tensor; int16 is symmetric.
inline Status CheckQuantised(const Operand& o) {
  HEDDLE_TRY(CheckOneScale(o));
  if (o.type == Type::kInt16 && o.quant->ZeroPoint() != 0)
    return InvalidModel("'{}' is int16 with zero point {}, expected 0", o.name,
                        o.quant->ZeroPoint());
  return Status();
}
inline Status CheckQuantised(std::initializer_list<const Operand*> operands) {
  for (const Operand* o : operands) HEDDLE_TRY(CheckQuantised(*o));
  return Status();
}

// XNNPACK takes a node only with all of its operands; the operator may ask for more.
inline bool XnnTakesAll(const MakeArgs& args) {
  if (args.numerics != Numerics::kFast) return false;
  for (const Operand& o : args.inputs)
    if (!XnnTakes(o)) return false;
  return XnnTakes(args.outputs[0]);
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_CHECK_H_
