// SPDX-License-Identifier: Apache-2.0
#include "kernels/reduce/fold-inl.h"

namespace heddle::core {

FoldKernels Avx2FoldKernels() { return MakeKernels(); }

}  // namespace heddle::core
