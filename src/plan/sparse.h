// SPDX-License-Identifier: Apache-2.0
// Expansion of sparse constants: a Program's operators see only dense ones.
#ifndef HEDDLE_PLAN_SPARSE_H_
#define HEDDLE_PLAN_SPARSE_H_

#include "model/graph.h"

namespace heddle::core {

// Writes all elements of a constant whose file form is sparse; what the file does not store is
// zero. `dense` has room for the whole shape. REQUIRES: tensor.sparsity is not empty, its type is
// of whole bytes, and the Model was verified.
void ExpandSparse(const Tensor& tensor, std::byte* dense);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_SPARSE_H_
