// SPDX-License-Identifier: Apache-2.0
// Operators that a program registers: what they are asked, what they may answer, what of it reaches
// the caller.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <new>
#include <stdexcept>
#include <thread>

#include "heddle/custom.h"
#include "support/model_builder.h"

namespace heddle {
namespace {

using core::ModelBuilder;
using core::OpCode;
using core::Type;
using Values = std::vector<float>;

std::vector<std::byte> Options(float value) {
  std::vector<std::byte> bytes(sizeof(value));
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

// x through a custom operator of this name, then doubled.
std::vector<std::byte> Using(const char* name, std::vector<std::byte> options = Options(3)) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1, 4});
  const int h = b.Make("h", Type::kFloat32, {1, 4});
  const int y = b.Make("y", Type::kFloat32, {1, 4});
  b.CustomOp(name, {x}, {h}, std::move(options));
  b.Op(OpCode::kADD, {h, h}, {y}, core::BinaryOptions{});
  b.Output(y);
  return b.Build();
}

Status SameShape(const custom::Node& node, std::span<heddle_shape> outputs) {
  const auto from = node.input(0).shape();
  outputs[0].rank = static_cast<int32_t>(from.size());
  std::copy(from.begin(), from.end(), outputs[0].dims);
  return Status();
}

// Multiplies by a float of the options.
class Scale final : public custom::PlainOperator {
 public:
  static Result<std::unique_ptr<Scale>> Make(const custom::Node& node) {
    auto made = std::make_unique<Scale>();
    if (node.options().size() != sizeof(float))
      return Status(
          Code::kInvalidModel,
          "the options have " + std::to_string(node.options().size()) + " bytes, expected 4");
    std::memcpy(&made->factor_, node.options().data(), sizeof(float));
    return made;
  }
  Status Shapes(const custom::Node& node, std::span<heddle_shape> outputs) const override {
    return SameShape(node, outputs);
  }
  Status Run(const custom::Node& node, const custom::Call& call) const override {
    for (int64_t i = 0; i < node.input(0).elements(); ++i) {
      const float x = call.input<float>(0)[i];
      if (x < 0) return Status(Code::kInvalidArgument, "a negative value");
      if (x > 1e9f) throw std::bad_alloc();
      call.output<float>(0)[i] = factor_ * x;
    }
    return Status();
  }

 private:
  float factor_ = 0;
};

// 1 / x, a tile for each element; counts the tiles that ran.
std::atomic<int> tiles_run{0};
class Inverse final : public custom::TiledOperator {
 public:
  static Result<std::unique_ptr<Inverse>> Make(const custom::Node&) {
    return std::make_unique<Inverse>();
  }
  Status Shapes(const custom::Node& node, std::span<heddle_shape> outputs) const override {
    return SameShape(node, outputs);
  }
  custom::Work Plan(const custom::Node& node) const override {
    return {node.input(0).elements(), 1e5, sizeof(float), 1};
  }
  heddle_tile_code Tile(const custom::Node&, const custom::Call& call, int64_t begin,
                        int64_t end) const override {
    auto* scratch = reinterpret_cast<float*>(call.scratch());
    for (int64_t i = begin; i < end; ++i) {
      *scratch = call.input<float>(0)[i];
      if (*scratch == 0) return HEDDLE_TILE_DIVISION_BY_ZERO;
      if (*scratch == 13) throw std::runtime_error("unlucky");
      call.output<float>(0)[i] = 1 / *scratch;
      ++tiles_run;
    }
    return HEDDLE_TILE_OK;
  }
};

Result<Values> RunWith(const Engine& engine, const std::vector<std::byte>& file, const Values& x) {
  HEDDLE_ASSIGN(const Model model, engine.LoadBytes(file));
  HEDDLE_ASSIGN(const Outputs out, model.Run({{"x", x}}));
  const auto y = out[0].As<float>();
  return Values(y.begin(), y.end());
}

void ExpectError(const Result<Values>& found, Code code, const char* message) {
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.status().code(), code);
  EXPECT_EQ(found.status().message(), message);
}

TEST(CustomOperator, APlainOneReadsItsOptionsAndRuns) {
  const Engine engine;
  ASSERT_TRUE(custom::Register<Scale>(engine, "Scale").ok());
  const auto y = RunWith(engine, Using("Scale"), {1, 2, 3, 4});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(*y, (Values{6, 12, 18, 24}));
}

