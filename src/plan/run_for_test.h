// SPDX-License-Identifier: Apache-2.0
// Runs Programs and Plans on the calling thread, for tests of what they rewrite.
#ifndef HEDDLE_PLAN_RUN_FOR_TEST_H_
#define HEDDLE_PLAN_RUN_FOR_TEST_H_

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "plan/evaluate.h"
#include "plan/plan.h"
#include "plan/program.h"
#include "support/model_builder.h"

namespace heddle::core {

inline std::shared_ptr<const Program> CompileForTest(const ModelBuilder& b,
                                                     const ProgramOptions& options = {}) {
  auto model = Model::ReadBytes(b.Build());
  EXPECT_TRUE(model.ok()) << model.status().message();
  auto program = Program::Compile(*model, 0, options, std::make_shared<WeightStore>(1 << 24));
  EXPECT_TRUE(program.ok()) << program.status().message();
  return *program;
}

// For the shapes of the file.
inline std::shared_ptr<const Plan> PlanForTest(const ModelBuilder& b,
                                               const ProgramOptions& options = {}) {
  const auto program = CompileForTest(b, options);
  std::vector<Shape> shapes;
  for (const int v : program->inputs())
    shapes.push_back(program->values()[static_cast<size_t>(v)].shape);
  auto plan = MakePlan(program, shapes);
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  return *plan;
}

struct RunForTest {
  std::vector<Operand> values;                // of the Program
  std::vector<std::vector<std::byte>> bytes;  // of those that are computed

  // Computes every value from those of the inputs, whose shapes are the file's if none are given.
  RunForTest(const Program& program, const std::vector<std::vector<std::byte>>& inputs,
             const std::vector<Shape>& shapes = {})
      : bytes(program.values().size()) {
    for (size_t v = 0; v < bytes.size(); ++v)
      values.push_back(program.OperandOf(static_cast<int>(v)));
    for (size_t k = 0; k < inputs.size(); ++k)
      Set(program.inputs()[k], shapes.empty() ? At(program.inputs()[k]).shape : shapes[k],
          inputs[k]);
    for (const Node& node : program.nodes()) Run(node, program.options().numerics);
  }

 private:
  Operand At(int v) const { return v < 0 ? Operand() : values[static_cast<size_t>(v)]; }
  void Set(int v, const Shape& shape, std::vector<std::byte> data) {
    Operand& o = values[static_cast<size_t>(v)];
    bytes[static_cast<size_t>(v)] = std::move(data);
    o.shape = shape;
    o.data = bytes[static_cast<size_t>(v)].data();
    o.bytes = bytes[static_cast<size_t>(v)].size();
  }
  void Run(const Node& node, Numerics numerics) {
    std::vector<Operand> inputs, outputs;
    for (const int v : node.inputs) inputs.push_back(At(v));
    std::vector<Shape> shapes(node.outputs.size());
    Status status = node.operation->Shapes(inputs, shapes);
    ASSERT_TRUE(status.ok()) << status.message();
    std::vector<void*> to;
    for (size_t k = 0; k < shapes.size(); ++k) {
      const size_t n = TypeBytes(At(node.outputs[k]).type, shapes[k].elements());
      Set(node.outputs[k], shapes[k], std::vector<std::byte>(n, std::byte{0xA5}));
      outputs.push_back(At(node.outputs[k]));
      to.push_back(bytes[static_cast<size_t>(node.outputs[k])].data());
    }
    Step step;
    status = node.operation->Lower(inputs, outputs, step);
    ASSERT_TRUE(status.ok()) << status.message();
    status = EvaluateStep(step, inputs, to, outputs[0].bytes, numerics);
    ASSERT_TRUE(status.ok()) << status.message();
  }
};

// The outputs of a whole Plan, run in memory of its own as a call does.
inline std::vector<std::vector<std::byte>> RunPlanForTest(
    const Plan& plan, const std::vector<std::vector<std::byte>>& inputs) {
  const Program& program = *plan.program;
  std::vector<std::byte> arena(plan.arena_bytes, std::byte{0xA5});
  std::vector<std::vector<std::byte>> outputs;
  for (const int v : program.outputs()) outputs.emplace_back(plan.values[v].bytes, std::byte{0xA5});
  const auto at = [&](const Location& l) -> const std::byte* {
    const auto index = static_cast<size_t>(l.index);
    if (l.place == Place::kConstant) return l.constant;
    if (l.place == Place::kInput) return inputs[index].data() + l.offset;
    if (l.place == Place::kOutput) return outputs[index].data() + l.offset;
    return l.place == Place::kArena ? arena.data() + l.index : nullptr;
  };
  for (const PlanStep& ps : plan.steps) {
    std::vector<Operand> operands(ps.inputs);
    for (uint32_t i = 0; i < ps.inputs; ++i)
      operands[i].data = at(plan.operands[ps.first_input + i]);
    std::vector<void*> to;
    for (uint32_t i = 0; i < ps.outputs; ++i)
      to.push_back(const_cast<std::byte*>(at(plan.operands[ps.first_output + i])));
    const Status status =
        EvaluateStep(ps.step, operands, to, ps.output_bytes, program.options().numerics);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  for (const OutputCopy& copy : plan.copies) {
    auto& to = outputs[static_cast<size_t>(copy.output)];
    std::memcpy(to.data(), at(plan.values[copy.value].location), to.size());
  }
  return outputs;
}

}  // namespace heddle::core

#endif  // HEDDLE_PLAN_RUN_FOR_TEST_H_
