// SPDX-License-Identifier: Apache-2.0
// Runs one step at once on the calling thread, in memory of its own: for constants, while Programs
// and Plans are made.
#ifndef HEDDLE_PLAN_EVALUATE_H_
#define HEDDLE_PLAN_EVALUATE_H_

#include <span>

#include "kernels/operation.h"

namespace heddle::core {

// In the float environment that a run in `numerics` has. REQUIRES: step.kind is kTiled, kPhased or
// kAlias; the inputs have their data. `output_bytes`: of output 0, for kAlias.
Status EvaluateStep(const Step& step, std::span<const Operand> inputs,
                    std::span<void* const> outputs, size_t output_bytes, Numerics numerics);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_EVALUATE_H_
