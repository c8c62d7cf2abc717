// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/sigmoid_runs-inl.h"

namespace heddle::core {

SigmoidRuns Avx2SigmoidRuns() { return MakeRuns("avx2", 0.8f, 4); }

}  // namespace heddle::core
