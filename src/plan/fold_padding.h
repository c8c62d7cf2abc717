// SPDX-License-Identifier: Apache-2.0
// The rewrite that lets a convolution read the zeros that a PAD before it would write.
#ifndef HEDDLE_PLAN_FOLD_PADDING_H_
#define HEDDLE_PLAN_FOLD_PADDING_H_

#include <memory>

#include "kernels/operation.h"

namespace heddle::core {

// A PAD as a Program knows it.
struct PadNode {
  const Operator& op;
  Operand image, paddings, padded;
};

// What computes `conv`, a reader of the PAD's output, from the PAD's input: the same convolution
// with a border. nullptr: it is no convolution, or the PAD does more, or writes other values than
// zeros. Whether there is a kernel that gives the same bits, the operator's Make says.
std::unique_ptr<const Operator> FoldPadding(const PadNode& pad, const Operator& conv);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_FOLD_PADDING_H_
