// SPDX-License-Identifier: Apache-2.0
// RELU and its family, LEAKY_RELU, HARD_SWISH.
#include <algorithm>
#include <cmath>

#include "kernels/elementwise/function.h"
#include "kernels/elementwise/types.h"
#include "kernels/quant.h"

namespace heddle::core {
namespace {

template <class F>
MadeOperation MakeFloatMap(const MakeArgs& args, F f, FloatRunOf<F> FloatRuns::* run,
                           float plain_ns) {
  switch (args.inputs[0].type) {
    case Type::kFloat32:
      return MakeFloatRun(args, f, run, plain_ns);
    case Type::kFloat16:
      return MakeMap<Float16, Float16>(f, plain_ns + 2);
    default:
      return UnsupportedType(args.inputs[0]);
  }
}

// A function of quantised integers: 8-bit ones become a table.
template <class F>
MadeOperation MakeIntegerMap(const MakeArgs& args, F f, float element_ns) {
  const Type type = args.inputs[0].type;
  if (type == Type::kInt16) return MakeMap<Plain<int16_t>, Plain<int16_t>>(f, element_ns);
  return MakeByteMap(args.isa, type, f);
}

bool IsFloat(Type type) { return type == Type::kFloat32 || type == Type::kFloat16; }

// XNNPACK's form for float16, the only one there is: NaN becomes the lower bound.
struct ClipHalf {
  float lo, hi;
  float operator()(float x) const { return x > lo ? (x < hi ? x : hi) : lo; }
};

int32_t AddClamped(int32_t zero, int32_t x, IntRange range) {
  return static_cast<int32_t>(std::clamp<int64_t>(int64_t{zero} + x, range.lo, range.hi));
}

struct ScaleAndClip {
  int32_t zero_in, zero_out;
  Multiplier k;
  IntRange range;
  int32_t operator()(int32_t x) const { return AddClamped(zero_out, Mbqm(x - zero_in, k), range); }
};

struct ReluRange {
  Activation lo, hi;  // whose lower and upper ends
};

ReluRange ReluRangeOf(OpCode code) {
  switch (code) {
    case OpCode::kRELU6:
      return {Activation::kRelu6, Activation::kRelu6};
    case OpCode::kRELU_N1_TO_1:
      return {Activation::kReluN1To1, Activation::kReluN1To1};
    case OpCode::kRELU_0_TO_1:
      return {Activation::kRelu, Activation::kReluN1To1};
    default:
      return {Activation::kRelu, Activation::kRelu};
  }
}

// The builtin kernels' arithmetic.
struct LeakyBuiltin {
  int32_t zero_in, zero_out;
  Multiplier positive, negative;
  int32_t sign;  // of alpha
  IntRange range;
  int32_t operator()(int32_t x) const {
    const int32_t d = x - zero_in;
    const int32_t y = d >= 0 ? Mbqm(d, positive) : Mbqm(d * sign, negative);
    return AddClamped(zero_out, y, range);
  }
};

// XNNPACK's: multipliers of 8 fractional bits.
struct LeakyXnn {
  int32_t zero_in, zero_out, positive, negative;
  IntRange range;
  int32_t operator()(int32_t x) const {
    const int32_t d = x - zero_in;
    return AddClamped(zero_out, (d * (d > 0 ? positive : negative) + 128) >> 8, range);
  }
};

bool XnnTakesLeaky(float positive, float negative, float alpha) {
  return std::isnormal(alpha) && positive >= 0x1p-8f && positive <= 128 && negative >= -127.996f &&
         negative <= 128 && std::fabs(negative) >= 0x1p-8f;
}

int16_t Saturate16(int64_t x) {
  return static_cast<int16_t>(std::clamp<int64_t>(x, -32768, 32767));
}

int16_t HighHalf(int32_t m) {
  return m >= 0x7fff0000 ? int16_t{32767} : static_cast<int16_t>((m + (1 << 15)) >> 16);
}

struct HardSwishInteger {
  int32_t zero_in, zero_out;
  int16_t output_m, relu_m;
  int32_t output_e, relu_e;
  IntRange range;

