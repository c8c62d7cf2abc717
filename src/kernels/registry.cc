// SPDX-License-Identifier: Apache-2.0
#include "kernels/operators.h"

namespace heddle::core {

#define HEDDLE_KERNEL(op, make) MadeOperation make(const MakeArgs& args);
#include "kernels/operators.inc"
#undef HEDDLE_KERNEL
#define HEDDLE_CUSTOM_KERNEL(name, make) MadeOperation make(const MakeArgs& args);
#include "kernels/custom_operators.inc"
#undef HEDDLE_CUSTOM_KERNEL

namespace {

MakeFn FindCustomOperator([[maybe_unused]] std::string_view name) {
#define HEDDLE_CUSTOM_KERNEL(op, make) \
  if (name == op) return &make;
#include "kernels/custom_operators.inc"
#undef HEDDLE_CUSTOM_KERNEL
  return nullptr;
}

}  // namespace

MakeFn FindOperator(const Operator& op) {
  switch (op.code) {
    case OpCode::kCUSTOM:
      return FindCustomOperator(op.custom_name);
#define HEDDLE_KERNEL(op, make) \
  case OpCode::k##op:           \
    return &make;
#include "kernels/operators.inc"
#undef HEDDLE_KERNEL
    default:
      return nullptr;
  }
}

}  // namespace heddle::core
