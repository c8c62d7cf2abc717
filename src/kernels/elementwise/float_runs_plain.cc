// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/float_runs-inl.h"

namespace heddle::core {

FloatRuns PlainFloatRuns() { return MakeRuns("plain", 1, 2, 12); }

}  // namespace heddle::core
