// SPDX-License-Identifier: Apache-2.0
#include "plan/spent.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "plan/program.h"
#include "support/model_builder.h"

namespace heddle::core {
namespace {

// Of the instruction sets that pack.
const Isa kBest = SupportedIsas().back();

struct Made {
  explicit Made(const ModelBuilder& b, Isa isa = kBest) : model(*Model::ReadBytes(b.Build())) {
    ProgramOptions options;
    options.isa = isa;
    auto compiled = Program::Compile(model, 0, options, std::make_shared<WeightStore>(1 << 24));
    EXPECT_TRUE(compiled.ok()) << compiled.status().message();
    program = *compiled;
  }
  std::vector<std::span<const std::byte>> Spent() const {
    std::vector<const Program*> programs(model->subgraphs().size());
    programs[0] = program.get();
    return FindSpent(*model, programs);
  }
  bool IsSpent(std::string_view name) const {
    for (const Tensor& t : model->subgraphs()[0].tensors)
      if (t.name == name) return Has(t.data.data());
    ADD_FAILURE() << "no tensor " << name;
    return false;
  }
  bool Has(const std::byte* data) const {
    return std::ranges::any_of(Spent(), [&](const auto& s) { return s.data() == data; });
  }

  std::shared_ptr<const Model> model;
  std::shared_ptr<const Program> program;
};

// y = x w + b, where w may have other uses, too.
struct Dense {
  ModelBuilder b;
  int w = 0;
  Dense() {
    const int x = b.Input("x", Type::kFloat32, {1, 8});
    w = b.Constant<float>("w", {8, 8}, std::vector<float>(64, 0.5f));
    const int bias = b.Constant<float>("b", {8}, std::vector<float>(8, 1.0f));
    const int y = b.Make("y", Type::kFloat32, {1, 8});
    b.Op(OpCode::kFULLY_CONNECTED, {x, w, bias}, {y}, FullyConnectedOptions{});
    b.Output(y);
  }
  void AddTo(int constant, const std::string& name) {
    const int x = b.Input("x of " + name, Type::kFloat32, {8, 8});
    const int y = b.Make(name, Type::kFloat32, {8, 8});
    b.Op(OpCode::kADD, {x, constant}, {y}, BinaryOptions{});
    b.Output(y);
  }
};

TEST(Spent, WhatIsPackedAndReadByNobodyElse) {
  const Made made(Dense().b);
  EXPECT_TRUE(made.IsSpent("w"));
  EXPECT_TRUE(made.IsSpent("b"));
  EXPECT_EQ(made.Spent().size(), 2u);
}

TEST(Spent, NotWhereThePlainFormReadsIt) {
  EXPECT_TRUE(Made(Dense().b, Isa::kPlain).Spent().empty());
}

TEST(Spent, NotWhatAnotherOperatorReads) {
  Dense dense;
  dense.AddTo(dense.w, "sum");
  const Made made(dense.b);
  EXPECT_FALSE(made.IsSpent("w"));
  EXPECT_TRUE(made.IsSpent("b"));
}

TEST(Spent, NotWhatIsAnOutput) {
  Dense dense;
  dense.b.Output(dense.w);
  EXPECT_FALSE(Made(dense.b).IsSpent("w"));
}

// Two tensors of the same bytes; and one that no operator has, which some kernels find by another
// way (the scales of blocks).
TEST(Spent, NotWhatSharesBytesWithOneThatIsRead) {
  Dense dense;
  const int same = dense.b.Constant<float>("same", {8, 8}, std::vector<float>(64, 0.5f));
  dense.b.tensor(same).data = dense.b.tensor(dense.w).data;
  Dense other = dense;
  EXPECT_FALSE(Made(dense.b).IsSpent("w")) << "nobody is known to have packed the other";
  other.AddTo(same, "sum");
  EXPECT_FALSE(Made(other.b).IsSpent("w"));
}

TEST(Spent, NotWhatASubgraphThatIsNotMadeYetMayRead) {
  Dense dense;
  const std::span<const std::byte> data = dense.b.tensor(dense.w).data;
  dense.b.Begin("later");
  const int x = dense.b.Input("x", Type::kFloat32, {8, 8});
  const int w = dense.b.Constant<float>("w", {8, 8}, std::vector<float>(64, 0.5f));
  dense.b.tensor(w).data = data;
  const int y = dense.b.Make("y", Type::kFloat32, {8, 8});
  dense.b.Op(OpCode::kADD, {x, w}, {y}, BinaryOptions{});
  dense.b.Output(y);
  EXPECT_FALSE(Made(dense.b).IsSpent("w"));
}

// float16 weights as converters write them: what DEQUANTIZE makes of them is packed, and then
// nobody reads either.
TEST(Spent, WhatWasFoldedAndThenPacked) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1, 8});
  const int half = b.Data("half", Type::kFloat16, {8, 8}, std::vector<std::byte>(128));
  const int w = b.Make("w", Type::kFloat32, {8, 8});
  b.Op(OpCode::kDEQUANTIZE, {half}, {w});
  const int y = b.Make("y", Type::kFloat32, {1, 8});
  b.Op(OpCode::kFULLY_CONNECTED, {x, w, -1}, {y}, FullyConnectedOptions{});
  b.Output(y);
  const Made made(b);
  EXPECT_TRUE(made.IsSpent("half"));
  EXPECT_TRUE(made.Has(made.program->values()[static_cast<size_t>(w)].constant));
}

}  // namespace
}  // namespace heddle::core
