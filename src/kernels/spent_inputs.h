// SPDX-License-Identifier: Apache-2.0
// SpentInputs: what an Operation says that has no more use for the constants it was made of.
#ifndef HEDDLE_KERNELS_SPENT_INPUTS_H_
#define HEDDLE_KERNELS_SPENT_INPUTS_H_

#include <cstdint>

#include "kernels/operation.h"

namespace heddle::core {

// A further base of such an Operation. One without it reads all its inputs.
class SpentInputs {
 public:
  // Bit k set: input k is a constant whose value has become part of what was packed. Neither Shapes
  // nor Lower nor a step looks at it again.
  virtual uint64_t spent_inputs() const = 0;

 protected:
  ~SpentInputs() = default;
};

// Of operators that have them second and third.
inline constexpr uint64_t kWeightsAndBias = 1u << 1 | 1u << 2;

inline uint64_t SpentInputsOf(const Operation& operation) {
  const auto* spent = dynamic_cast<const SpentInputs*>(&operation);
  return spent == nullptr ? 0 : spent->spent_inputs();
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_SPENT_INPUTS_H_
