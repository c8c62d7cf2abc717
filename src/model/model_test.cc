// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/testing/temp_tree.h"
#include "support/small_models.h"

namespace heddle::core {
namespace {

std::shared_ptr<const Model> MustRead(const std::vector<std::byte>& bytes) {
  auto model = Model::ReadBytes(bytes);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? *model : nullptr;
}

std::vector<float> Floats(std::span<const std::byte> data) {
  std::vector<float> v(data.size() / sizeof(float));
  if (!v.empty()) std::memcpy(v.data(), data.data(), data.size());
  return v;
}

TEST(ModelTest, ReadsWhatTheFileSays) {
  const auto model = MustRead(Small().Build());
  ASSERT_NE(model, nullptr);
  ASSERT_EQ(model->subgraphs().size(), 1u);
  const Subgraph& g = model->subgraphs()[0];
  EXPECT_EQ(g.name, "main");
  EXPECT_EQ(g.inputs, std::vector<int32_t>{0});
  EXPECT_EQ(g.outputs, std::vector<int32_t>{3});
  ASSERT_EQ(g.tensors.size(), 4u);
  EXPECT_FALSE(g.tensors[0].constant);
  EXPECT_TRUE(g.tensors[1].constant);
  EXPECT_EQ(g.tensors[1].shape, (Shape{2, 4}));
  EXPECT_EQ(Floats(g.tensors[1].data), (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}));

  ASSERT_EQ(g.operators.size(), 2u);
  EXPECT_EQ(g.operators[0].Name(), "FULLY_CONNECTED");
  EXPECT_EQ(g.operators[0].version, 5);
  EXPECT_EQ(g.operators[0].inputs, (std::vector<int32_t>{0, 1, -1}));
  const auto options = g.operators[0].OptionsOr<FullyConnectedOptions>();
  EXPECT_EQ(options.activation, Activation::kRelu6);
  EXPECT_TRUE(options.keep_num_dims);
  EXPECT_FALSE(options.shuffled_weights);
  EXPECT_EQ(g.operators[1].Name(), "Polish");
  ASSERT_EQ(g.operators[1].custom_options.size(), 2u);
  EXPECT_EQ(g.operators[1].custom_options[1], std::byte{8});

  ASSERT_EQ(model->signatures().size(), 1u);
  EXPECT_EQ(model->signatures()[0].key, "serve");
  EXPECT_EQ(model->signatures()[0].outputs[0].name, "out");
  EXPECT_EQ(model->signatures()[0].outputs[0].tensor, 3);
  ASSERT_EQ(model->metadata().size(), 1u);
  EXPECT_EQ(model->metadata()[0].name, "min_runtime_version");
  const std::span<const std::byte> content = model->metadata()[0].content;
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(content.data()), content.size()), "1.5.0");
  EXPECT_TRUE(model->files().empty());
}

TEST(ModelTest, ReadsBranchesVariablesStringsAndQuantisation) {
  const auto model = MustRead(Branching().Build());
  ASSERT_NE(model, nullptr);
  ASSERT_EQ(model->subgraphs().size(), 3u);
  const Subgraph& g = model->subgraphs()[0];
  EXPECT_EQ(g.operators[0].OptionsOr<SubgraphOptions>().second, 2);
  EXPECT_TRUE(g.tensors[1].quant.quantised());
  EXPECT_EQ(g.tensors[1].quant.Scale(), 0.5f);
  EXPECT_EQ(g.tensors[1].quant.ZeroPoint(), -3);
  EXPECT_TRUE(g.tensors[3].constant);
  EXPECT_EQ(g.tensors[3].data.size(), 4u * 4 + 8);
  EXPECT_TRUE(g.tensors[4].variable);
}

TEST(ModelTest, ConstantsBehindTheFlatbufferAreAligned) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kInt8, {1});
  b.Constant<int8_t>("odd", {1}, {3});  // what follows it is misaligned
  b.Constant<float>("w", {3}, {1.5f, -2, 4});
  b.Output(x);
  b.data_behind = true;
  const auto model = MustRead(b.Build());
  ASSERT_NE(model, nullptr);
  const Tensor& w = model->subgraphs()[0].tensors[2];
  EXPECT_EQ(Floats(w.data), (std::vector<float>{1.5f, -2, 4}));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(w.data.data()) % alignof(float), 0u);
}

TEST(ModelTest, DataLongerThanTheShapeIsCut) {
  ModelBuilder b = Small();
  b.tensor(1).shape = {1, 4};
  const auto model = MustRead(b.Build());
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(Floats(model->subgraphs()[0].tensors[1].data), (std::vector<float>{1, 2, 3, 4}));
}

TEST(ModelTest, AnEmptyOperandThatNothingMakesIsConstant) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1});
  const int shape = b.Make("shape", Type::kInt32, {0});
  const int y = b.Make("y", Type::kFloat32, {});
  b.Op(OpCode::kRESHAPE, {x, shape}, {y});
  b.Output(y);
  const auto model = MustRead(b.Build());
  ASSERT_NE(model, nullptr);
  EXPECT_TRUE(model->subgraphs()[0].tensors[shape].constant);
}

