// SPDX-License-Identifier: Apache-2.0
// Whether calls may be run as one: a proof, operator by operator, that each call's part of the
// batch passes through the graph on its own.
#ifndef HEDDLE_PLAN_BATCH_H_
#define HEDDLE_PLAN_BATCH_H_

#include <memory>
#include <span>
#include <string>

#include "plan/program.h"

namespace heddle::core {

struct BatchProof {
  bool passes = false;
  std::string reason;  // why not: "op 12 MEAN: reduces the batch axis"
};

// Proves that `calls` calls with inputs of shapes `one`, stacked along axis 0 of every input, give
// their outputs, stacked along axis 0 of every output, bit for bit. Holds for this number of calls
// and these shapes. REQUIRES: calls >= 2.
BatchProof ProveBatch(const std::shared_ptr<const Program>& program, std::span<const Shape> one,
                      int calls);

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_BATCH_H_
