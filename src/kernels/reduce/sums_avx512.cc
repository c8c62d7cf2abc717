// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/sums-inl.h"

namespace heddle::core {

SumKernels Avx512SumKernels() { return MakeKernels(); }

}  // namespace heddle::core
