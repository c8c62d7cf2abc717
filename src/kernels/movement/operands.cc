// SPDX-License-Identifier: Apache-2.0
#include "kernels/movement/operands.h"

#include <cmath>

namespace heddle::core {
namespace {

template <class T>
IntList Widen(const Operand& operand, int count) {
  IntList list;
  list.size = count;
  for (int i = 0; i < count; ++i) list.at[i] = static_cast<int64_t>(operand.As<T>()[i]);
  return list;
}

}  // namespace

Status CheckCounts(const MakeArgs& args, size_t least, size_t most, size_t outputs) {
  if (args.inputs.size() < least || args.inputs.size() > most) {
    return least == most
               ? InvalidModel("{} inputs, expected {}", args.inputs.size(), least)
               : InvalidModel("{} inputs, expected {} to {}", args.inputs.size(), least, most);
  }
  if (args.outputs.size() != outputs) {
    return InvalidModel("{} outputs, expected {}", args.outputs.size(), outputs);
  }
  for (size_t i = 0; i < least; ++i) {
    if (!args.inputs[i].present()) return InvalidModel("input {} is absent, expected a tensor", i);
  }
  return Status();
}

Status CheckTypesEqual(const MakeArgs& args, size_t first, size_t last) {
  const Operand& output = args.outputs[0];
  for (size_t i = first; i < last; ++i) {
    const Operand& input = args.inputs[i];
    if (input.type != output.type) {
      return InvalidModel("input '{}' is {}, expected {} (type of output '{}')", input.name,
                          TypeName(input.type), TypeName(output.type), output.name);
    }
  }
  return Status();
}

Status CheckCopyable(const Operand& operand) {
  const size_t bits = TypeBits(operand.type);
  if (bits == 4 || (bits >= 8 && operand.type != Type::kResource)) return Status();
  return Unsupported("tensor '{}' is {}, expected a type of four bits or whole bytes", operand.name,
                     TypeName(operand.type));
}

Status CheckIndexType(const Operand& operand) {
  if (operand.type == Type::kInt32 || operand.type == Type::kInt64) return Status();
  return InvalidModel("'{}' is {}, expected int32 or int64", operand.name, TypeName(operand.type));
}

bool SameQuantization(const Operand& a, const Operand& b) {
  return a.quant->Scale() == b.quant->Scale() && a.quant->ZeroPoint() == b.quant->ZeroPoint();
}

bool XnnTakes(const Operand& operand) {
  if (operand.shape.rank() > 6) return false;
  for (const int32_t size : operand.shape.dims()) {
    if (size == 0) return false;
  }
  if (operand.type == Type::kFloat32 || operand.type == Type::kFloat16) return true;
  if (operand.type != Type::kInt8 && operand.type != Type::kUInt8) return false;
  return operand.quant->scale.size() == 1 && std::isnormal(operand.quant->Scale()) &&
         operand.quant->Scale() > 0;
}

Result<IntList> ReadInts(const Operand& operand, const char* role) {
  int64_t count = 0;
  if (!operand.shape.CheckedElements(&count) || count > IntList::kMax) {
    return BadValue(operand, "{} '{}' has shape {}, expected at most {} values", role, operand.name,
                    operand.shape.ToString(), IntList::kMax);
  }
  const int n = static_cast<int>(count);
  switch (operand.type) {
    case Type::kInt8:
    case Type::kBool:
      return Widen<int8_t>(operand, n);
    case Type::kInt16:
      return Widen<int16_t>(operand, n);
    case Type::kInt32:
      return Widen<int32_t>(operand, n);
    case Type::kInt64:
      return Widen<int64_t>(operand, n);
    default:
      return InvalidModel("{} '{}' is {}, expected integers", role, operand.name,
                          TypeName(operand.type));
  }
}

Result<int> ReadAxis(const Operand& operand, const Shape& input) {
  HEDDLE_ASSIGN(const IntList list, ReadInts(operand, "axis"));
  if (list.size != 1) {
    return BadValue(operand, "axis '{}' has {} values, expected 1", operand.name, list.size);
  }
  const int axis = ResolveAxis(list[0], input.rank());
  if (axis < 0) {
    return BadValue(operand, "axis is {}, expected -{} to {} (input shape {})", list[0],
                    input.rank(), input.rank() - 1, input.ToString());
  }
  return axis;
}

Status AppendDim(Shape& shape, int32_t size) {
  if (shape.rank() == Shape::kMaxRank) {
    return Unsupported("the output has more than {} dimensions", Shape::kMaxRank);
  }
  shape.Append(size);
  return Status();
}

}  // namespace heddle::core
