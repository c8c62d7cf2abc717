// SPDX-License-Identifier: Apache-2.0
#include "kernels/pool/pool-inl.h"

namespace heddle::core {

PoolKernels Avx2PoolKernels() { return MakeKernels(); }

}  // namespace heddle::core
