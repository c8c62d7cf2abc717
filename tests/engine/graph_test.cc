// SPDX-License-Identifier: Apache-2.0
// What the C interface tells of a graph: every tensor, shapes without a run, and kept values.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "digits.h"

namespace heddle {
namespace {

using testing::DigitsFile;
using testing::Fill;

class Graph : public ::testing::Test {
 protected:
  Model Load(bool quantised, bool keep_all) {
    LoadOptions options;
    options.keep_all = keep_all;
    auto loaded = engine_.Load(DigitsFile(quantised), options);
    EXPECT_TRUE(loaded.ok()) << loaded.status().message();
    return std::move(loaded).value();
  }
  heddle_tensor_info Port(const Model& model, bool input) {
    heddle_tensor_info info{};
    info.struct_size = sizeof(info);
    const auto ask = input ? heddle_model_input : heddle_model_output;
    EXPECT_TRUE(internal::Take(ask(model.get(), nullptr, 0, &info)).ok());
    return info;
  }
  heddle_graph_tensor Tensor(const Model& model, int index) {
    heddle_graph_tensor tensor{};
    tensor.struct_size = sizeof(tensor);
    EXPECT_TRUE(
        internal::Take(heddle_model_tensor(model.get(), 0, static_cast<size_t>(index), &tensor))
            .ok());
    return tensor;
  }
  Engine engine_;
};

TEST_F(Graph, APortNamesItsTensor) {
  const Model model = Load(true, false);
  const heddle_tensor_info in = Port(model, true);
  const heddle_graph_tensor tensor = Tensor(model, in.tensor);
  EXPECT_EQ(in.subgraph, 0);
  EXPECT_EQ(tensor.type, in.type);
  ASSERT_EQ(tensor.signature_rank, 4);
  EXPECT_EQ(tensor.dims[0], 1);
  EXPECT_EQ(tensor.signature[0], -1);
  ASSERT_EQ(tensor.scale_count, 1u);
  EXPECT_EQ(tensor.scales[0], in.scale);
  EXPECT_EQ(tensor.zero_points[0], in.zero_point);
  EXPECT_EQ(tensor.data, nullptr);
}

TEST_F(Graph, AConstantHasItsBytesAndScales) {
  const Model model = Load(true, false);
  bool per_channel = false;
  for (size_t i = 0; i < heddle_model_tensor_count(model.get(), 0); ++i) {
    const heddle_graph_tensor tensor = Tensor(model, static_cast<int>(i));
    if (tensor.data == nullptr || tensor.scale_count < 2) continue;
    per_channel = true;
    EXPECT_EQ(tensor.scale_count, static_cast<size_t>(tensor.dims[tensor.axis])) << tensor.name;
    EXPECT_GT(tensor.bytes, 0u);
  }
  EXPECT_TRUE(per_channel);
}

// A model gives back what it has packed, one that keeps all does not.
TEST_F(Graph, AConstantHasItsBytesThoughTheModelIsDoneWithThem) {
  const Model model = Load(false, false), keeps_all = Load(false, true);
  size_t most = 0;
  for (size_t i = 0; i < heddle_model_tensor_count(model.get(), 0); ++i) {
    const heddle_graph_tensor tensor = Tensor(model, static_cast<int>(i));
    const heddle_graph_tensor kept = Tensor(keeps_all, static_cast<int>(i));
    ASSERT_EQ(tensor.bytes, kept.bytes) << tensor.name;
    ASSERT_EQ(tensor.data == nullptr, kept.data == nullptr) << tensor.name;
    if (tensor.data == nullptr) continue;
    EXPECT_EQ(std::memcmp(tensor.data, kept.data, kept.bytes), 0) << tensor.name;
    most = std::max(most, kept.bytes);
  }
  EXPECT_GT(most, 32768u) << "whole pages";
}

TEST_F(Graph, ACallerOfTheShorterStructGetsWhatItKnows) {
  const Model model = Load(false, false);
  heddle_tensor_info info{};
  info.struct_size = offsetof(heddle_tensor_info, subgraph);
  info.tensor = 12345;
  ASSERT_EQ(heddle_model_output(model.get(), nullptr, 0, &info), nullptr);
  EXPECT_EQ(info.rank, 2);
  EXPECT_EQ(info.tensor, 12345);
}

TEST_F(Graph, ShapesFollowFromThoseOfTheInputs) {
  const Model model = Load(false, false);
  const auto output = static_cast<size_t>(Port(model, false).tensor);
  TensorView in, out;
  in.rank = 4;
  const int32_t dims[] = {7, 8, 8, 1};
  std::memcpy(in.dims, dims, sizeof(dims));
  ASSERT_TRUE(internal::Take(heddle_model_shape(model.get(), nullptr, &in, 1, output, &out)).ok());
  EXPECT_EQ(out.rank, 2);
  EXPECT_EQ(out.dims[0], 7);
  EXPECT_EQ(out.dims[1], 10);
  in.dims[0] = -2;
  EXPECT_EQ(internal::Take(heddle_model_shape(model.get(), nullptr, &in, 1, output, &out)).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(internal::Take(heddle_model_shape(model.get(), nullptr, nullptr, 0, 999, &out)).code(),
            Code::kNotFound);
}

TEST_F(Graph, KeptTensorsAreReadByIndex) {
  for (const bool keep : {false, true}) {
    const Model model = Load(false, keep);
    const auto in = Fill(model, 1, 3);
    heddle_outputs* outputs = nullptr;
    ASSERT_EQ(heddle_model_run(model.get(), &in.view, 1, nullptr, 0, nullptr, &outputs), nullptr);
    TensorView found;
    const auto output = static_cast<size_t>(Port(model, false).tensor);
    EXPECT_TRUE(internal::Take(heddle_outputs_tensor(outputs, output, &found)).ok());
    EXPECT_EQ(found.dims[1], 10);
    // The tensor before the last one is made by the graph, and is no output.
    const Status inner = internal::Take(heddle_outputs_tensor(outputs, output - 1, &found));
    EXPECT_EQ(inner.ok(), keep) << inner.message();
    heddle_outputs_free(outputs);
  }
}

TEST_F(Graph, AModelWithoutStateSaysSo) {
  const Model model = Load(false, false);
  EXPECT_EQ(heddle_model_state(model.get(), nullptr), nullptr);
  EXPECT_EQ(heddle_model_subgraph_count(model.get()), 1u);
  EXPECT_EQ(heddle_model_tensor_count(model.get(), 1), 0u);
}

}  // namespace
}  // namespace heddle
