// SPDX-License-Identifier: Apache-2.0
// EXP, LOG, ELU, GELU: one function each, on floats, and by table on quantised integers.
#include <cmath>

#include "kernels/elementwise/function.h"
#include "kernels/math.h"

namespace heddle::core {
namespace {

struct ExpFunction {
  float operator()(float x) const { return ExpF(x); }
};
struct LogFunction {
  float operator()(float x) const { return LogF(x); }
};
struct EluFunction {
  float operator()(float x) const { return x < 0 ? Expm1F(x) : x; }
};
struct GeluFunction {
  float operator()(float x) const {
    return 0.5f * x * static_cast<float>(Erfc(static_cast<double>(x * FastGelu::kMinusSqrtHalf)));
  }
};
struct GeluTanhFunction {
  float operator()(float x) const { return 0.5f * x * (1.0f + TanhF(FastGeluTanh::Argument(x))); }
};

template <class Fast>
struct FastForm {
  FloatRunOf<Fast> FloatRuns::* run;
  float plain_ns;
};

template <class Exact, class Fast>
MadeOperation MakeFloat(const MakeArgs& args, Exact exact, float exact_ns, FastForm<Fast> fast) {
  if (args.numerics == Numerics::kFast)
    return MakeFloatFunction(args, Fast{}, fast.run, fast.plain_ns);
  return MakeFloatFunction(args.inputs[0], exact, exact_ns);
}

Status CheckUnary(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  return CheckTypesEqual(args, 0, 1);
}
Status CheckScales(const MakeArgs& args) {
  return CheckQuantised({&args.inputs[0], &args.outputs[0]});
}

// int8 and int16 by the builtin kernels' tables.
template <class F>
MadeOperation MakeTabled(const MakeArgs& args, F f) {
  HEDDLE_TRY(CheckScales(args));
  if (args.inputs[0].type == Type::kInt16) return MakeFunction16(args, f);
  return MakeByteFunction(args, f, ByteRounding::kBuiltin);
}

template <class Exact, class Fast>
MadeOperation MakeGeluOf(const MakeArgs& args, Exact exact, FastForm<Fast> fast) {
  const Type type = args.inputs[0].type;
  if (IsByte(type) || type == Type::kInt16) return MakeTabled(args, exact);
  return MakeFloat(args, exact, 100, fast);
}

bool IsTabled(Type type) { return type == Type::kInt8 || type == Type::kInt16; }

}  // namespace

MadeOperation MakeExp(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  if (IsTabled(args.inputs[0].type)) return MakeTabled(args, ExpFunction{});
  return MakeFloat(args, ExpFunction{}, 10, FastForm<FastExp>{&FloatRuns::exp, 1.5f});
}

MadeOperation MakeLog(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  if (!IsTabled(in.type))
    return MakeFloat(args, LogFunction{}, 15, FastForm<FastLog>{&FloatRuns::log, 2});
  const int32_t least = RangeOf(out.type).lo - out.quant->ZeroPoint();
  const float lowest = static_cast<float>(least) * out.quant->Scale();
  return MakeTabled(args, [=](float x) { return x <= 0 ? lowest : LogF(x); });
}

MadeOperation MakeElu(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  if (args.inputs[0].type != Type::kInt8)
    return MakeFloat(args, EluFunction{}, 15, FastForm<FastElu>{&FloatRuns::elu, 2});
  HEDDLE_TRY(CheckScales(args));
  return MakeByteFunction(args, EluFunction{},
                          XnnTakesAll(args) ? ByteRounding::kXnn : ByteRounding::kBuiltin);
}

MadeOperation MakeGelu(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  if (args.op.OptionsOr<GeluOptions>().approximate)
    return MakeGeluOf(args, GeluTanhFunction{}, FastForm<FastGeluTanh>{&FloatRuns::gelu_tanh, 5});
  return MakeGeluOf(args, GeluFunction{}, FastForm<FastGelu>{&FloatRuns::gelu, 5});
}

}  // namespace heddle::core
