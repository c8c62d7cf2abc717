// SPDX-License-Identifier: Apache-2.0
// The fast forms against the plain ones: every ISA of this machine, equal bits. Inputs and outputs
// end or begin at a page that may not be touched, at addresses aligned to their element only.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <random>

#include "kernels/gemm/gemm.h"
#include "kernels/operators.h"
#include "kernels/spent_inputs.h"
#include "support/run_operation.h"

namespace heddle::core {
namespace {

class Fenced {
 public:
  Fenced(size_t bytes, bool at_end) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t inside = (bytes + page - 1) / page * page;
    size_ = inside + 2 * page;
    base_ = static_cast<std::byte*>(
        mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (inside > 0) mprotect(base_ + page, inside, PROT_READ | PROT_WRITE);
    data_ = at_end ? base_ + page + inside - bytes : base_ + page;
    if (bytes > 0) std::memset(data_, 0xA5, bytes);
  }
  ~Fenced() { munmap(base_, size_); }
  Fenced(const Fenced&) = delete;
  std::byte* data() const { return data_; }

 private:
  std::byte *base_, *data_;
  size_t size_;
};

struct Case {
  Operator op;
  TestTensor input, weights, bias, output;
  std::string text;
};

struct Outcome {
  std::string kernel;
  std::vector<std::byte> bytes;
};

Operand AsOperand(const TestTensor& t) {
  Operand o;
  if (t.type == Type::kNone) return o;
  o.type = t.type, o.name = "t", o.quant = &t.quant, o.shape = t.shape;
  o.bytes = t.data.size(), o.constant = t.constant;
  if (t.constant) o.data = t.data.data();
  return o;
}

// `open`: only this run knows the shape of the input.
Outcome Run(const Case& c, Numerics numerics, Isa isa, bool at_end, int64_t tiles_per_call,
            bool open = false) {
  TestPackStore packs;
  const Shape unknown[3] = {Shape(), c.weights.shape, c.bias.shape};
  const Operand inputs[3] = {AsOperand(c.input), AsOperand(c.weights), AsOperand(c.bias)};
  Operand output = AsOperand(c.output);
  auto made = FindOperator(c.op)(
      MakeArgs{c.op,
               inputs,
               std::span<const Operand>(&output, 1),
               numerics,
               isa,
               packs,
               {},
               open ? std::span<const Shape>(unknown) : std::span<const Shape>()});
  EXPECT_TRUE(made.ok()) << c.text << made.status().message();
  if (!made.ok()) return {};
  const auto operation = std::move(made).value();
  Shape shape;
  EXPECT_TRUE(operation->Shapes(inputs, std::span<Shape>(&shape, 1)).ok());
  output.shape = shape;
  output.bytes = TypeBytes(output.type, shape.elements());
  Step step;
  const Status lowered = operation->Lower(inputs, std::span<const Operand>(&output, 1), step);
  EXPECT_TRUE(lowered.ok()) << c.text << lowered.message();
  Fenced in(c.input.data.size(), at_end), out(output.bytes, at_end);
  Fenced scratch((step.scratch_bytes + 63) / 64 * 64, true);
  Fenced shared((step.shared_bytes + 63) / 64 * 64, true);
  if (!c.input.data.empty()) std::memcpy(in.data(), c.input.data.data(), c.input.data.size());
  const uint64_t spent = SpentInputsOf(*operation);  // a read of such a one is a fault
  const void* ins[3] = {in.data(), (spent & 2) != 0 ? nullptr : c.weights.data.data(),
                        (spent & 4) != 0 ? nullptr : c.bias.data.data()};
  void* outs[1] = {out.data()};
  const TileArgs args{ins, outs, step.packed, shared.data(), scratch.data()};
  for (const Phase& phase : step.phases) {
    const int64_t cut = tiles_per_call > 0 ? tiles_per_call : std::max<int64_t>(phase.tiles, 1);
    for (int64_t end = phase.tiles; end > 0; end -= cut) {
      const TileRange range{std::max<int64_t>(0, end - cut), end};
      EXPECT_EQ(phase.tile(step.params.get(), args, range), TileCode::kOk);
    }
  }
  return {step.kernel, std::vector<std::byte>(out.data(), out.data() + output.bytes)};
}

void Compare(const Case& c, Numerics numerics) {
  const Outcome expected = Run(c, numerics, Isa::kPlain, false, 0);
  for (const Isa isa : SupportedIsas()) {
    if (FloatGemm(isa) == nullptr) continue;  // no fast forms
    for (const bool at_end : {false, true}) {
      const Outcome got = Run(c, numerics, isa, at_end, at_end ? 1 : 0);
      EXPECT_NE(got.kernel, expected.kernel) << c.text << IsaName(isa) << ": no fast form";
      ASSERT_EQ(got.bytes, expected.bytes) << c.text << IsaName(isa) << " at_end " << at_end;
    }
  }
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int32_t Int(int32_t lo, int32_t hi) {
    return std::uniform_int_distribution<int32_t>(lo, hi)(engine_);
  }
  float Float(float lo, float hi) { return std::uniform_real_distribution<float>(lo, hi)(engine_); }
  template <class T>
  T Pick(std::initializer_list<T> of) {
    return of.begin()[Int(0, static_cast<int32_t>(of.size()) - 1)];
  }
  TestTensor Tensor(Type type, Shape shape) {
    const int64_t n = shape.elements();
    if (type == Type::kFloat32) {
      std::vector<float> v(n);
      for (float& x : v) x = Float(-1, 1);
      return TestTensor::Of(type, shape, v);
    }
    if (type == Type::kInt32) {
      std::vector<int32_t> v(n);
      for (int32_t& x : v) x = Int(-20000, 20000);
      return TestTensor::Of(type, shape, v);
    }
    if (type == Type::kInt16) {
      std::vector<int16_t> v(n);
      for (int16_t& x : v) x = static_cast<int16_t>(Int(0, 9) == 0 ? -32768 : Int(-32768, 32767));
      return TestTensor::Of(type, shape, v);
    }
    if (type == Type::kInt64) {
      std::vector<int64_t> v(n);
      for (int64_t& x : v) x = int64_t{Int(-2000000000, 2000000000)} * 8;
      return TestTensor::Of(type, shape, v);
    }
    std::vector<uint8_t> v(n);
    for (uint8_t& x : v) x = static_cast<uint8_t>(Int(0, 255));
    return TestTensor::Of(type, shape, v);
  }

 private:
  std::mt19937 engine_;
};

Quantization PerTensor(float scale, int32_t zero) {
  Quantization q;
  q.scale = {scale}, q.zero_point = {zero};
  return q;
}

// Fills in bias, quantisation and the output; weights have out_c channels along `axis`.
void Quantise(Case& c, Random& r, int32_t out_c, int32_t k, int32_t axis) {
  const Type type = c.input.type;
  if (type != Type::kFloat32) {
    const bool is_signed = type != Type::kUInt8, wide = type == Type::kInt16;
    c.input.quant = PerTensor(r.Float(0.01f, 0.05f), r.Int(0, 255) - (is_signed ? 128 : 0));
    c.weights.quant = PerTensor(r.Float(0.001f, 0.02f), is_signed ? 0 : r.Int(0, 255));
    const float spread = std::sqrt(static_cast<float>(k)) * 0.03f;
    c.output.quant = PerTensor(r.Float(0.2f, 1.0f) * spread, is_signed ? r.Int(-128, 127) : 100);
    if (wide) c.input.quant.zero_point = c.output.quant.zero_point = {0};
    if (is_signed && r.Int(0, 1) == 0) {
      c.weights.quant.axis = axis;
      c.weights.quant.scale.clear();
      for (int32_t i = 0; i < out_c; ++i) c.weights.quant.scale.push_back(r.Float(0.001f, 0.02f));
      c.weights.quant.zero_point.assign(out_c, 0);
    }
  }
  c.output.type = type;
  if (r.Int(0, 3) == 0) return;
  const Type sum = type == Type::kInt16 ? r.Pick({Type::kInt32, Type::kInt64}) : Type::kInt32;
  c.bias = r.Tensor(type == Type::kFloat32 ? Type::kFloat32 : sum, {out_c});
  if (type != Type::kFloat32) c.bias.quant = PerTensor(1, 0);
  c.bias.constant = true;
}

Case WindowCase(Random& r, OpCode code, Type type) {
  Case c;
  const bool depthwise = code == OpCode::kDEPTHWISE_CONV_2D;
  ConvOptions o;
  o.padding = r.Pick({Padding::kSame, Padding::kValid});
  const int32_t k_h = r.Pick({1, 1, 2, 3, 3, 5}), k_w = r.Pick({1, k_h, 3});
  o.stride_h = r.Pick({1, 1, 2, 3}), o.stride_w = r.Pick({o.stride_h, 1, 2});
  o.dilation_h = r.Pick({1, 1, 1, 2}), o.dilation_w = r.Pick({1, 1, 1, 3});
  o.activation = r.Pick({Activation::kNone, Activation::kRelu, Activation::kRelu6});
  const int32_t h = (k_h - 1) * o.dilation_h + r.Int(1, 9);
  const bool wide = r.Int(0, 9) == 0;  // and few channels: its lines are read in place
  int32_t w = (k_w - 1) * o.dilation_w + (wide ? r.Int(100, 700) : r.Int(1, 20));
  const int32_t groups = depthwise || wide ? 1 : r.Pick({1, 1, 1, 2, 3});
  const int32_t each = depthwise ? r.Int(1, 140)
                       : wide    ? r.Pick({1, 3})
                                 : r.Pick({1, 3, 4, 5, 8, 16, 17, 32});
  int32_t out_c = depthwise ? each : groups * r.Pick({1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 49, 80});
  int32_t in_c = each * groups;
  o.depth_multiplier = 1;
  if (depthwise && r.Int(0, 5) == 0) in_c = 1, o.depth_multiplier = out_c;
  if (depthwise && o.depth_multiplier == 1 && r.Int(0, 4) == 0) {
    o.depth_multiplier = r.Pick({2, 3, 8});
    out_c = in_c * o.depth_multiplier;
  }
  c.op.code = code;
  c.op.options = o;
  if (k_w == 1 && r.Int(0, 2) == 0) w = 1;  // an image that is one column
  c.input = r.Tensor(type, {r.Int(1, 2), h, w, in_c});
  c.weights = r.Tensor(type == Type::kInt16 ? Type::kInt8 : type,
                       depthwise ? Shape{1, k_h, k_w, out_c} : Shape{out_c, k_h, k_w, each});
  c.weights.constant = true;
  Quantise(c, r, out_c, k_h * k_w * (depthwise ? 1 : each), depthwise ? 3 : 0);
  c.text = std::string(OpName(code)) + " " + TypeName(type) + " input " + c.input.shape.ToString() +
           " weights " + c.weights.shape.ToString() + " stride " + std::to_string(o.stride_h) +
           "x" + std::to_string(o.stride_w) + " dilation " + std::to_string(o.dilation_h) + "x" +
           std::to_string(o.dilation_w) + " ";
  return c;
}

Case DenseCase(Random& r, Type type) {
  Case c;
  FullyConnectedOptions o;
  o.activation = r.Pick({Activation::kNone, Activation::kRelu, Activation::kRelu6});
  c.op.code = OpCode::kFULLY_CONNECTED;
  c.op.options = o;
  const int32_t rows = r.Pick({1, 1, 2, 5, 13, 40}), units = r.Int(1, 150);
  const int32_t depth = r.Pick({1, 2, 3, 4, 7, 16, 33, 64, 257});
  c.input = r.Tensor(type, {rows, depth});
  c.weights = r.Tensor(type == Type::kInt16 ? Type::kInt8 : type, {units, depth});
  c.weights.constant = true;
  Quantise(c, r, units, depth, 0);
  c.text = std::string("FULLY_CONNECTED ") + TypeName(type) + " input " + c.input.shape.ToString() +
           " weights " + c.weights.shape.ToString() + " ";
  return c;
}

class FastConv : public testing::TestWithParam<Type> {};

TEST_P(FastConv, Conv2dEqualsPlain) {
  for (uint32_t seed = 0; seed < 120 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random r(seed);
    const Case c = WindowCase(r, OpCode::kCONV_2D, GetParam());
    Compare(c, seed % 3 == 0 ? Numerics::kReference : Numerics::kFast);
  }
}

TEST_P(FastConv, DepthwiseEqualsPlain) {
  for (uint32_t seed = 0; seed < 120 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random r(seed);
    const Case c = WindowCase(r, OpCode::kDEPTHWISE_CONV_2D, GetParam());
    Compare(c, seed % 3 == 0 ? Numerics::kReference : Numerics::kFast);
  }
}

TEST_P(FastConv, FullyConnectedEqualsPlain) {
  for (uint32_t seed = 0; seed < 120 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random r(seed);
    const Case c = DenseCase(r, GetParam());
    Compare(c, seed % 3 == 0 ? Numerics::kReference : Numerics::kFast);
  }
}

// The weights of a float case become int8, with a scale each or one for all.
void MakeHybrid(Case& c, Random& r, int32_t units) {
  c.weights = r.Tensor(Type::kInt8, c.weights.shape);
  c.weights.constant = true;
  c.weights.quant = PerTensor(r.Float(0.001f, 0.02f), 0);
  if (r.Int(0, 1) == 0) {
    c.weights.quant.scale.clear();
    for (int32_t i = 0; i < units; ++i) c.weights.quant.scale.push_back(r.Float(0.001f, 0.02f));
    c.weights.quant.zero_point.assign(units, 0);
  }
  c.bias = r.Tensor(Type::kFloat32, {units});
  c.bias.constant = true;
  if (c.input.shape.elements() > 3 && r.Int(0, 3) == 0) {
    auto* values = reinterpret_cast<float*>(c.input.data.data());
    values[1] = std::numeric_limits<float>::quiet_NaN();
    values[2] = r.Pick({0.0f, -1e30f, std::numeric_limits<float>::infinity()});
  }
  c.text += "hybrid ";
}

TEST(FastHybrid, Conv2dEqualsPlain) {
  for (uint32_t seed = 0; seed < 200 && !testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random r(seed);
    Case c = WindowCase(r, OpCode::kCONV_2D, Type::kFloat32);
    MakeHybrid(c, r, c.weights.shape[0]);
    if (seed % 4 == 0) c.bias = {};  // which XNNPACK does not take
    if (c.input.shape[3] == c.weights.shape[3]) Compare(c, Numerics::kFast);
  }
}

TEST(FastHybrid, DepthwiseEqualsPlain) {
  for (uint32_t seed = 0; seed < 200 && !testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random r(seed);
    Case c = WindowCase(r, OpCode::kDEPTHWISE_CONV_2D, Type::kFloat32);
    const int32_t channels = c.weights.shape[3];
    if (c.input.shape[3] != channels) continue;
    MakeHybrid(c, r, channels);
    c.weights.quant.axis = 3;
    if (seed % 4 == 0) c.bias = {};
    Compare(c, seed % 3 == 0 ? Numerics::kReference : Numerics::kFast);
  }
}

TEST(FastHybrid, FullyConnectedEqualsPlain) {
  for (uint32_t seed = 0; seed < 120 && !testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random r(seed);
    Case c = DenseCase(r, Type::kFloat32);
    MakeHybrid(c, r, c.weights.shape[0]);
    auto& options = std::get<FullyConnectedOptions>(c.op.options);
    options.asymmetric_inputs = seed % 2 == 0;
    Compare(c, seed % 3 == 0 ? Numerics::kReference : Numerics::kFast);
  }
}

TEST(FastDynamic, FullyConnectedEqualsPlain) {
  for (uint32_t seed = 0; seed < 120 && !testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random r(seed);
    Case c = DenseCase(r, Type::kFloat32);
    c.weights.constant = false;
    Compare(c, seed % 2 == 0 ? Numerics::kReference : Numerics::kFast);
  }
}

TEST(FastConv16, WindowsEqualPlain) {
  for (uint32_t seed = 0; seed < 120 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random r(seed);
    Case c = WindowCase(r, OpCode::kCONV_2D, Type::kInt16);
    if (seed % 2 == 0) std::get<ConvOptions>(c.op.options).quantized_bias_type = c.bias.type;
    Compare(c, seed % 3 == 0 ? Numerics::kReference : Numerics::kFast);
  }
}

TEST(FastConv16, FullyConnectedEqualsPlain) {
  for (uint32_t seed = 0; seed < 120 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random r(seed);
    Compare(DenseCase(r, Type::kInt16), seed % 3 == 0 ? Numerics::kReference : Numerics::kFast);
  }
}

TEST(FastConvOpen, ChannelsThatOnlyARunTells) {
  int fast = 0, plain = 0;
  for (uint32_t seed = 0; seed < 60 && !HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random r(seed);
    const OpCode code = r.Pick({OpCode::kCONV_2D, OpCode::kDEPTHWISE_CONV_2D});
    const Case c = WindowCase(r, code, r.Pick({Type::kFloat32, Type::kInt8}));
    const Outcome expected = heddle::core::Run(c, Numerics::kFast, Isa::kPlain, false, 0);
    for (const Isa isa : SupportedIsas()) {
      if (FloatGemm(isa) == nullptr) continue;
      const Outcome got = heddle::core::Run(c, Numerics::kFast, isa, false, 0, true);
      ASSERT_EQ(got.bytes, expected.bytes) << c.text << IsaName(isa);
      ++(got.kernel == expected.kernel ? plain : fast);
    }
  }
  EXPECT_EQ(fast > 0, plain > 0);  // groups and multipliers that nobody guesses
  EXPECT_EQ(fast > 0, FloatGemm(SupportedIsas().back()) != nullptr);
}

// Sums of 512 products of the lowest values are 2^31.
TEST(FastConv16, SumsThatMayPass32BitsStayPlain) {
  for (const int32_t depth : {511, 512}) {
    Random r(1);
    Case c = DenseCase(r, Type::kInt16);
    c.input = TestTensor::Of(Type::kInt16, {1, depth}, std::vector<int16_t>(depth, -32768));
    c.weights = TestTensor::Of(Type::kInt8, {1, depth}, std::vector<int8_t>(depth, -128));
    c.weights.constant = true;
    c.bias = {};
    c.input.quant = c.output.quant = PerTensor(1, 0), c.weights.quant = PerTensor(1e-5f, 0);
    const Outcome expected = heddle::core::Run(c, Numerics::kFast, Isa::kPlain, false, 0);
    for (const Isa isa : SupportedIsas()) {
      const Outcome got = heddle::core::Run(c, Numerics::kFast, isa, false, 0);
      const bool fast = depth == 511 && PairGemm(isa) != nullptr;
      EXPECT_EQ(got.kernel == expected.kernel, !fast) << depth << IsaName(isa);
      EXPECT_EQ(got.bytes, expected.bytes) << depth << IsaName(isa);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, FastConv,
                         testing::Values(Type::kFloat32, Type::kInt8, Type::kUInt8),
                         [](const auto& instance) { return TypeName(instance.param); });

}  // namespace
}  // namespace heddle::core
