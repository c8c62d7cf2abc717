// SPDX-License-Identifier: Apache-2.0
#include "plan/fold_padding.h"

#include <limits>
#include <random>
#include <string>

#include "kernels/gemm/gemm.h"
#include "plan/run_for_test.h"

namespace heddle::core {
namespace {

constexpr Numerics kBoth[] = {Numerics::kFast, Numerics::kReference};

// A PAD, then a convolution without padding.
struct Graph {
  OpCode code = OpCode::kCONV_2D;
  Type type = Type::kFloat32;
  Shape image{1, 5, 6, 3}, weights{4, 3, 3, 3};
  std::vector<int32_t> paddings = {0, 0, 1, 2, 0, 1, 0, 0};
  ConvOptions options{.padding = Padding::kValid};
  int64_t zero = 0, padded_zero = 0;  // of integers

  // Values, once built.
  int x = 0, sizes = 0, padded = 0, y = 0;

  bool IsFloat() const { return type == Type::kFloat32; }
  Quantization Scaled(float scale, int64_t zero_point) const {
    return IsFloat() ? Quantization{} : Quant(scale, zero_point);
  }
  ModelBuilder Build(std::vector<std::byte> w, const std::vector<int32_t>& bias) {
    ModelBuilder b;
    Shape padded_shape = image;
    for (size_t i = 0; i < 4; ++i)
      padded_shape[static_cast<int>(i)] += paddings[2 * i] + paddings[2 * i + 1];
    const auto channels = static_cast<int32_t>(bias.size());
    const Type of_weights = type == Type::kInt16 ? Type::kInt8 : type;
    x = b.Input("x", type, image, Scaled(0.05f, zero));
    sizes = b.Constant<int32_t>("sizes", {4, 2}, paddings);
    padded = b.Make("padded", type, padded_shape, Scaled(0.05f, padded_zero));
    const int weights_value = b.Data("w", of_weights, weights, std::move(w),
                                     Scaled(0.01f, type == Type::kUInt8 ? 100 : 0));
    int bias_value = 0;
    if (IsFloat()) {
      std::vector<float> floats;  // -0, which +0 added to it changes, among them
      for (const int32_t v : bias) floats.push_back(v % 5 == 0 ? -0.0f : static_cast<float>(v));
      bias_value = b.Constant<float>("bias", {channels}, floats);
    } else {
      bias_value = b.Constant<int32_t>("bias", {channels}, bias, Quant(0.0005f));
    }
    y = b.Make("y", type, {1, 1, 1, channels}, Scaled(0.2f, type == Type::kUInt8 ? 90 : 0));
    b.Op(OpCode::kPAD, {x, sizes}, {padded});
    b.Op(code, {padded, weights_value, bias_value}, {y}, options);
    b.Output(y);
    return b;
  }
};

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int32_t Int(int32_t lo, int32_t hi) {
    return std::uniform_int_distribution<int32_t>(lo, hi)(engine_);
  }
  template <class T>
  T Pick(std::initializer_list<T> of) {
    return of.begin()[Int(0, static_cast<int32_t>(of.size()) - 1)];
  }
  std::vector<int32_t> Ints(int32_t n) {
    std::vector<int32_t> v(static_cast<size_t>(n));
    for (int32_t& i : v) i = Int(-500, 500);
    return v;
  }
  // Floats: zeros of both signs and numbers whose products vanish among them.
  std::vector<std::byte> Data(Type type, const Shape& shape) {
    std::vector<std::byte> bytes(TypeBytes(type, shape.elements()));
    if (type != Type::kFloat32) {
      for (std::byte& b : bytes) b = static_cast<std::byte>(Int(0, 255));
      return bytes;
    }
    for (size_t at = 0; at < bytes.size(); at += sizeof(float)) {
      const float any = static_cast<float>(Int(-1000, 1000)) / 256;
      const float v = Pick({any, any, any, 0.0f, -0.0f, 1e-25f, -1e-38f});
      std::memcpy(bytes.data() + at, &v, sizeof(v));
    }
    return bytes;
  }

