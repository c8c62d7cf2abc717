// SPDX-License-Identifier: Apache-2.0
#include "plan/fuse_activation.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "plan/program.h"
#include "support/model_builder.h"

namespace heddle::core {
namespace {

std::shared_ptr<const Program> Compile(const ModelBuilder& b, ProgramOptions options = {}) {
  auto model = Model::ReadBytes(b.Build());
  EXPECT_TRUE(model.ok()) << model.status().message();
  auto program = Program::Compile(*model, 0, options, std::make_shared<WeightStore>(1 << 24));
  EXPECT_TRUE(program.ok()) << program.status().message();
  return *program;
}

// x + c, then RELU6. The sum may be read by others.
struct SumAndRelu {
  ModelBuilder b;
  int sum = 0, y = 0;
  explicit SumAndRelu(Type type = Type::kFloat32, Activation activation = Activation::kNone) {
    const Quantization quant = type == Type::kFloat32 ? Quantization{} : Quant(0.5f);
    const int x = b.Input("x", type, {4}, quant);
    const int c = b.Data("c", type, {4}, std::vector<std::byte>(4 * TypeBits(type) / 8), quant);
    sum = b.Make("sum", type, {4}, quant);
    y = b.Make("y", type, {4}, quant);
    BinaryOptions options;
    options.activation = activation;
    b.Op(OpCode::kADD, {x, c}, {sum}, options);
    b.Op(OpCode::kRELU6, {sum}, {y});
    b.Output(y);
  }
};

TEST(FuseActivations, OneNodeComputesBoth) {
  const SumAndRelu graph;
  const auto program = Compile(graph.b);
  ASSERT_EQ(program->nodes().size(), 1u);
  EXPECT_EQ(program->nodes()[0].source->code, OpCode::kADD);
  EXPECT_EQ(program->nodes()[0].outputs, std::vector<int>{graph.y});
}

TEST(FuseActivations, NotWhenToldSoNorWhenEverythingIsKept) {
  const SumAndRelu graph;
  ProgramOptions options;
  options.fuse_activations = false;
  EXPECT_EQ(Compile(graph.b, options)->nodes().size(), 2u);
  options.fuse_activations = options.keep_all = true;
  EXPECT_EQ(Compile(graph.b, options)->nodes().size(), 2u);
}

TEST(FuseActivations, NotWhenSomebodyElseReadsTheValueBetween) {
  SumAndRelu output;
  output.b.Output(output.sum);
  EXPECT_EQ(Compile(output.b)->nodes().size(), 2u);
  SumAndRelu reader;
  const int z = reader.b.Make("z", Type::kFloat32, {4});
  reader.b.Op(OpCode::kNEG, {reader.sum}, {z});
  reader.b.Output(z);
  EXPECT_EQ(Compile(reader.b)->nodes().size(), 3u);
}

TEST(FuseActivations, NotAfterAnotherActivationNorForIntegers) {
  EXPECT_EQ(Compile(SumAndRelu(Type::kFloat32, Activation::kRelu).b)->nodes().size(), 2u);
  EXPECT_EQ(Compile(SumAndRelu(Type::kInt8).b)->nodes().size(), 2u);
}

// Of constants a Program folds the whole graph.
std::vector<uint32_t> Folded(OpCode code, Options options, OpCode activation,
                             ProgramOptions program_options) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const std::vector<float> odd = {
      -0.0f, 0, -kInf, kInf, 1e-40f, -1e-40f, 7, -2, std::numeric_limits<float>::quiet_NaN()};
  const auto n = static_cast<int32_t>(odd.size());
  ModelBuilder b;
  const bool window = code == OpCode::kCONV_2D || code == OpCode::kDEPTHWISE_CONV_2D;
  const Shape shape = window ? Shape{1, n, 1, 1} : Shape{n, 1};
  const int x = b.Constant<float>("x", shape, odd);
  const int w = b.Constant<float>("w", window ? Shape{1, 1, 1, 1} : Shape{1, 1}, {1});
  const int between = b.Make("between", Type::kFloat32, shape);
  const int y = b.Make("y", Type::kFloat32, shape);
  b.Op(code, {x, w}, {between}, std::move(options));
  b.Op(activation, {between}, {y});
  b.Output(y);
  const auto program = Compile(b, program_options);
  std::vector<uint32_t> bits(odd.size());
  const Value& value = program->values()[static_cast<size_t>(y)];
  EXPECT_NE(value.constant, nullptr);
  if (value.constant != nullptr) std::memcpy(bits.data(), value.constant, bits.size() * 4);
  return bits;
}

TEST(FuseActivations, TheBitsAreThoseOfBothOneAfterTheOther) {
  ConvOptions depthwise;
  depthwise.depth_multiplier = 1;
  const std::pair<OpCode, Options> makers[] = {{OpCode::kCONV_2D, ConvOptions{}},
                                               {OpCode::kDEPTHWISE_CONV_2D, depthwise},
                                               {OpCode::kFULLY_CONNECTED, FullyConnectedOptions{}},
                                               {OpCode::kADD, BinaryOptions{}},
                                               {OpCode::kSUB, BinaryOptions{}},
                                               {OpCode::kMUL, BinaryOptions{}}};
  for (const auto& [code, options] : makers) {
    for (const OpCode activation : {OpCode::kRELU, OpCode::kRELU6, OpCode::kRELU_N1_TO_1}) {
      for (const Isa isa : SupportedIsas()) {
        for (const Numerics numerics : {Numerics::kFast, Numerics::kReference}) {
          ProgramOptions fused, apart;
          fused.isa = apart.isa = isa;
          fused.numerics = apart.numerics = numerics;
          apart.fuse_activations = false;
          EXPECT_EQ(Folded(code, options, activation, fused),
                    Folded(code, options, activation, apart))
              << OpName(code) << " " << OpName(activation) << " on " << IsaName(isa);
        }
      }
    }
  }
}

}  // namespace
}  // namespace heddle::core
