// SPDX-License-Identifier: Apache-2.0
#include "kernels/registry.h"

#include "kernels/operators.h"

namespace heddle::core {

#define HEDDLE_KERNEL(op, make) MadeOperation make(const MakeArgs& args);
#include "kernels/operators.inc"
#undef HEDDLE_KERNEL
#define HEDDLE_CUSTOM_KERNEL(name, version, make) MadeOperation make(const MakeArgs& args);
#include "kernels/custom_operators.inc"
#undef HEDDLE_CUSTOM_KERNEL

namespace {

struct CustomKernel {
  std::string_view name;
  int version;
  MakeFn make;
};

constexpr CustomKernel kCustomKernels[] = {
#define HEDDLE_CUSTOM_KERNEL(name, version, make) {name, version, &make},
#include "kernels/custom_operators.inc"
#undef HEDDLE_CUSTOM_KERNEL
};

const CustomKernel* FindCustomKernel(std::string_view name) {
  for (const CustomKernel& kernel : kCustomKernels)
    if (kernel.name == name) return &kernel;
  return nullptr;
}

}  // namespace

MakeFn FindOperator(const Operator& op) {
  switch (op.code) {
    case OpCode::kCUSTOM: {
      const CustomKernel* kernel = FindCustomKernel(op.custom_name);
      return kernel == nullptr ? nullptr : kernel->make;
    }
#define HEDDLE_KERNEL(op, make) \
  case OpCode::k##op:           \
    return &make;
#include "kernels/operators.inc"
#undef HEDDLE_KERNEL
    default:
      return nullptr;
  }
}

int KnownVersion(const Operator& op) {
  if (op.code != OpCode::kCUSTOM) return OpKnownVersion(op.code);
  const CustomKernel* kernel = FindCustomKernel(op.custom_name);
  return kernel == nullptr ? 0 : kernel->version;
}

}  // namespace heddle::core
