// SPDX-License-Identifier: Apache-2.0
#include "model/model.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

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

TEST(ModelTest, EveryOperatorHasANameAndANumber) {
  EXPECT_STREQ(OpName(OpCode::kCONV_2D), "CONV_2D");
  EXPECT_STREQ(OpName(static_cast<OpCode>(209)), "STABLEHLO_CASE");
  EXPECT_EQ(OpName(static_cast<OpCode>(210)), nullptr);
  EXPECT_EQ(OpKnownVersion(OpCode::kCONV_2D), 8);
  EXPECT_EQ(OpKnownVersion(OpCode::kCONCAT_EMBEDDINGS), 0);
}

}  // namespace
}  // namespace heddle::core
