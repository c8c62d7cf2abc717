// SPDX-License-Identifier: Apache-2.0
// What element-wise operators demand of their operands, with the texts that say so.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_CHECK_H_
#define HEDDLE_KERNELS_ELEMENTWISE_CHECK_H_

#include <cmath>
#include <initializer_list>
#include <span>

#include "base/errors.h"
#include "kernels/operation.h"
#include "kernels/quant.h"

namespace heddle::core {

// So many inputs and one output, all present.
inline Status CheckOperands(const MakeArgs& args, size_t inputs) {
  if (args.inputs.size() != inputs)
    return InvalidModel("{} inputs, expected {}", args.inputs.size(), inputs);
  if (args.outputs.size() != 1) return InvalidModel("{} outputs, expected 1", args.outputs.size());
  for (size_t i = 0; i < inputs; ++i)
    if (!args.inputs[i].present()) return InvalidModel("input {} is absent", i);
  if (!args.outputs[0].present()) return InvalidModel("the output is absent");
  return Status();
}

inline Status CheckSameType(const Operand& a, const Operand& b) {
  if (a.type == b.type) return Status();
  return InvalidModel("'{}' is {}, expected {} as '{}'", b.name, TypeName(b.type), TypeName(a.type),
                      a.name);
}

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

// One scale for the whole tensor; int16 is symmetric.
inline Status CheckQuantised(const Operand& o) {
  HEDDLE_TRY(CheckScales(o));
  if (o.quant->per_channel())
    return Unsupported("'{}' has {} scales, expected one", o.name, o.quant->scale.size());
  if (o.type == Type::kInt16 && o.quant->ZeroPoint() != 0)
    return InvalidModel("'{}' is int16 with zero point {}, expected 0", o.name,
                        o.quant->ZeroPoint());
  return Status();
}
inline Status CheckQuantised(std::initializer_list<const Operand*> operands) {
  for (const Operand* o : operands) HEDDLE_TRY(CheckQuantised(*o));
  return Status();
}

// The part of LiteRT's delegation rule that is the same for every operator: rank at most 6, no axis
// of size 0 and normal scales, all as the file says them.
inline bool XnnTakes(const Operand& o) {
  if (o.shape.rank() > 6) return false;
  for (int32_t size : o.shape.dims())
    if (size == 0) return false;
  return !o.quant->quantised() || (!o.quant->per_channel() && std::isnormal(o.quant->Scale()));
}
inline bool XnnTakes(const MakeArgs& args) {
  if (args.numerics != Numerics::kFast) return false;
  for (const Operand& o : args.inputs)
    if (!XnnTakes(o)) return false;
  return XnnTakes(args.outputs[0]);
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_CHECK_H_