TEST(ModelTest, AStaleSignatureIsLeftOut) {
  ModelBuilder b = Small();
  b.signatures.push_back({"old", 0, {{"in", 2}}, {{"out", 3}}});
  const auto model = MustRead(b.Build());
  ASSERT_NE(model, nullptr);
  ASSERT_EQ(model->signatures().size(), 1u);
  EXPECT_EQ(model->signatures()[0].key, "serve");
}

TEST(ModelTest, FilesAreReadByPath) {
  const std::vector<std::byte> bytes = Small().Build();
  const auto path = std::filesystem::path(testing::TempDir()) / "model_test.tflite";
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  const auto model = Model::ReadFile(path.string());
  std::filesystem::remove(path);
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ((*model)->size_bytes(), static_cast<int64_t>(bytes.size()));
  EXPECT_EQ(Model::ReadFile(path.string()).status().code(), Code::kNotFound);
  EXPECT_EQ(Model::ReadFile(testing::TempDir()).status().code(), Code::kInvalidArgument);
}

// A constant of many pages in a file that is known by its look, however young.
struct LargeConstant {
  TempTree tree;
  std::string path;
  std::shared_ptr<const Model> model;
  explicit LargeConstant(int64_t settled_ns = -1'000'000'000) {
    const std::vector<std::byte> bytes = Build(1);
    path = tree.Write("m.tflite", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    auto read = Model::ReadFile(path, settled_ns);
    EXPECT_TRUE(read.ok()) << read.status().message();
    if (read.ok()) model = *read;
  }
  static std::vector<std::byte> Build(int8_t value) {
    ModelBuilder b;
    const int x = b.Input("x", Type::kInt8, {100'000}, Quant(1));
    const std::vector<int8_t> values(100'000, value);
    const int y = b.Make("y", Type::kInt8, {100'000}, Quant(1));
    b.Op(OpCode::kADD, {x, b.Constant<int8_t>("w", {100'000}, values, Quant(1))}, {y});
    b.Output(y);
    return b.Build();
  }
  std::span<const std::byte> data() const { return model->subgraphs()[0].tensors[2].data; }
  std::byte middle() const { return data()[data().size() / 2]; }
  bool WholeAgain() const {
    return std::all_of(data().begin(), data().end(), [](std::byte b) { return b == std::byte{1}; });
  }
  void GiveBack() const { model->GiveBack({{data()}}); }
};

TEST(ModelTest, WhatWasGivenBackComesAgain) {
  const LargeConstant of;
  ASSERT_NE(of.model, nullptr);
  ASSERT_TRUE(of.model->AddReader().ok());
  ASSERT_TRUE(of.WholeAgain());
  of.GiveBack();
  EXPECT_EQ(of.middle(), std::byte{0}) << "its pages are the system's";
  ASSERT_TRUE(of.model->AddReader().ok());
  EXPECT_TRUE(of.WholeAgain());
  of.GiveBack();
  EXPECT_TRUE(of.WholeAgain()) << "another one may read it";
}

TEST(ModelTest, WhatWasLookedAtStays) {
  const LargeConstant of;
  ASSERT_NE(of.model, nullptr);
  ASSERT_TRUE(of.model->AddReader().ok());
  of.GiveBack();
  ASSERT_TRUE(of.model->BringBack(of.data().first(1)).ok());
  EXPECT_TRUE(of.WholeAgain());
  of.GiveBack();
  EXPECT_TRUE(of.WholeAgain()) << "whoever looked may still look";
}

TEST(ModelTest, AnotherFileIsNotReadInItsPlace) {
  const LargeConstant of;
  ASSERT_NE(of.model, nullptr);
  of.GiveBack();
  const std::vector<std::byte> other = LargeConstant::Build(2);
  of.tree.Write("m.tflite", {reinterpret_cast<const char*>(other.data()), other.size()});
  EXPECT_EQ(of.model->BringBack(of.data()).code(), Code::kFailedPrecondition);
  EXPECT_EQ(of.model->AddReader().code(), Code::kFailedPrecondition);
  EXPECT_EQ(of.middle(), std::byte{0});
  of.tree.Remove("m.tflite");
  EXPECT_FALSE(of.model->BringBack(of.data()).ok());
}

TEST(ModelTest, AFileThatMayChangeUnnoticedGivesNothingBack) {
  const LargeConstant of(3'600'000'000'000);
  ASSERT_NE(of.model, nullptr);
  of.GiveBack();
  EXPECT_TRUE(of.WholeAgain());
}

TEST(ModelTest, EveryOperatorHasANameAndANumber) {
  EXPECT_STREQ(OpName(OpCode::kCONV_2D), "CONV_2D");
  EXPECT_STREQ(OpName(static_cast<OpCode>(209)), "STABLEHLO_CASE");
  EXPECT_EQ(OpName(static_cast<OpCode>(210)), nullptr);
  EXPECT_EQ(OpKnownVersion(OpCode::kCONV_2D), 8);
  EXPECT_EQ(OpKnownVersion(OpCode::kCONCAT_EMBEDDINGS), 0);
}

}  // namespace
}  // namespace heddle::core
