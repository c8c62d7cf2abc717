// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/arithmetic-inl.h"

namespace heddle::core {

ArithmeticKernels Avx512ArithmeticKernels() { return MakeKernels("avx512", 6); }

}  // namespace heddle::core
