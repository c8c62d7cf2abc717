// SPDX-License-Identifier: Apache-2.0
// DENSIFY: a sparse constant, which a Program expands before any operator sees it.
#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

class Densify final : public Operation {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    outputs[0] = inputs[0].shape;
    return Status();
  }
  Status Lower(std::span<const Operand>, std::span<const Operand>, Step& step) const override {
    step.kind = StepKind::kAlias;
    step.kernel = "view";
    return Status();
  }
};

}  // namespace

MadeOperation MakeDensify(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  if (!args.inputs[0].constant) {
    return InvalidModel("input '{}' is computed, expected a sparse constant", args.inputs[0].name);
  }
  return MadeOperation(std::make_unique<Densify>());
}

}  // namespace heddle::core
