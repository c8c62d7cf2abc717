// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/arithmetic-inl.h"

namespace heddle::core {

ArithmeticKernels PlainArithmeticKernels() { return MakeKernels("plain", 1); }

}  // namespace heddle::core
