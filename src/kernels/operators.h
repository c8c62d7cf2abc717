// SPDX-License-Identifier: Apache-2.0
// The Make function of every operator; each family's folder defines its own.
#ifndef HEDDLE_KERNELS_OPERATORS_H_
#define HEDDLE_KERNELS_OPERATORS_H_

#include "kernels/operation.h"

namespace heddle::core {

using MadeOperation = Result<std::unique_ptr<Operation>>;

#define HEDDLE_KERNEL(op, make) MadeOperation make(const MakeArgs& args);
#include "kernels/operators.inc"
#undef HEDDLE_KERNEL

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_OPERATORS_H_
