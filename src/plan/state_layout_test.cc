// SPDX-License-Identifier: Apache-2.0
#include "plan/state_layout.h"

#include <gtest/gtest.h>

#include "support/model_builder.h"

namespace heddle::core {
namespace {

VarHandleOptions Named(const char* name) {
  VarHandleOptions options;
  options.shared_name = name;
  return options;
}

void Assign(ModelBuilder& b, const char* name) {
  const int handle = b.Make(std::string("handle of ") + name, Type::kResource, {1});
  b.Op(OpCode::kVAR_HANDLE, {}, {handle}, Named(name));
  b.Op(OpCode::kASSIGN_VARIABLE, {handle, b.Constant<float>("value", {1}, {1})}, {});
}

int Read(ModelBuilder& b, const char* name) {
  const int handle = b.Make(std::string("handle of ") + name, Type::kResource, {1});
  const int value = b.Make(std::string("value of ") + name, Type::kFloat32, {1});
  b.Op(OpCode::kVAR_HANDLE, {}, {handle}, Named(name));
  b.Op(OpCode::kREAD_VARIABLE, {handle}, {value});
  return value;
}

StateLayout LayoutOf(const ModelBuilder& b) {
  const auto model = Model::ReadBytes(b.Build());
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? StateLayout::Of(**model) : StateLayout();
}

// Main reads "a" and calls the initialiser, subgraph 1.
ModelBuilder Reading() {
  ModelBuilder b;
  b.Op(OpCode::kCALL_ONCE, {}, {}, SubgraphOptions{1, -1, {}});
  b.Output(Read(b, "a"));
  return b;
}

TEST(StateLayout, WhatOneInitialiserWritesIsTheModels) {
  ModelBuilder b = Reading();
  b.Begin("init");
  Assign(b, "a");
  const StateLayout layout = LayoutOf(b);
  EXPECT_EQ(layout.of_model, std::vector<bool>{true});
  EXPECT_EQ(layout.named[0], "");
  EXPECT_TRUE(layout.touches[0]);
  EXPECT_EQ(layout.writes_session, std::vector<bool>{false});
}

TEST(StateLayout, ASecondWriterMakesItASessions) {
  for (const bool initialiser : {false, true}) {
    ModelBuilder b = Reading();
    if (initialiser)
      b.Op(OpCode::kCALL_ONCE, {}, {}, SubgraphOptions{2, -1, {}});
    else
      Assign(b, "a");
    b.Begin("init");
    Assign(b, "a");
    Assign(b, "b");
    b.Begin("second");
    Assign(b, initialiser ? "a" : "c");
    const StateLayout layout = LayoutOf(b);
    EXPECT_FALSE(layout.of_model[0]) << initialiser;
    EXPECT_EQ(layout.named[0], "resource variable 'a'") << initialiser;
    EXPECT_TRUE(layout.writes_session[0]) << initialiser;
  }
}

// A handle that comes as an operand may be any.
TEST(StateLayout, AnUnknownWriterMakesAllASessions) {
  ModelBuilder b = Reading();
  b.Begin("init");
  Assign(b, "a");
  b.Begin("anywhere");
  const int handle = b.Input("handle", Type::kResource, {1});
  b.Op(OpCode::kASSIGN_VARIABLE, {handle, b.Constant<float>("value", {1}, {1})}, {});
  b.signatures = {{"anywhere", 2, {{"handle", handle}}, {}}};
  EXPECT_EQ(LayoutOf(b).of_model, std::vector<bool>{false});
}

TEST(StateLayout, VariableTensorsBeginAtZero) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kInt8, {4}, Quant(0.5f, -7));
  const int state = b.Variable("state", Type::kInt8, {4}, Quant(0.5f, -7));
  const int y = b.Make("y", Type::kInt8, {4}, Quant(0.5f, -7));
  b.Op(OpCode::kADD, {x, state}, {y}, BinaryOptions{});
  b.Output(y);
  const StateLayout layout = LayoutOf(b);
  ASSERT_EQ(layout.VariableOf(0, state), 0);
  EXPECT_EQ(layout.VariableOf(0, x), -1);
  EXPECT_EQ(layout.memories[0].bytes, 4u);
  EXPECT_EQ(static_cast<int8_t>(layout.memories[0].fill), -7);
  EXPECT_EQ(layout.named[0], "variable tensor 'state'");
}

}  // namespace
}  // namespace heddle::core
