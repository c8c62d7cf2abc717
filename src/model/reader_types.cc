// SPDX-License-Identifier: Apache-2.0
// Types that the format leaves to the operator.
#include "model/source.h"

namespace heddle::core {
namespace {

// LiteRT's kernels give these outputs the type of their operands and never read what the file says;
// files that say something else exist and run.
bool OutputFollowsInput(OpCode code) {
  switch (code) {
    case OpCode::kADD:
    case OpCode::kSUB:
    case OpCode::kMUL:
      return true;
    default:
      return false;
  }
}

}  // namespace

void SettleTypes(Subgraph& graph) {
  for (const Operator& op : graph.operators) {
    if (!OutputFollowsInput(op.code) || op.inputs.size() != 2 || op.outputs.size() != 1) continue;
    if (op.inputs[1] < 0 || op.outputs[0] < 0) continue;
    graph.tensors[op.outputs[0]].type = graph.tensors[op.inputs[1]].type;
  }
}

}  // namespace heddle::core
