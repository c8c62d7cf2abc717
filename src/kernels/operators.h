// SPDX-License-Identifier: Apache-2.0
// What the Make functions of operators.inc return; each family's folder defines its own.
#ifndef HEDDLE_KERNELS_OPERATORS_H_
#define HEDDLE_KERNELS_OPERATORS_H_

#include "kernels/operation.h"

namespace heddle::core {

using MadeOperation = Result<std::unique_ptr<Operation>>;

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_OPERATORS_H_
