// SPDX-License-Identifier: Apache-2.0
// From an operator of a file to its Operation.
#ifndef HEDDLE_PLAN_MAKE_OPERATION_H_
#define HEDDLE_PLAN_MAKE_OPERATION_H_

#include <memory>

#include "kernels/operation.h"

namespace heddle::core {

// kUnsupported where no kernel takes the operator: the text says which, and how to supply it.
Result<std::unique_ptr<Operation>> MakeOperation(const MakeArgs& args);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_MAKE_OPERATION_H_
