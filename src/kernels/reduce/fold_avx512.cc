// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/fold-inl.h"

namespace heddle::core {

FoldKernels Avx512FoldKernels() { return MakeKernels(); }

}  // namespace heddle::core