TEST(CustomOperator, WhatItRefusesNamesTheOperator) {
  const Engine engine;
  ASSERT_TRUE(custom::Register<Scale>(engine, "Scale").ok());
  ExpectError(RunWith(engine, Using("Scale", {}), {1, 2, 3, 4}), Code::kInvalidModel,
              "op 0 Scale: the options have 0 bytes, expected 4");
  ExpectError(RunWith(engine, Using("Scale"), {1, -2, 3, 4}), Code::kInvalidArgument,
              "op 0 Scale: a negative value");
  ExpectError(RunWith(engine, Using("Scale"), {1, 2e9f, 3, 4}), Code::kResourceExhausted,
              "op 0 Scale: out of memory");
}

TEST(CustomOperator, TilesAreSharedAndTheirCodesTold) {
  const Engine engine;
  ASSERT_TRUE(custom::Register<Inverse>(engine, "Inverse").ok());
  const auto y = RunWith(engine, Using("Inverse"), {1, 2, 4, 8});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(*y, (Values{2, 1, 0.5f, 0.25f}));
  ExpectError(RunWith(engine, Using("Inverse"), {1, 0, 13, 8}), Code::kInvalidArgument,
              "op 0 Inverse: division by zero");
  ExpectError(RunWith(engine, Using("Inverse"), {1, 2, 13, 8}), Code::kInvalidArgument,
              "op 0 Inverse: the registered operator reported a failure");
}

TEST(CustomOperator, ManyCallersShareOneNode) {
  const Engine engine;
  ASSERT_TRUE(custom::Register<Inverse>(engine, "Inverse").ok());
  const auto model = engine.LoadBytes(Using("Inverse"));
  ASSERT_TRUE(model.ok()) << model.status().message();
  std::vector<std::thread> callers;
  for (int c = 1; c <= 4; ++c)
    callers.emplace_back([&model, c] {
      const Values x(400, static_cast<float>(c));
      for (int i = 0; i < 50; ++i) {
        const auto out = model->Run({{"x", x, {100, 4}}});
        ASSERT_TRUE(out.ok()) << out.status().message();
        for (const float y : (*out)[0].As<float>()) ASSERT_EQ(y, 2 / static_cast<float>(c));
      }
    });
  for (std::thread& caller : callers) caller.join();
}

// The same through constants alone.
std::vector<std::byte> OfConstants() {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1, 4});
  const int h = b.Make("h", Type::kFloat32, {1, 4});
  const int y = b.Make("y", Type::kFloat32, {1, 4});
  b.CustomOp("Inverse", {b.Constant<float>("c", {1, 4}, {1, 2, 4, 8})}, {h});
  b.Op(OpCode::kADD, {x, h}, {y}, core::BinaryOptions{});
  b.Output(y);
  return b.Build();
}

TEST(CustomOperator, OnlyADeterministicOneIsComputedAtLoad) {
  for (const bool deterministic : {true, false}) {
    const Engine engine;
    ASSERT_TRUE(custom::Register<Inverse>(engine, "Inverse", {deterministic, 0}).ok());
    tiles_run = 0;
    const auto model = engine.LoadBytes(OfConstants());
    ASSERT_TRUE(model.ok()) << model.status().message();
    EXPECT_EQ(tiles_run, deterministic ? 4 : 0);
    const Values x = {1, 1, 1, 1};
    for (int i = 0; i < 2; ++i) {
      const auto out = model->Run({{"x", x}});
      ASSERT_TRUE(out.ok()) << out.status().message();
      EXPECT_EQ((*out)[0].As<float>()[3], 1.125f);
    }
    EXPECT_EQ(tiles_run, deterministic ? 4 : 8);
  }
}

// As many elements of input 0 as input 1 says.
class Head final : public custom::PlainOperator {
 public:
  static Result<std::unique_ptr<Head>> Make(const custom::Node& node) {
    if (node.input(2).present()) return Status(Code::kInvalidModel, "three inputs");
    return std::make_unique<Head>();
  }
  Status Shapes(const custom::Node& node, std::span<heddle_shape> outputs) const override {
    const auto count = node.input(1).As<int32_t>();
    if (count.size() != 1) return Status(Code::kInternal, "the value of input 1 is not known");
    outputs[0] = {1, {count[0]}};
    return Status();
  }
  Status Run(const custom::Node& node, const custom::Call& call) const override {
    std::copy_n(call.input<float>(0), node.output(0).elements(), call.output<float>(0));
    return Status();
  }
};

