// SPDX-License-Identifier: Apache-2.0
#include "kernels/softmax/float_rows-inl.h"

namespace heddle::core {

SoftmaxKernel Avx512SoftmaxKernel() { return {"avx512", 0.35f, &SoftmaxRows}; }

}  // namespace heddle::core