  int32_t operator()(int32_t x) const {
    const int16_t v = Saturate16((x - zero_in) * 128);
    const int16_t pre = Srdhm16(v, output_m);
    int16_t r = v;
    if (relu_e > 0) r = Saturate16(static_cast<int64_t>(r) << (relu_e - 1));
    r = Srdhm16(r, relu_m);
    if (relu_e > 0) r = Saturate16(int64_t{r} * 2);
    if (relu_e < 0) r = static_cast<int16_t>(RoundingShift(r, -relu_e));
    const int32_t gate = (r + 32768) >> 1;
    return AddClamped(zero_out, RoundingShift(gate * pre / 32768, -output_e), range);
  }
};

MadeOperation MakeHardSwishInteger(const MakeArgs& args) {
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  HEDDLE_TRY(CheckQuantised({&in, &out}));
  const float high_scale = (1.0f / 128) * in.quant->Scale();
  const Multiplier output = MakeMultiplier(static_cast<double>(high_scale / out.quant->Scale()));
  const Multiplier relu = MakeMultiplier(static_cast<double>(high_scale / (3.0f / 32768)));
  if (output.e > 0)
    return InvalidModel("scale {} of '{}' is over 128 times that of '{}', {}", in.quant->Scale(),
                        in.name, out.name, out.quant->Scale());
  return MakeByteMap(
      args.isa, in.type,
      HardSwishInteger{in.quant->ZeroPoint(), out.quant->ZeroPoint(), HighHalf(output.m),
                       HighHalf(relu.m), output.e, relu.e, RangeOf(out.type)});
}

}  // namespace

MadeOperation MakeRelu(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const ReluRange relu = ReluRangeOf(args.op.code);
  const float lo = ActivationRange(relu.lo).lo, hi = ActivationRange(relu.hi).hi;
  if (in.type == Type::kFloat32) return MakeFloatRun(args, Clip{lo, hi}, &FloatRuns::clip, 0.3f);
  if (in.type == Type::kFloat16) return MakeMap<Float16, Float16>(ClipHalf{lo, hi}, 2);
  if (!IsByte(in.type) && in.type != Type::kInt16) return UnsupportedType(in);
  HEDDLE_TRY(CheckQuantised({&in, &out}));
  const float scale = out.quant->Scale();
  const int32_t zero = out.quant->ZeroPoint();
  const IntRange range{BuiltinActivationRange(relu.lo, out.type, scale, zero).lo,
                       BuiltinActivationRange(relu.hi, out.type, scale, zero).hi};
  const Multiplier k = MakeMultiplier(static_cast<double>(in.quant->Scale() / scale));
  return MakeIntegerMap(args, ScaleAndClip{in.quant->ZeroPoint(), zero, k, range}, 2);
}

MadeOperation MakeLeakyRelu(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const float alpha = args.op.OptionsOr<LeakyReluOptions>().alpha;
  if (IsFloat(in.type)) return MakeFloatMap(args, Leaky{alpha}, &FloatRuns::leaky, 0.3f);
  if (!IsByte(in.type) && in.type != Type::kInt16) return UnsupportedType(in);
  HEDDLE_TRY(CheckQuantised({&in, &out}));
  const int32_t zero_in = in.quant->ZeroPoint(), zero_out = out.quant->ZeroPoint();
  const IntRange range = RangeOf(out.type);
  const float positive = in.quant->Scale() / out.quant->Scale();
  if (IsByte(in.type) && XnnTakesAll(args) && XnnTakesLeaky(positive, positive * alpha, alpha)) {
    const auto fixed = [](float k) { return static_cast<int32_t>(RoundEven(k * 256)); };
    return MakeByteMap(
        args.isa, in.type,
        LeakyXnn{zero_in, zero_out, fixed(positive), fixed(positive * alpha), range});
  }
  const float negative = in.quant->Scale() * alpha / out.quant->Scale();
  if (!std::isfinite(negative))
    return InvalidModel("alpha {} times the scales of '{}' and '{}' is not finite", alpha, in.name,
                        out.name);
  return MakeIntegerMap(
      args,
      LeakyBuiltin{zero_in, zero_out, MakeMultiplier(static_cast<double>(positive)),
                   MakeMultiplier(static_cast<double>(std::fabs(negative))), negative < 0 ? -1 : 1,
                   range},
      3);
}

MadeOperation MakeHardSwish(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Operand& in = args.inputs[0];
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  if (IsByte(in.type)) return MakeHardSwishInteger(args);
  if (!IsFloat(in.type)) return UnsupportedType(in);
  if (XnnTakesAll(args))
    return MakeFloatMap(args, HardSwishFast{}, &FloatRuns::hard_swish_fast, 0.7f);
  return MakeFloatMap(args, HardSwishReference{}, &FloatRuns::hard_swish_reference, 0.7f);
}

}  // namespace heddle::core
