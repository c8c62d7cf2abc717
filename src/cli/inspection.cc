// SPDX-License-Identifier: Apache-2.0
#include "cli/inspection.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/errors.h"
#include "base/file.h"
#include "base/hash.h"
#include "plan/make_operation.h"
#include "plan/plan.h"

namespace heddle::cli {
namespace {

using core::Operand;
using core::Operator;
using core::Subgraph;

class Inspector {
 public:
  explicit Inspector(std::shared_ptr<const core::Model> model) { found_.model = std::move(model); }

  Result<Inspection> Run() {
    HEDDLE_ASSIGN(options_.isa, core::ChooseIsa(""));
    found_.isa = core::IsaName(options_.isa);
    const auto& graphs = found_.model->subgraphs();
    weights_ = core::MakeWeightStore(*found_.model, options_.limits);
    for (size_t g = 0; g < graphs.size(); ++g) CompileGraph(static_cast<int>(g));
    found_.packed_bytes = weights_->bytes();
    CountWeights();
    Audit();
    for (auto& [key, use] : uses_) found_.operators.push_back(use);
    std::sort(found_.operators.begin(), found_.operators.end(), [](const auto& a, const auto& b) {
      return std::tie(b.count, a.name, a.version) < std::tie(a.count, b.name, b.version);
    });
    return std::move(found_);
  }

 private:
  using Key = std::pair<std::string, int>;  // name and version
  static Key KeyOf(const Operator& op) { return {op.Name(), op.version}; }

  // Problems of one `kind` are one finding.
  void AddProblem(const Status& status, const std::string& where, std::string kind = "") {
    std::string text = where + std::string(status.message());
    if (!seen_.insert(text).second) return;
    if (kind.empty()) kind = text;
    const auto [at, first] = kinds_.try_emplace(kind, obstacles_.size());
    if (first) obstacles_.push_back({text, 0});
    ++obstacles_[at->second].count;
    found_.problems.push_back(std::move(text));
  }

  // Programs of every subgraph; the main graph's Plan besides.
  void CompileGraph(int index) {
    const Subgraph& graph = found_.model->subgraphs()[static_cast<size_t>(index)];
    const std::string where = index == 0 ? "" : fmt::format("subgraph {}: ", index);
    auto program = core::Program::Compile(found_.model, index, options_, weights_);
    for (size_t i = 0; i < graph.operators.size(); ++i) {
      const Operator& op = graph.operators[i];
      OperatorUse& use = uses_[KeyOf(op)];
      use.name = op.Name();
      use.version = op.version;
      ++use.count;
      const Status status = program.ok() ? Status() : CheckOperator(graph, op);
      use.on_cpu += status.ok();
      if (status.ok()) continue;
      AddProblem(core::InOperator(status, static_cast<int>(i), op), where,
                 fmt::format("{}{}: {}", where, op.Name(), status.message()));
    }
    if (!program.ok()) return AddProblem(program.status(), where);
    if (index == 0) MakeMainPlan(std::move(*program));
  }

  // Whether the CPU takes one operator, where the graph as a whole does not compile.
  Status CheckOperator(const Subgraph& graph, const Operator& op) {
    const std::vector<Operand> inputs = OperandsOf(graph, op.inputs);
    const std::vector<Operand> outputs = OperandsOf(graph, op.outputs);
    return core::MakeOperation({op, inputs, outputs, options_.numerics, options_.isa, *weights_,
                                found_.model->subgraphs()},
                               nullptr)
        .status();
  }

  static std::vector<Operand> OperandsOf(const Subgraph& graph,
                                         const std::vector<int32_t>& indices) {
    std::vector<Operand> operands;
    for (const int32_t index : indices) {
      Operand& operand = operands.emplace_back();
      if (index < 0) continue;
      const core::Tensor& tensor = graph.tensors[static_cast<size_t>(index)];
      operand.type = tensor.type;
      operand.name = tensor.name;
      operand.quant = &tensor.quant;
      operand.shape = tensor.shape;
      if (!tensor.constant || !tensor.sparsity.empty()) continue;
      operand.data = tensor.data.data();
      operand.bytes = tensor.data.size();
      operand.constant = true;
    }
    return operands;
  }

