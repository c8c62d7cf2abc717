// SPDX-License-Identifier: Apache-2.0
#include "kernels/softmax/float_rows-inl.h"

namespace heddle::core {

SoftmaxKernel Avx2SoftmaxKernel() { return {"avx2", 0.6f, &SoftmaxRows}; }

}  // namespace heddle::core