 private:
  std::mt19937 engine_;
};

Graph AnyGraph(Random& r, OpCode code, Type type) {
  Graph g;
  g.code = code, g.type = type;
  const bool depthwise = code == OpCode::kDEPTHWISE_CONV_2D;
  const int32_t k_h = r.Pick({1, 2, 3, 3, 5}), k_w = r.Pick({1, 3, k_h});
  g.options.padding = r.Pick({Padding::kValid, Padding::kValid, Padding::kSame});
  g.options.stride_h = r.Pick({1, 1, 2, 3}), g.options.stride_w = r.Pick({g.options.stride_h, 1});
  g.options.dilation_h = r.Pick({1, 1, 2}), g.options.dilation_w = r.Pick({1, 1, 3});
  g.options.activation = r.Pick({Activation::kNone, Activation::kRelu6});
  g.options.depth_multiplier = 1;
  const int32_t groups = depthwise ? 1 : r.Pick({1, 1, 1, 2});
  const int32_t each = depthwise ? r.Int(1, 70) : r.Pick({1, 3, 4, 8, 17});
  const int32_t out_c = depthwise ? each : groups * r.Pick({1, 8, 15, 33});
  const int32_t reach_h = (k_h - 1) * g.options.dilation_h,
                reach_w = (k_w - 1) * g.options.dilation_w;
  const bool wide = each < 4 && r.Int(0, 3) == 0;  // its lines are copied with their padding
  g.image = {r.Int(1, 2), r.Int(1, 9), wide ? r.Int(100, 300) : r.Int(1, 12), each * groups};
  g.weights = depthwise ? Shape{1, k_h, k_w, out_c} : Shape{out_c, k_h, k_w, each};
  const auto side = [&r] { return r.Pick({0, 1, 1, 2, 3, 7}); };
  g.paddings = {0, 0, side(), side() + reach_h, side(), side() + reach_w, 0, 0};
  if (type == Type::kInt8) g.zero = r.Int(-128, 127);
  if (type == Type::kUInt8) g.zero = r.Int(0, 255);
  g.padded_zero = g.zero;
  return g;
}

class FoldPaddings : public testing::TestWithParam<std::tuple<OpCode, Type>> {};

TEST_P(FoldPaddings, TheBitsAreThoseOfBothOneAfterTheOther) {
  const auto [code, type] = GetParam();
  for (uint32_t seed = 0; seed < 150 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random r(seed);
    Graph g = AnyGraph(r, code, type);
    const int32_t channels = g.weights[code == OpCode::kCONV_2D ? 0 : 3];
    const Type of_weights = type == Type::kInt16 ? Type::kInt8 : type;
    const ModelBuilder b = g.Build(r.Data(of_weights, g.weights), r.Ints(channels));
    const auto image = r.Data(type, g.image);
    for (const Isa isa : SupportedIsas()) {
      for (const Numerics numerics : kBoth) {
        ProgramOptions options;
        options.isa = isa, options.numerics = numerics;
        const auto folded = CompileForTest(b, options);
        options.fold_paddings = false;
        const auto apart = CompileForTest(b, options);
        ASSERT_EQ(apart->nodes().size(), 2u);
        if (!g.IsFloat()) ASSERT_EQ(folded->nodes().size(), 1u);
        const auto y = static_cast<size_t>(g.y);
        const RunForTest one(*folded, {image}), two(*apart, {image});
        EXPECT_EQ(one.values[y].shape, two.values[y].shape);
        EXPECT_EQ(one.bytes[y], two.bytes[y])
            << OpName(code) << " " << TypeName(type) << " on " << IsaName(isa);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, FoldPaddings,
    testing::Combine(testing::Values(OpCode::kCONV_2D, OpCode::kDEPTHWISE_CONV_2D),
                     testing::Values(Type::kFloat32, Type::kInt8, Type::kUInt8, Type::kInt16)));

size_t Nodes(Graph g, ProgramOptions options = {}) {
  Random r(1);
  const int32_t channels = g.weights[g.code == OpCode::kCONV_2D ? 0 : 3];
  return CompileForTest(g.Build(r.Data(g.type, g.weights), r.Ints(channels)), options)
      ->nodes()
      .size();
}

Graph Bytes() {
  Graph g;
  g.type = Type::kInt8;
  g.zero = g.padded_zero = 3;
  return g;
}

TEST(FoldPaddings, OneNodeIsTheConvolution) {
  Random r(1);
  Graph g = Bytes();
  const auto program = CompileForTest(g.Build(r.Data(g.type, g.weights), r.Ints(4)));
  ASSERT_EQ(program->nodes().size(), 1u);
  EXPECT_EQ(program->nodes()[0].op, 1);
  EXPECT_EQ(program->nodes()[0].source->code, OpCode::kCONV_2D);
  EXPECT_EQ(program->nodes()[0].inputs[0], g.x);
}

TEST(FoldPaddings, FloatsWhereAFastFormReadsTheZeros) {
  for (const Isa isa : SupportedIsas()) {
    ProgramOptions options;
    options.isa = isa;
    EXPECT_EQ(Nodes(Graph(), options), FloatGemm(isa) == nullptr ? 2u : 1u) << IsaName(isa);
  }
}

TEST(FoldPaddings, NotWhenToldSoNorWhenEverythingIsKept) {
  ProgramOptions options;
  options.fold_paddings = false;
  EXPECT_EQ(Nodes(Bytes(), options), 2u);
  options.fold_paddings = options.keep_all = true;
  EXPECT_EQ(Nodes(Bytes(), options), 2u);
}

TEST(FoldPaddings, NotWhatIsMoreThanABorderOfZeros) {
  Graph channels = Bytes();
  channels.image = {1, 5, 6, 2};
  channels.paddings = {0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(Nodes(channels), 2u);
  Graph batch = Bytes();
  batch.paddings[1] = 1;
  EXPECT_EQ(Nodes(batch), 2u);
  Graph scaled = Bytes();
  scaled.padded_zero = 4;
  EXPECT_EQ(Nodes(scaled), 2u);
}

TEST(FoldPaddings, NotWhenSomebodyElseReadsThePaddedImage) {
  Random r(1);
  Graph g = Bytes();
  ModelBuilder b = g.Build(r.Data(g.type, g.weights), r.Ints(4));
  b.Output(g.padded);
  EXPECT_EQ(CompileForTest(b)->nodes().size(), 2u);
}

// Zero times infinity is a NaN, which a kernel that leaves padding out would not make.
TEST(FoldPaddings, NotWithWeightsThatAreNotFinite) {
  Random r(1);
  Graph g;
  std::vector<std::byte> w = r.Data(g.type, g.weights);
  const float infinity = std::numeric_limits<float>::infinity();
  std::memcpy(w.data(), &infinity, sizeof(infinity));
  const ModelBuilder b = g.Build(w, r.Ints(4));
  for (const Isa isa : SupportedIsas()) {
    ProgramOptions options;
    options.isa = isa;
    EXPECT_EQ(CompileForTest(b, options)->nodes().size(), 2u) << IsaName(isa);
  }
}

// An image without a pixel has an output, too, made of the border alone.
TEST(FoldPaddings, AnEmptyImage) {
  Random r(1);
  Graph g = Bytes();
  g.paddings = {0, 0, 2, 2, 2, 2, 0, 0};
  const ModelBuilder b = g.Build(r.Data(g.type, g.weights), r.Ints(4));
  for (const Shape& shape : {Shape{1, 0, 6, 3}, Shape{1, 5, 0, 3}}) {
    for (const Isa isa : SupportedIsas()) {
      ProgramOptions options;
      options.isa = isa;
      const auto folded = CompileForTest(b, options);
      ASSERT_EQ(folded->nodes().size(), 1u);
      options.fold_paddings = false;
      const RunForTest one(*folded, {{}}, {shape}), two(*CompileForTest(b, options), {{}}, {shape});
      EXPECT_EQ(one.bytes[static_cast<size_t>(g.y)], two.bytes[static_cast<size_t>(g.y)]);
    }
  }
}

}  // namespace
}  // namespace heddle::core
