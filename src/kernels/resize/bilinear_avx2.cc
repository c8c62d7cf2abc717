// SPDX-License-Identifier: Apache-2.0
#include "kernels/resize/bilinear-inl.h"

namespace heddle::core {

BilinearKernels Avx2BilinearKernels() { return MakeKernels(); }

}  // namespace heddle::core
