// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/arithmetic-inl.h"

namespace heddle::core {

ArithmeticKernels Avx2ArithmeticKernels() { return MakeKernels("avx2", 4); }

}  // namespace heddle::core
