// SPDX-License-Identifier: Apache-2.0
// EXP, LOG, ELU, GELU: one function each, on floats, and by table on quantised integers.
#include <cmath>

#include "kernels/elementwise/function.h"
#include "kernels/math.h"

namespace heddle::core {
namespace {

struct ExpFunction {
  float Exact(float x) const { return ExpF(x); }
  float Fast(float x) const { return FastExpF(x); }
};
struct LogFunction {
  float Exact(float x) const { return LogF(x); }
  float Fast(float x) const { return FastLogF(x); }
};
struct EluFunction {
  float Exact(float x) const { return x < 0 ? Expm1F(x) : x; }
  float Fast(float x) const {
    const float below = FastExpm1F(x < 0 ? x : 0);
    return x < 0 ? below : x;
  }
};
// x times the normal distribution's share below x.
struct GeluFunction {
  static constexpr float kMinusSqrtHalf = -0x1.6a09e6p-1f;
  float Exact(float x) const {
    return 0.5f * x * static_cast<float>(Erfc(static_cast<double>(x * kMinusSqrtHalf)));
  }
  float Fast(float x) const { return 0.5f * x * FastErfcF(x * kMinusSqrtHalf); }
};
struct GeluTanhFunction {
  static float Argument(float x) {
    constexpr float kSqrtTwoOverPi = 0x1.988454p-1f;
    return kSqrtTwoOverPi * (x + 0.044715f * x * x * x);
  }
  float Exact(float x) const { return 0.5f * x * (1.0f + TanhF(Argument(x))); }
  float Fast(float x) const { return 0.5f * x * (1.0f + FastTanhF(Argument(x))); }
};

template <class Function>
struct Exactly {
  Function f;
  float operator()(float x) const { return f.Exact(x); }
};
template <class Function>
struct Fast {
  Function f;
  float operator()(float x) const { return f.Fast(x); }
};

template <class Function>
MadeOperation MakeFloat(const MakeArgs& args, float fast_ns, float exact_ns) {
  if (args.numerics == Numerics::kFast)
    return MakeFloatFunction(args.inputs[0], Fast<Function>{}, fast_ns);
  return MakeFloatFunction(args.inputs[0], Exactly<Function>{}, exact_ns);
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

template <class Function>
MadeOperation MakeGeluOf(const MakeArgs& args) {
  const Type type = args.inputs[0].type;
  if (IsByte(type) || type == Type::kInt16) return MakeTabled(args, Exactly<Function>{});
  return MakeFloat<Function>(args, 5, 100);
}

bool IsTabled(Type type) { return type == Type::kInt8 || type == Type::kInt16; }

}  // namespace

MadeOperation MakeExp(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  if (IsTabled(args.inputs[0].type)) return MakeTabled(args, Exactly<ExpFunction>{});
  return MakeFloat<ExpFunction>(args, 1.5f, 10);
}

MadeOperation MakeLog(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  if (!IsTabled(in.type)) return MakeFloat<LogFunction>(args, 2, 15);
  const int32_t least = RangeOf(out.type).lo - out.quant->ZeroPoint();
  const float lowest = static_cast<float>(least) * out.quant->Scale();
  return MakeTabled(args, [=](float x) { return x <= 0 ? lowest : LogF(x); });
}

MadeOperation MakeElu(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  if (args.inputs[0].type != Type::kInt8) return MakeFloat<EluFunction>(args, 2, 15);
  HEDDLE_TRY(CheckScales(args));
  return MakeByteFunction(args, Exactly<EluFunction>{},
                          XnnTakesAll(args) ? ByteRounding::kXnn : ByteRounding::kBuiltin);
}

MadeOperation MakeGelu(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  if (args.op.OptionsOr<GeluOptions>().approximate) return MakeGeluOf<GeluTanhFunction>(args);
  return MakeGeluOf<GeluFunction>(args);
}

}  // namespace heddle::core