TEST(CustomOperator, ShapesMayFollowFromValues) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {4});
  const int n = b.Input("n", Type::kInt32, {1});
  const int h = b.Make("h", Type::kFloat32, {2});
  b.CustomOp("Head", {x, n, -1}, {h});
  b.Output(h);
  const Engine engine;
  ASSERT_TRUE(custom::Register<Head>(engine, "Head", {true, 1u << 1}).ok());
  const auto model = engine.LoadBytes(b.Build());
  ASSERT_TRUE(model.ok()) << model.status().message();
  const Values values = {1, 2, 3, 4};
  for (const int32_t count : {3, 1, 4, 0}) {
    const std::vector<int32_t> wanted = {count};
    const auto out = model->Run({{"x", values}, {"n", wanted}});
    ASSERT_TRUE(out.ok()) << out.status().message();
    EXPECT_EQ((*out)[0].As<float>().size(), static_cast<size_t>(count));
  }
  const std::vector<int32_t> wrong = {-1};
  EXPECT_EQ(model->Run({{"x", values}, {"n", wrong}}).status().code(), Code::kInvalidArgument);
}

// Runs the model that it was given, from inside a call.
const Model* inner = nullptr;
class Nested final : public custom::PlainOperator {
 public:
  static Result<std::unique_ptr<Nested>> Make(const custom::Node&) {
    return std::make_unique<Nested>();
  }
  Status Shapes(const custom::Node& node, std::span<heddle_shape> outputs) const override {
    return SameShape(node, outputs);
  }
  Status Run(const custom::Node&, const custom::Call& call) const override {
    const std::span<const float> x(call.input<float>(0), 4);
    TensorView out("y", std::span(call.output<float>(0), 4));
    const TensorView in("x", x);
    return inner->RunInto({&in, 1}, {&out, 1});
  }
};

TEST(CustomOperator, MayRunAnotherModelOnTheTurnThatItHolds) {
  heddle::Options one_core;
  one_core.cores = 1;
  const Engine engine(one_core);
  ASSERT_TRUE(custom::Register<Scale>(engine, "Scale").ok());
  ASSERT_TRUE(custom::Register<Nested>(engine, "Nested").ok());
  const auto scale = engine.LoadBytes(Using("Scale"));
  ASSERT_TRUE(scale.ok()) << scale.status().message();
  inner = &*scale;
  const auto y = RunWith(engine, Using("Nested"), {1, 2, 3, 4});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ(*y, (Values{12, 24, 36, 48}));
}

TEST(CustomOperator, ComesBeforeABuiltInOneOfTheSameName) {
  const std::vector<std::byte> file = Using("MaxUnpooling2D");
  const Engine plain;
  EXPECT_NE(plain.LoadBytes(file).status().message().find("op 0 MaxUnpooling2D: "),
            std::string_view::npos);
  const Engine engine;
  ASSERT_TRUE(custom::Register<Scale>(engine, "MaxUnpooling2D").ok());
  const auto y = RunWith(engine, file, {1, 2, 3, 4});
  ASSERT_TRUE(y.ok()) << y.status().message();
  EXPECT_EQ((*y)[3], 24);
}

TEST(CustomOperator, ServesModelsThatAreLoadedAfterwardsByItsEngineAlone) {
  const Engine engine, other;
  EXPECT_EQ(engine.LoadBytes(Using("Scale")).status().code(), Code::kUnsupported);
  ASSERT_TRUE(custom::Register<Scale>(engine, "Scale").ok());
  EXPECT_TRUE(engine.LoadBytes(Using("Scale")).ok());
  EXPECT_EQ(other.LoadBytes(Using("Scale")).status().message(),
            "op 0 Scale: no kernel for this operator; it is the model's own: register a kernel of "
            "this name (heddle/custom.h)");
}

// Functions of the C interface, and a user's value that counts how often it was freed.
heddle_status* CShapes(const void*, const heddle_node* node, heddle_shape* outputs) {
  outputs[0].rank = node->inputs[0]->rank;
  std::memcpy(outputs[0].dims, node->inputs[0]->dims, sizeof(outputs[0].dims));
  return nullptr;
}
heddle_status* RankOfNine(const void*, const heddle_node*, heddle_shape* outputs) {
  outputs[0].rank = 9;
  return nullptr;
}
heddle_status* Endless(const void*, const heddle_node*, heddle_work* work) {
  work->scratch_bytes = ~size_t{0};
  return nullptr;
}
heddle_status* UsersFactor(const void* self, const heddle_node* node, const heddle_call* call) {
  const int factor = *static_cast<const int*>(self);
  for (int32_t i = 0; i < node->inputs[0]->dims[1]; ++i)
    static_cast<float*>(call->outputs[0])[i] =
        static_cast<float>(factor) * static_cast<const float*>(call->inputs[0])[i];
  return nullptr;
}
int freed = 0;

