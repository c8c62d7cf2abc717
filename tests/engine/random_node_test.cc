// SPDX-License-Identifier: Apache-2.0
// What the fuzzer of operators stands on: each operator that runs has a recipe, and each recipe
// makes nodes that run.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "heddle/engine.h"
#include "support/node_views.h"

namespace heddle {
namespace {

using Named = std::pair<std::string, int>;  // an operator and, of a custom one, its version

std::set<Named> Running() {
  return {
#define HEDDLE_KERNEL(op, make) {#op, 0},
#include "kernels/operators.inc"
#undef HEDDLE_KERNEL
#define HEDDLE_CUSTOM_KERNEL(name, version, make) {name, version},
#include "kernels/custom_operators.inc"
#undef HEDDLE_CUSTOM_KERNEL
  };
}

TEST(RandomNode, EveryOperatorThatRunsHasARecipe) {
  std::set<Named> described;
  for (const core::Recipe& recipe : core::Recipes())
    described.insert({std::string(recipe.name()), recipe.version});
  for (const auto& [name, version] : Running())
    EXPECT_TRUE(described.contains({name, version})) << name << ", version " << version;
}

bool Runs(const Engine& engine, const core::Recipe& recipe, uint32_t seed) {
  const uint8_t bytes[] = {static_cast<uint8_t>(seed * 151), static_cast<uint8_t>(seed * 101 + 7),
                           static_cast<uint8_t>(seed)};
  core::Choices choices(bytes);
  const core::RandomNode node = core::MakeRandomNode(recipe, {core::Type::kNone, false}, choices);
  const auto model = engine.LoadBytes(node.file);
  if (!model.ok()) return false;
  RunOptions options;
  options.fresh_state = true;
  return model->Run(core::ViewsOf(node), options).ok();
}

TEST(RandomNode, EveryRecipeMakesNodesThatRun) {
  constexpr uint32_t kTries = 2000;
  const Engine engine(Options{.arena_limit_bytes = 16 << 20, .mac_limit = 5'000'000, .cores = 1});
  for (const core::Recipe& recipe : core::Recipes()) {
    uint32_t seed = 0;
    while (seed < kTries && !Runs(engine, recipe, seed)) ++seed;
    EXPECT_LT(seed, kTries) << recipe.name() << ": " << recipe.text;
  }
}

}  // namespace
}  // namespace heddle
