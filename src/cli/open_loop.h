// SPDX-License-Identifier: Apache-2.0
// The other measurement of a bench: requests that come whatever became of those before them.
#ifndef HEDDLE_CLI_OPEN_LOOP_H_
#define HEDDLE_CLI_OPEN_LOOP_H_

#include <vector>

#include "cli/arrivals.h"
#include "cli/bench_cell.h"

namespace heddle::cli {

struct Rate {
  double per_second = 1;
  Spacing spacing = Spacing::kPoisson;
};

// Warms up, then measures. The requests go through a Queue, where the callers are streams that take
// turns, or sessions of a model that remembers. It refuses what it could not compute in as much
// time again as is measured, and requests that it has accepted are waited for.
Result<Cell> MeasureOpenLoop(const Model& model, const std::vector<TensorView>& inputs,
                             const Load& load, const Rate& rate);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_OPEN_LOOP_H_
