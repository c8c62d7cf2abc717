// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/sums-inl.h"

namespace heddle::core {

SumKernels PlainSumKernels() { return MakeKernels(); }

}  // namespace heddle::core
