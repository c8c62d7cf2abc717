// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementwise/sigmoid_runs-inl.h"

namespace heddle::core {

SigmoidRuns PlainSigmoidRuns() { return MakeRuns("plain", 2, 12); }

}  // namespace heddle::core
