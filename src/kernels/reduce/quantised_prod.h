// SPDX-License-Identifier: Apache-2.0
#ifndef HEDDLE_KERNELS_REDUCE_QUANTISED_PROD_H_
#define HEDDLE_KERNELS_REDUCE_QUANTISED_PROD_H_

#include "kernels/operators.h"

namespace heddle::core {

// REDUCE_PROD of int8 or int16. REQUIRES: counts and types of the operands were checked.
MadeOperation MakeQuantisedProd(const MakeArgs& args);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_REDUCE_QUANTISED_PROD_H_
