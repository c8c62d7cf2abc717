// SPDX-License-Identifier: Apache-2.0
// What the audit finds, and that a sound model has no findings.
#include "plan/audit.h"

#include <gtest/gtest.h>

#include "plan/make_operation.h"
#include "plan/program.h"
#include "support/model_builder.h"

namespace heddle::core {
namespace {

Quantization Declared(Quantization quant, float min, float max) {
  quant.min = {min};
  quant.max = {max};
  return quant;
}

std::vector<Finding> FindingsOf(const ModelBuilder& b) {
  const auto model = Model::ReadBytes(b.Build());
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? AuditModel(**model) : std::vector<Finding>();
}

// An image through RELU, its bytes standing for what `quant` says.
ModelBuilder Image(Quantization quant, Type type = Type::kUInt8) {
  ModelBuilder b;
  const int x = b.Input("image", type, {1, 4, 4, 3}, quant);
  const int y = b.Make("y", type, {1, 4, 4, 3}, quant);
  b.Op(OpCode::kRELU, {x}, {y});
  b.Output(y);
  return b;
}

void ExpectOne(const std::vector<Finding>& found, Severity severity, const char* text) {
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].severity, severity);
  EXPECT_NE(found[0].text.find(text), std::string::npos) << found[0].text;
}

TEST(Audit, UsualImagesAreNoFinding) {
  const Quantization usual[] = {Quant(1.0f / 255), Quant(1.0f), Quant(2.0f / 255, 128),
                                Quant(1.0f / 128, 128), Quant(1.0f / 127.5f, 127)};
  for (const Quantization& quant : usual) EXPECT_TRUE(FindingsOf(Image(quant)).empty());
  EXPECT_TRUE(FindingsOf(Image(Quant(1.0f / 255, -128), Type::kInt8)).empty());
}

TEST(Audit, AnImageOfAnotherRangeIsNoted) {
  ExpectOne(FindingsOf(Image(Quant(1.0f / 255, 128))), Severity::kNote,
            "input 'image': its bytes stand for -0.502 to 0.498");
  ExpectOne(FindingsOf(Image(Quant(1.0f, 0), Type::kInt8)), Severity::kNote, "-128 to 127");
}

TEST(Audit, ADeclaredRangeThatTheBytesCannotHoldIsAWarning) {
  ModelBuilder b;
  const Quantization quant = Declared(Quant(1.0f / 255, 0), 0, 1);
  const int x = b.Input("x", Type::kInt8, {1, 8}, quant);
  const int y = b.Make("y", Type::kInt8, {1, 8}, Declared(Quant(1.0f / 255, -128), 0, 1));
  b.Op(OpCode::kQUANTIZE, {x}, {y});
  b.Output(y);
  ExpectOne(FindingsOf(b), Severity::kWarning,
            "input 'x': declared as 0 to 1, but scale 0.003922 and zero point 0 hold -0.502 to "
            "0.498");
  // A range that is narrower, or nudged, is sound.
  b.tensor(x).quant = Declared(Quant(1.0f / 255, -128), 0.1f, 0.9f);
  EXPECT_TRUE(FindingsOf(b).empty());
  b.tensor(x).quant = Declared(Quant(1.0f / 255, -128), -0.003f, 1.003f);
  EXPECT_TRUE(FindingsOf(b).empty());
}

TEST(Audit, BytesThatMoveToAnotherScaleAreAWarning) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kInt8, {1, 4}, Quant(0.5f, 3));
  const int y = b.Make("y", Type::kInt8, {4}, Quant(0.25f, 3));
  b.Op(OpCode::kRESHAPE, {x, b.Constant<int32_t>("shape", {1}, {4})}, {y});
  b.Output(y);
  ExpectOne(FindingsOf(b), Severity::kWarning,
            "op 0 RESHAPE: moves bytes of scale 0.5, zero point 3 to 'y' of scale 0.25");
  b.tensor(y).quant = Quant(0.5f, 3);
  EXPECT_TRUE(FindingsOf(b).empty());
}

TEST(Audit, ScalesThatAreNotPositiveAreWarnings) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1, 2});
  Quantization weights;
  weights.scale = {0.5f, 0.0f, -0.25f};
  weights.zero_point = {0, 0, 0};
  const int w = b.Constant<int8_t>("w", {3, 2}, {1, 2, 3, 4, 5, 6}, weights);
  const int y = b.Make("y", Type::kFloat32, {1, 3});
  b.Op(OpCode::kFULLY_CONNECTED, {x, w, -1}, {y}, FullyConnectedOptions{});
  b.Output(y);
  ExpectOne(FindingsOf(b), Severity::kWarning,
            "tensor 'w': 2 of 3 scales are not positive, the first is 0");
}

