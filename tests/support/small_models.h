// SPDX-License-Identifier: Apache-2.0
// Models that tests of the reader begin from.
#ifndef HEDDLE_TESTS_SUPPORT_SMALL_MODELS_H_
#define HEDDLE_TESTS_SUPPORT_SMALL_MODELS_H_

#include "support/model_builder.h"

namespace heddle::core {

// FULLY_CONNECTED with constant weights, then a custom operator: 0 x, 1 w, 2 y, 3 z.
inline ModelBuilder Small() {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1, 4});
  const int w = b.Constant<float>("w", {2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const int y = b.Make("y", Type::kFloat32, {1, 2});
  const int z = b.Make("z", Type::kFloat32, {1, 2});
  FullyConnectedOptions options;
  options.activation = Activation::kRelu6;
  options.keep_num_dims = true;
  b.Op(OpCode::kFULLY_CONNECTED, {x, w, -1}, {y}, options, 5);
  b.CustomOp("Polish", {y}, {z}, {std::byte{7}, std::byte{8}});
  b.Output(z);
  b.signatures = {{"serve", 0, {{"in", x}}, {{"out", z}}}};
  b.metadata = {{"min_runtime_version", "1.5.0"}};
  return b;
}

// IF over a variable and strings: several subgraphs, several types.
inline ModelBuilder Branching() {
  ModelBuilder b;
  const int cond = b.Input("cond", Type::kBool, {});
  const int x = b.Input("x", Type::kInt8, {2, 3}, Quant(0.5f, -3));
  const int y = b.Make("y", Type::kInt8, {2, 3}, Quant(0.5f, -3));
  b.Strings("words", {2}, {"loom", "warp"});
  b.Variable("state", Type::kFloat32, {4});
  b.Op(OpCode::kIF, {cond, x}, {y}, SubgraphOptions{1, 2, {}});
  b.Output(y);
  for (const char* name : {"then", "else"}) {
    b.Begin(name);
    const int in = b.Input("in", Type::kInt8, {2, 3}, Quant(0.5f, -3));
    const int out = b.Make("out", Type::kInt8, {2, 3}, Quant(0.5f, -3));
    b.Op(OpCode::kRELU, {in}, {out});
    b.Output(out);
  }
  return b;
}

}  // namespace heddle::core

#endif  // HEDDLE_TESTS_SUPPORT_SMALL_MODELS_H_
