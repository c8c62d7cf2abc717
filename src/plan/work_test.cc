// SPDX-License-Identifier: Apache-2.0
#include "plan/work.h"

#include <gtest/gtest.h>

#include <string>

#include "support/model_builder.h"

namespace heddle::core {
namespace {

// Of the first step, with the shapes of the file.
Work WorkOfFirst(const ModelBuilder& b) {
  const auto model = Model::ReadBytes(b.Build());
  EXPECT_TRUE(model.ok()) << model.status().message();
  const auto program =
      Program::Compile(*model, 0, ProgramOptions{}, std::make_shared<WeightStore>(1 << 24));
  EXPECT_TRUE(program.ok()) << program.status().message();
  std::vector<Shape> shapes;
  for (const int v : (*program)->inputs())
    shapes.push_back((*program)->values()[static_cast<size_t>(v)].shape);
  const auto plan = MakePlan(*program, shapes);
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  return WorkOf(**plan, (*plan)->steps.at(0));
}

// 3 rows of 8 through 5 units.
ModelBuilder FullyConnected(Type type, Type weights) {
  const auto quant = [](Type t) { return t == Type::kFloat32 ? Quantization() : Quant(0.5f); };
  const Type bias = type == Type::kInt16  ? Type::kInt64
                    : type == Type::kInt8 ? Type::kInt32
                                          : Type::kFloat32;
  ModelBuilder b;
  const int x = b.Input("x", type, {3, 8}, quant(type));
  const int w =
      b.Data("w", weights, {5, 8}, std::vector<std::byte>(TypeBytes(weights, 40)), quant(weights));
  const int c = b.Data("c", bias, {5}, std::vector<std::byte>(TypeBytes(bias, 5)),
                       bias == Type::kFloat32 ? Quantization() : Quant(0.25f));
  const int y = b.Make("y", type, {3, 5}, quant(type));
  b.Op(OpCode::kFULLY_CONNECTED, {x, w, c}, {y}, FullyConnectedOptions{});
  b.Output(y);
  return b;
}

void ExpectWork(const Work& work, int64_t macs, Arithmetic arithmetic, size_t bytes) {
  EXPECT_EQ(work.macs, macs);
  EXPECT_EQ(work.arithmetic, arithmetic);
  EXPECT_EQ(work.bytes, bytes);
}

TEST(WorkOf, ProductsByWhatTheirFactorsAre) {
  ExpectWork(WorkOfFirst(FullyConnected(Type::kFloat32, Type::kFloat32)), 120, Arithmetic::kFloat,
             4 * (24 + 40 + 5 + 15));
  ExpectWork(WorkOfFirst(FullyConnected(Type::kInt8, Type::kInt8)), 120, Arithmetic::kInt8,
             24 + 40 + 4 * 5 + 15);
  ExpectWork(WorkOfFirst(FullyConnected(Type::kInt16, Type::kInt8)), 120, Arithmetic::kInt16,
             2 * 24 + 40 + 8 * 5 + 2 * 15);
  // Hybrid: rows become bytes.
  ExpectWork(WorkOfFirst(FullyConnected(Type::kFloat32, Type::kInt8)), 120, Arithmetic::kInt8,
             4 * 24 + 40 + 4 * 5 + 4 * 15);
}

TEST(WorkOf, OfATableOnlyWhatIsTakenOut) {
  ModelBuilder b;
  const int x = b.Input("x", Type::kFloat32, {1000, 4});
  const int rows = b.Constant<int32_t>("rows", {2}, {7, 3});
  const int y = b.Make("y", Type::kFloat32, {2, 4});
  b.Op(OpCode::kGATHER, {x, rows}, {y}, GatherOptions{});
  b.Output(y);
  ExpectWork(WorkOfFirst(b), 0, Arithmetic::kNone, 32 + 8 + 32);
}

Peaks MadeUp() {
  Peaks peaks;
  peaks.products = {{"fma", Arithmetic::kFloat, Isa::kPlain, 50},
                    {"dot", Arithmetic::kInt8, Isa::kPlain, 200}};
  peaks.reads = {{"L1", 1000, 100}, {"memory", SIZE_MAX, 10}};
  return peaks;
}

void ExpectLeast(const Work& work, double ns, const std::string& bound) {
  const LeastTime least = LeastTimeOf(work, MadeUp(), Isa::kPlain);
  EXPECT_DOUBLE_EQ(least.ns, ns);
  EXPECT_EQ(least.bound, bound);
}

TEST(LeastTimeOf, TheLargerOfProductsAndBytes) {
  ExpectLeast({1000, Arithmetic::kFloat, 1000}, 20, "fma");
  ExpectLeast({1000, Arithmetic::kInt8, 1000}, 10, "L1");
  ExpectLeast({1000, Arithmetic::kInt8, 2000}, 200, "memory");
  ExpectLeast({0, Arithmetic::kNone, 500}, 5, "L1");
  ExpectLeast({1000, Arithmetic::kInt16, 500}, 5, "L1");  // of a peak that was not measured
  ExpectLeast({}, 0, "");
  EXPECT_EQ(LeastTimeOf({1000, Arithmetic::kFloat, 1000}, Peaks(), Isa::kPlain).ns, 0);
}

}  // namespace
}  // namespace heddle::core
