// SPDX-License-Identifier: Apache-2.0
#include "kernels/softmax/float_rows-inl.h"

namespace heddle::core {

SoftmaxKernel PlainSoftmaxKernel() { return {"plain", 2.5f, &SoftmaxRows}; }

}  // namespace heddle::core