  void MakeMainPlan(std::shared_ptr<const core::Program> program) {
    std::vector<core::Shape> shapes;
    for (const int input : program->inputs()) {
      core::Shape& shape = shapes.emplace_back(program->values()[static_cast<size_t>(input)].shape);
      for (int d = 0; d < shape.rank(); ++d) shape[d] = shape[d] < 0 ? 1 : shape[d];
    }
    const auto plan = core::MakePlan(program, shapes);
    if (!plan.ok()) return AddProblem(plan.status(), "at the file's shapes: ");
    found_.whole_plan = (*plan)->rest.node < 0;
    found_.macs = (*plan)->macs;
    found_.activation_bytes = (*plan)->total_bytes;
    for (const core::PlanStep& step : (*plan)->steps) AddStep(**plan, step);
    // Two sizes: what suits one of them may do so by chance.
    found_.batch = core::ProveBatch(program, shapes, 2);
    if (found_.batch->passes) found_.batch = core::ProveBatch(program, shapes, 3);
  }

  void Audit() {
    for (const Obstacle& obstacle : obstacles_)
      found_.findings.push_back(
          {core::Severity::kError,
           obstacle.count == 1 ? obstacle.text
                               : fmt::format("{} ({} in all)", obstacle.text, obstacle.count)});
    std::vector<core::Finding> more = core::AuditModel(*found_.model);
    found_.findings.insert(found_.findings.end(), more.begin(), more.end());
    found_.state = core::StateNames(*found_.model, core::StateLayout::Of(*found_.model));
  }

  void AddStep(const core::Plan& plan, const core::PlanStep& step) {
    const core::Node& node = plan.program->nodes()[static_cast<size_t>(step.node)];
    StepFact fact;
    fact.op = node.op;
    fact.name = NameOf(plan, step);
    fact.kernel = step.step.kernel;
    fact.macs = step.step.macs;
    fact.inputs = ShapesText(plan, InputsOf(plan, step));
    fact.outputs = ShapesText(plan, OutputsOf(plan, step));
    uses_[KeyOf(*node.source)].macs += step.step.macs;
    found_.steps.push_back(std::move(fact));
  }

  static std::string ShapesText(const core::Plan& plan, std::span<const int> values) {
    std::string text;
    for (const int v : values) {
      if (v < 0 || plan.program->values()[static_cast<size_t>(v)].constant != nullptr) continue;
      const core::PlanValue& value = plan.values[static_cast<size_t>(v)];
      if (!text.empty()) text += ", ";
      text += value.known_shape ? value.shape.ToString() : "?";
    }
    return text;
  }

  void CountWeights() {
    std::set<const std::byte*> counted;  // tensors may share a buffer
    for (const Subgraph& graph : found_.model->subgraphs()) {
      for (const core::Tensor& tensor : graph.tensors) {
        if (!tensor.constant || !counted.insert(tensor.data.data()).second) continue;
        found_.weights_bytes += tensor.data.size();
      }
    }
  }

  Inspection found_;
  core::ProgramOptions options_;
  std::shared_ptr<core::WeightStore> weights_;
  std::map<Key, OperatorUse> uses_;
  struct Obstacle {
    std::string text;  // of the first
    int count = 0;
  };
  std::set<std::string> seen_;
  std::map<std::string, size_t> kinds_;  // of obstacles_
  std::vector<Obstacle> obstacles_;
};

}  // namespace

Result<Inspection> Inspect(const std::string& path) {
  HEDDLE_ASSIGN(auto model, core::Model::ReadFile(path));
  HEDDLE_ASSIGN(Inspection found, Inspector(std::move(model)).Run());
  HEDDLE_ASSIGN(const core::MappedFile file, core::MappedFile::Open(path));
  HEDDLE_ASSIGN(found.sha256, core::Sha256Hex(file.bytes()));
  return found;
}

}  // namespace heddle::cli
