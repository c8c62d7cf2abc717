// SPDX-License-Identifier: Apache-2.0
// Operators that run other subgraphs of their Model: IF, WHILE, CALL, CALL_ONCE, their StableHLO
// relatives and composites. Each drives a SubPlanCall; what the subgraphs must look like is checked
// by plan/sub_plans.h, which sees the Model.
#include <cstring>

#include "base/errors.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

// `run` and the subgraphs are all that differs from one operator to the next.
class Flow final : public Operation {
 public:
  Flow(SubPlans plans, SubPlanFn run, const char* name)
      : plans_(std::move(plans)), run_(run), name_(name) {}

  const SubPlans* sub_plans() const override { return &plans_; }
  Status Shapes(std::span<const Operand>, std::span<Shape>) const override {
    return Internal("the shapes of control flow follow from its subgraphs");
  }
  Status Lower(std::span<const Operand>, std::span<const Operand>, Step& step) const override {
    step.kind = StepKind::kSubPlan;
    step.sub_plan = run_;
    step.params = std::make_shared<const int>(static_cast<int>(plans_.subgraphs.size()));
    step.kernel = name_;
    return Status();
  }

 private:
  const SubPlans plans_;
  const SubPlanFn run_;
  const char* const name_;
};

MadeOperation MakeFlow(SubPlans plans, SubPlanFn run, const char* name) {
  return std::unique_ptr<Operation>(std::make_unique<Flow>(std::move(plans), run, name));
}

Status RunIf(const void*, SubPlanCall& call) {
  return call.Run(*static_cast<const uint8_t*>(call.args().inputs[0]) != 0 ? 0 : 1);
}

Status RunWhile(const void*, SubPlanCall& call) {
  for (;;) {
    HEDDLE_ASSIGN(const bool again, call.Test(0));
    if (!again) return call.Finish();
    HEDDLE_TRY(call.Turn(1));
  }
}

Status RunCall(const void*, SubPlanCall& call) { return call.Run(0); }

Status RunOnce(const void*, SubPlanCall& call) { return call.Once(0); }

// An index outside the branches means the last.
Status RunCase(const void* params, SubPlanCall& call) {
  const int branches = *static_cast<const int*>(params);
  int32_t index = 0;
  std::memcpy(&index, call.args().inputs[0], sizeof(index));
  return call.Run(index < 0 || index >= branches ? branches - 1 : index);
}

Status CheckScalar(const MakeArgs& args, Type type, const char* role) {
  if (args.inputs.empty() || !args.inputs[0].present())
    return InvalidModel("no {}, expected one as input 0", role);
  const Operand& operand = args.inputs[0];
  if (operand.type != type)
    return InvalidModel("{} '{}' is {}, expected {}", role, operand.name, TypeName(operand.type),
                        TypeName(type));
  for (const int32_t size : operand.shape.dims())
    if (size > 1 || size == 0)
      return InvalidModel("{} '{}' has shape {}, expected one element", role, operand.name,
                          operand.shape.ToString());
  return Status();
}

}  // namespace

MadeOperation MakeIf(const MakeArgs& args) {
  HEDDLE_TRY(CheckScalar(args, Type::kBool, "condition"));
  const auto options = args.op.OptionsOr<SubgraphOptions>();
  return MakeFlow({{options.first, options.second}, 1, 0, false}, RunIf, "if");
}

MadeOperation MakeWhile(const MakeArgs& args) {
  const auto options = args.op.OptionsOr<SubgraphOptions>();
  if (options.first == options.second)
    return InvalidModel("condition and body are both subgraph {}, expected two", options.first);
  return MakeFlow({{options.first, options.second}, 0, 1, true}, RunWhile, "while");
}

MadeOperation MakeCall(const MakeArgs& args) {
  return MakeFlow({{args.op.OptionsOr<SubgraphOptions>().first}, 0, 0, false}, RunCall, "call");
}

MadeOperation MakeCallOnce(const MakeArgs& args) {
  return MakeFlow({{args.op.OptionsOr<SubgraphOptions>().first}, 0, 0, false}, RunOnce,
                  "call_once");
}

MadeOperation MakeStablehloCase(const MakeArgs& args) {
  HEDDLE_TRY(CheckScalar(args, Type::kInt32, "index"));
  auto branches = args.op.OptionsOr<SubgraphOptions>().branches;
  if (branches.empty()) return InvalidModel("no branches, expected at least one");
  return MakeFlow({std::move(branches), 1, 0, false}, RunCase, "case");
}

MadeOperation MakeStablehloComposite(const MakeArgs& args) {
  return MakeFlow({{args.op.OptionsOr<CompositeOptions>().body}, 0, 0, false}, RunCall,
                  "composite");
}

}  // namespace heddle::core
