// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/float_runs-inl.h"

namespace heddle::core {

FloatRuns Avx512FloatRuns() { return MakeRuns("avx512", 4, 0.5f, 2); }

}  // namespace heddle::core
