// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/sigmoid_runs-inl.h"

namespace heddle::core {

SigmoidRuns Avx512SigmoidRuns() { return MakeRuns("avx512", 0.5f, 2); }

}  // namespace heddle::core
