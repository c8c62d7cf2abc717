// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/float_runs-inl.h"

namespace heddle::core {

FloatRuns Avx2FloatRuns() { return MakeRuns("avx2", 2, 0.8f, 4); }

}  // namespace heddle::core
