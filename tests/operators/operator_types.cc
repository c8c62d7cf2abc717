// SPDX-License-Identifier: Apache-2.0
// The types that each operator takes and the instruction sets that it has paths of its own for, by
// asking it: sound nodes of every recipe are compiled for every type until one is taken. Writes a
// line per find: operator, type, type of its weights or "-", instruction sets or "-".
//   operator_types OUTPUT_FILE
#include <cstdio>
#include <set>
#include <string>

#include "engine/loaded_model.h"
#include "support/random_node.h"

namespace heddle::core {
namespace {

// Before a type is given up: a node that breaks another rule says nothing of its type.
constexpr int kTries = 400, kRefusals = 25;

std::string Joined(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ",") + word;
  return text.empty() ? "-" : text;
}

// The kernel of the node, where it is taken: its name, "" where only a run knows it.
Result<std::string> KernelOf(const std::shared_ptr<EngineCore>& engine,
                             const std::shared_ptr<const Model>& model, const RandomNode& node,
                             const Recipe& recipe, Isa isa) {
  HEDDLE_ASSIGN(const auto loaded,
                LoadedModel::Load(engine, model, Numerics::kFast, IsaName(isa), true));
  std::vector<Shape> shapes;
  for (const RandomNode::Input& input : node.inputs) shapes.push_back(input.shape);
  HEDDLE_ASSIGN(const auto plan, loaded->PlanOf(0, shapes));
  for (const PlanStep& ps : plan->steps) {
    const Operator& op = *plan->program->nodes()[static_cast<size_t>(ps.node)].source;
    if (op.code == recipe.op && op.custom_name == recipe.custom) return std::string(ps.step.kernel);
  }
  return std::string();
}

// The instruction sets whose names the kernels bear.
std::set<std::string> PathsOf(const std::shared_ptr<EngineCore>& engine,
                              const std::shared_ptr<const Model>& model, const RandomNode& node,
                              const Recipe& recipe) {
  std::set<std::string> paths;
  for (const Isa isa : SupportedIsas()) {
    const Result<std::string> kernel = KernelOf(engine, model, node, recipe, isa);
    const std::string name = IsaName(isa);
    if (kernel.ok() && kernel->ends_with("_" + name)) paths.insert(name);
  }
  return paths;
}

void Ask(const std::shared_ptr<EngineCore>& engine, const Recipe& recipe, Type type,
         std::FILE* out) {
  std::set<Type> found;  // weights
  for (int i = 0, refused = 0; i < kTries && refused < kRefusals; ++i) {
    const uint8_t seed[] = {static_cast<uint8_t>(i * 151), static_cast<uint8_t>(i * 101 + 7),
                            static_cast<uint8_t>(i)};
    Choices choices(seed);
    const RandomNode node = MakeRandomNode(recipe, {type, false}, choices);
    if (found.contains(node.weights)) continue;
    const auto model = Model::ReadBytes(node.file);
    if (!model.ok()) continue;
    const auto kernel = KernelOf(engine, *model, node, recipe, SupportedIsas().back());
    refused += kernel.status().code() == Code::kUnsupported;
    if (!kernel.ok()) continue;
    found.insert(node.weights);
    const bool weights = node.weights != Type::kNone && node.weights != node.type;
    std::fprintf(out, "%s\t%s\t%s\t%s\n", std::string(recipe.name()).c_str(), TypeName(node.type),
                 weights ? TypeName(node.weights) : "-",
                 Joined(PathsOf(engine, *model, node, recipe)).c_str());
    if (node.weights == Type::kNone) return;
  }
}

}  // namespace
}  // namespace heddle::core

int main(int argc, char** argv) {
  using namespace heddle::core;
  std::FILE* out = argc == 2 ? std::fopen(argv[1], "w") : nullptr;
  if (out == nullptr) return 2;
  const auto engine = std::make_shared<EngineCore>(EngineOptions());
  for (const Recipe& recipe : Recipes())
    for (int t = 0; t <= static_cast<int>(Type::kUInt4); ++t)
      Ask(engine, recipe, static_cast<Type>(t), out);
  return std::fclose(out) == 0 ? 0 : 1;
}