TEST(Audit, ManyFindingsOfAKindAreCounted) {
  ModelBuilder b;
  int x = b.Input("x", Type::kInt8, {4}, Quant(0.5f));
  const int shape = b.Constant<int32_t>("shape", {1}, {4});
  for (int i = 0; i < 20; ++i) {
    const int y = b.Make("y", Type::kInt8, {4}, Quant(i % 2 == 0 ? 0.25f : 0.5f));
    b.Op(OpCode::kRESHAPE, {x, shape}, {y});
    x = y;
  }
  b.Output(x);
  const std::vector<Finding> found = FindingsOf(b);
  ASSERT_EQ(found.size(), 9u);
  EXPECT_EQ(found.back().text, "12 more operators that move bytes to another scale");
}

TEST(Audit, InputsAndTensorsThatNothingUsesAreNoted) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {4});
  b.Input("ignored", Type::kFloat32, {4});
  b.Make("stray", Type::kFloat32, {4});
  const int y = b.Make("y", Type::kFloat32, {4});
  b.Op(OpCode::kRELU, {x}, {y});
  b.Output(y);
  const std::vector<Finding> found = FindingsOf(b);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].text, "input 'ignored': nothing reads it");
  EXPECT_EQ(found[1].text, "tensor 'stray': nothing writes it, and nothing reads it");
}

TEST(Audit, AVariableThatNothingAssignsIsAWarningAndState) {
  ModelBuilder b;
  const int handle = b.Make("handle", Type::kResource, {1});
  const int y = b.Make("y", Type::kFloat32, {2});
  VarHandleOptions name;
  name.shared_name = "memory";
  b.Op(OpCode::kVAR_HANDLE, {}, {handle}, name);
  b.Op(OpCode::kREAD_VARIABLE, {handle}, {y});
  b.Output(y);
  ExpectOne(FindingsOf(b), Severity::kWarning,
            "resource variable 'memory' is read, and nothing in the file assigns it");
  b.Variable("carried", Type::kFloat32, {2});
  const auto model = Model::ReadBytes(b.Build());
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(StateNames(**model, StateLayout::Of(**model)),
            (std::vector<std::string>{"variable tensor 'carried'", "resource variable 'memory'"}));
}

TEST(Audit, OperatorsThatKeepSomethingAreState) {
  ModelBuilder b;
  const int y = b.Make("y", Type::kFloat32, {3});
  b.Op(OpCode::kRANDOM_UNIFORM, {b.Constant<int32_t>("shape", {1}, {3})}, {y}, RandomOptions{1, 2});
  b.Output(y);
  const auto model = Model::ReadBytes(b.Build());
  ASSERT_TRUE(model.ok()) << model.status().message();
  EXPECT_EQ(StateNames(**model, StateLayout::Of(**model)),
            (std::vector<std::string>{"op 0 RANDOM_UNIFORM"}));
}

std::string WhyNot(const std::string& custom_name) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {4});
  const int y = b.Make("y", Type::kFloat32, {4});
  b.CustomOp(custom_name, {x}, {y});
  b.Output(y);
  const auto model = Model::ReadBytes(b.Build());
  if (!model.ok()) return std::string(model.status().message());
  const auto program =
      Program::Compile(*model, 0, {}, std::make_shared<WeightStore>(uint64_t{1} << 20));
  EXPECT_EQ(program.status().code(), Code::kUnsupported);
  return std::string(program.status().message());
}

TEST(MakeOperation, SaysHowToSupplyWhatIsMissing) {
  EXPECT_EQ(WhyNot("Polish"),
            "op 0 Polish: no kernel for this operator; it is the model's own: register a kernel of "
            "this name (heddle/custom.h)");
  EXPECT_NE(WhyNot("FlexErf").find("convert the model without SELECT_TF_OPS"), std::string::npos);
  for (const char* name : {"edgetpu-custom-op", "ethos-u", "XC_conv2d_v2"})
    EXPECT_NE(WhyNot(name).find("compiled from"), std::string::npos) << name;
}

}  // namespace
}  // namespace heddle::core
