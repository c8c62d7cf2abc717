// SPDX-License-Identifier: Apache-2.0
// What the tables of operators say beside FindOperator (kernels/operation.h).
#ifndef HEDDLE_KERNELS_REGISTRY_H_
#define HEDDLE_KERNELS_REGISTRY_H_

#include "model/graph.h"

namespace heddle::core {

// The newest version of an operator, builtin or custom, whose meaning is known; 0: none.
int KnownVersion(const Operator& op);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_REGISTRY_H_
