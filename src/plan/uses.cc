// SPDX-License-Identifier: Apache-2.0
#include "plan/uses.h"

namespace heddle::core {

Uses FindUses(const Subgraph& graph) {
  Uses uses{std::vector<int>(graph.tensors.size(), -1), std::vector<int>(graph.tensors.size(), 0)};
  for (const int t : graph.outputs) ++uses.readers[static_cast<size_t>(t)];
  for (size_t i = 0; i < graph.operators.size(); ++i) {
    for (const int t : graph.operators[i].inputs)
      if (t >= 0) ++uses.readers[static_cast<size_t>(t)];
    for (const int t : graph.operators[i].outputs)
      if (t >= 0) uses.maker[static_cast<size_t>(t)] = static_cast<int>(i);
  }
  return uses;
}

}  // namespace heddle::core