heddle_operator COperator(int* user) {
  heddle_operator op{};
  op.struct_size = sizeof(op);
  op.name = "Scale";
  op.user = user;
  op.free_user = [](void*) { ++freed; };
  op.shapes = &CShapes;
  op.run = &UsersFactor;
  return op;
}

Status RegisterC(const Engine& engine, const heddle_operator& op) {
  return internal::Take(heddle_engine_register(engine.get(), &op));
}

TEST(CustomOperator, TheUsersValueLivesAsLongAsTheModelsThatNeedIt) {
  freed = 0;
  int factor = 5;
  std::optional<Model> model;
  {
    const Engine engine;
    ASSERT_TRUE(RegisterC(engine, COperator(&factor)).ok());
    EXPECT_EQ(RegisterC(engine, COperator(&factor)).message(),
              "operator 'Scale' is registered already");
    EXPECT_EQ(freed, 0);
    auto loaded = engine.LoadBytes(Using("Scale"));
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    model = std::move(loaded).value();
  }
  const Values x = {1, 2, 3, 4};
  const auto out = model->Run({{"x", x}});
  ASSERT_TRUE(out.ok()) << out.status().message();
  EXPECT_EQ((*out)[0].As<float>()[3], 40);
  EXPECT_EQ(freed, 0);
}

TEST(CustomOperator, IsFreedOnce) {
  freed = 0;
  int factor = 5;
  {
    const Engine engine;
    ASSERT_TRUE(RegisterC(engine, COperator(&factor)).ok());
    ASSERT_TRUE(engine.LoadBytes(Using("Scale")).ok());
    ASSERT_TRUE(engine.LoadBytes(Using("Scale")).ok());
  }
  EXPECT_EQ(freed, 1);
}

TEST(CustomOperator, WhatMakesNoSenseIsRefused) {
  const Engine engine;
  const auto refused = [&](auto change, const char* text) {
    heddle_operator op = COperator(nullptr);
    change(op);
    const Status status = RegisterC(engine, op);
    EXPECT_EQ(status.code(), Code::kInvalidArgument);
    EXPECT_NE(status.message().find(text), std::string_view::npos) << status.message();
  };
  freed = 0;
  refused([](heddle_operator& op) { op.name = nullptr; }, "no name");
  refused([](heddle_operator& op) { op.name = ""; }, "no name");
  refused([](heddle_operator& op) { op.shapes = nullptr; }, "'Scale' has no shapes function");
  refused([](heddle_operator& op) { op.run = nullptr; }, "neither tile nor run");
  refused([](heddle_operator& op) { op.flags = 6; }, "flags 0x6");
  refused([](heddle_operator& op) { op.struct_size = 0; }, "struct_size is 0");
  EXPECT_EQ(freed, 0);
}

TEST(CustomOperator, AnswersThatMakeNoSenseAreErrorsOfTheCall) {
  int factor = 1;
  const auto message = [&](auto change) {
    const Engine engine;
    heddle_operator op = COperator(&factor);
    change(op);
    EXPECT_TRUE(RegisterC(engine, op).ok());
    const auto found = RunWith(engine, Using("Scale"), {1, 2, 3, 4});
    return found.ok() ? std::string("no error") : std::string(found.status().message());
  };
  EXPECT_EQ(message([](heddle_operator& op) { op.shapes = &RankOfNine; }),
            "op 0 Scale: the registered operator gives output 'h' rank 9, expected 0 to 8");
  EXPECT_NE(message([](heddle_operator& op) { op.work = &Endless; }).find("op 0 Scale: the reg"),
            std::string::npos);
  EXPECT_EQ(message([](heddle_operator& op) {
              op.run = [](const void*, const heddle_node*, const heddle_call*) {
                return heddle_status_create(77, nullptr);
              };
            }),
            "op 0 Scale: ");
  EXPECT_EQ(message([](heddle_operator& op) {
              op.run = nullptr;
              op.tile = [](const void*, const heddle_node*, const heddle_call*, int64_t, int64_t) {
                return int32_t{-1};
              };
            }),
            "op 0 Scale: the registered operator reported a failure");
}

TEST(CustomOperator, MakesNoStrings) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1, 4});
  const int s = b.Make("words", Type::kString, {1});
  b.CustomOp("Scale", {x}, {s}, Options(1));
  b.Output(s);
  const Engine engine;
  ASSERT_TRUE(custom::Register<Scale>(engine, "Scale").ok());
  EXPECT_EQ(
      engine.LoadBytes(b.Build()).status().message(),
      "op 0 Scale: output 'words' is string: a registered operator makes types of fixed size");
}

}  // namespace
}  // namespace heddle
