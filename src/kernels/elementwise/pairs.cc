// SPDX-License-Identifier: Apache-2.0
// Binary operators of a line or two: MINIMUM, MAXIMUM, POW, SQUARED_DIFFERENCE, ATAN2, PRELU, the
// logical and bitwise ones, and those of StableHLO, which do not broadcast.
#include <algorithm>
#include <cmath>

#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/types.h"
#include "kernels/math.h"
#include "kernels/quant.h"

namespace heddle::core {
namespace {

Status CheckPair(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  return CheckTypesEqual(args, 0, 2);
}

// With a NaN the second operand, in both.
struct Minimum {
  template <class T>
  T operator()(T a, T b) const {
    return a < b ? a : b;
  }
};
struct Maximum {
  template <class T>
  T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

// Of a type that XNNPACK never takes: denormals are ordered as any number.
template <class F>
struct Ordered {
  float operator()(float a, float b) const {
    if (a != a || b != b) return b;
    return F{}(FloatKey(a), FloatKey(b)) == FloatKey(b) ? b : a;
  }
};

template <class F>
MadeOperation MakeExtremum(const MakeArgs& args, PairFn<Unbounded> ArithmeticKernels::* run) {
  HEDDLE_TRY(CheckPair(args));
  if (args.inputs[0].type == Type::kFloat32) return MakeFloatPair(args.isa, run);
  if (args.inputs[0].type == Type::kBFloat16) return MakeBinary<Bfloat16>(Ordered<F>{}, 1);
  return MakeForType<Type::kFloat16, Type::kInt8, Type::kUInt8, Type::kInt16, Type::kInt32,
                     Type::kInt64>(args.inputs[0],
                                   []<class E>() { return MakeBinary<E>(F{}, 0.5f); });
}

struct PowFloat {
  float operator()(float x, float y) const { return PowF(x, y); }
};
// Integers wrap.
struct PowInteger {
  TileCode Check(int32_t y) const { return y < 0 ? TileCode::kBadValue : TileCode::kOk; }
  std::string Expected() const { return "0 or more"; }
  int32_t operator()(int32_t x, int32_t y) const {
    uint32_t power = 1, square = static_cast<uint32_t>(x);
    for (uint32_t rest = static_cast<uint32_t>(y); rest != 0; rest >>= 1) {
      if ((rest & 1) != 0) power *= square;
      square *= square;
    }
    return static_cast<int32_t>(power);
  }
};

struct SquaredDifference {
  float operator()(float a, float b) const { return (a - b) * (a - b); }
  int32_t operator()(int32_t a, int32_t b) const {
    const int32_t d = Compute<Arithmetic::kSub>(a, b);
    return Compute<Arithmetic::kMul>(d, d);
  }
};
// Both operands brought to a common scale with 7 fraction bits, then the square scaled.
struct SquaredDifference8 {
  int32_t zero_a, zero_b, zero_out;
  Multiplier ka, kb, ko;
  int8_t operator()(int8_t a, int8_t b) const {
    const int32_t d = Mbqm((a - zero_a) * (1 << 7), ka) - Mbqm((b - zero_b) * (1 << 7), kb);
    return static_cast<int8_t>(
        AddZeroAndClamp(zero_out, Mbqm(Compute<Arithmetic::kMul>(d, d), ko), RangeOf(Type::kInt8)));
  }
};

MadeOperation MakeSquaredDifference8(const MakeArgs& args) {
  HEDDLE_TRY(CheckQuantised({&args.inputs[0], &args.inputs[1], &args.outputs[0]}));
  const Quantization &a = *args.inputs[0].quant, &b = *args.inputs[1].quant;
  const Quantization& out = *args.outputs[0].quant;
  const double twice_max = static_cast<double>(2 * std::max(a.Scale(), b.Scale()));
  return MakeBinary<Plain<int8_t>>(
      SquaredDifference8{
          a.ZeroPoint(), b.ZeroPoint(), out.ZeroPoint(),
          MakeMultiplier(static_cast<double>(a.Scale()) / twice_max),
          MakeMultiplier(static_cast<double>(b.Scale()) / twice_max),
          MakeMultiplier(twice_max * twice_max /
                         static_cast<double>(static_cast<float>(1 << 14) * out.Scale()))},
      8);
}

struct ArcTangent {
  template <class T>
  T operator()(T y, T x) const {
    return static_cast<T>(Atan2(static_cast<double>(y), static_cast<double>(x)));
  }
};

struct PreluFloat {
  float operator()(float x, float slope) const { return x >= 0 ? x : x * slope; }
};
template <class T, class Slope>
struct PreluQuantised {
  int32_t zero_in, zero_slope, zero_out;
  Multiplier positive, negative;
  T operator()(T x, Slope slope) const {
    const int32_t d = x - zero_in;
    const int32_t y = d >= 0 ? Mbqm(d, positive) : Mbqm(d * (slope - zero_slope), negative);
    constexpr IntRange range{std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    return static_cast<T>(AddZeroAndClamp(zero_out, y, range));
  }
};

template <class T, class Slope>
MadeOperation MakePreluQuantised(const MakeArgs& args) {
  const Operand &in = args.inputs[0], &slope = args.inputs[1], &out = args.outputs[0];
  HEDDLE_TRY(CheckQuantised({&in, &slope, &out}));
  const float positive = in.quant->Scale() / out.quant->Scale();
  const float negative = in.quant->Scale() * slope.quant->Scale() / out.quant->Scale();
  if (!std::isfinite(positive) || !std::isfinite(negative))
    return InvalidModel("scales of '{}' and '{}' over that of '{}' are not finite", in.name,
                        slope.name, out.name);
  return MakePairs<Plain<T>, Plain<Slope>, Plain<T>>(
      PreluQuantised<T, Slope>{in.quant->ZeroPoint(), slope.quant->ZeroPoint(),
                               out.quant->ZeroPoint(),
                               MakeMultiplier(static_cast<double>(positive)),
                               MakeMultiplier(static_cast<double>(negative))},
      4, ShapeRule::kFirst);
}

struct And {
  bool operator()(bool a, bool b) const { return a && b; }
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a & b);
  }
};
struct Or {
  bool operator()(bool a, bool b) const { return a || b; }
};
struct Xor {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a ^ b);
  }
};
// Counts below 0 are 0, those past the sign bit keep the sign.
struct RightShift {
  template <class T>
  T operator()(T a, T n) const {
    constexpr int kMost = 8 * sizeof(T) - 1;
    return static_cast<T>(a >> (n < T(0) ? 0 : n > T(kMost) ? kMost : static_cast<int>(n)));
  }
};
// Counts outside the type shift every bit out.
struct LeftShift {
  template <class T>
  T operator()(T a, T n) const {
    if (n < 0 || n >= static_cast<int>(8 * sizeof(T))) return 0;
    return static_cast<T>(static_cast<uint32_t>(a) << n);
  }
};

template <class F>
MadeOperation MakeLogical(const MakeArgs& args) {
  HEDDLE_TRY(CheckPair(args));
  return MakeForType<Type::kBool>(args.inputs[0],
                                  []<class E>() { return MakeBinary<E>(F{}, 0.5f); });
}
template <class F>
MadeOperation MakeBitwise(const MakeArgs& args) {
  HEDDLE_TRY(CheckPair(args));
  return MakeForType<Type::kInt8, Type::kUInt8, Type::kInt16, Type::kUInt16, Type::kInt32,
                     Type::kUInt32>(args.inputs[0],
                                    []<class E>() { return MakeBinary<E>(F{}, 0.5f); });
}

// --- StableHLO ---

// Addition of booleans is "or", multiplication "and"; integers wrap.
template <Arithmetic kind>
struct Plainly {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, bool>) {
      return kind == Arithmetic::kAdd ? a || b : a && b;
    } else {
      return Compute<kind, T>(a, b);
    }
  }
};

template <class F, Type... types>
MadeOperation MakeStablehlo(const MakeArgs& args) {
  HEDDLE_TRY(CheckPair(args));
  return MakeForType<types...>(
      args.inputs[0], []<class E>() { return MakeBinary<E>(F{}, 0.5f, ShapeRule::kSame); });
}
template <class F>
MadeOperation MakeStablehloInteger(const MakeArgs& args) {
  return MakeStablehlo<F, Type::kInt32, Type::kInt64, Type::kInt8, Type::kInt16, Type::kBool,
                       Type::kUInt8, Type::kUInt16, Type::kUInt32, Type::kUInt64>(args);
}
template <class F>
MadeOperation MakeStablehloNumber(const MakeArgs& args) {
  return MakeStablehlo<F, Type::kFloat32, Type::kInt32, Type::kInt64, Type::kFloat16,
                       Type::kFloat64, Type::kInt8, Type::kInt16, Type::kBool, Type::kUInt8,
                       Type::kUInt16, Type::kUInt32, Type::kUInt64>(args);
}

}  // namespace

MadeOperation MakeMinimum(const MakeArgs& args) {
  return MakeExtremum<Minimum>(args, &ArithmeticKernels::min_f32);
}
MadeOperation MakeMaximum(const MakeArgs& args) {
  return MakeExtremum<Maximum>(args, &ArithmeticKernels::max_f32);
}

MadeOperation MakePow(const MakeArgs& args) {
  HEDDLE_TRY(CheckPair(args));
  if (args.inputs[0].type == Type::kInt32) return MakeBinary<Plain<int32_t>>(PowInteger{}, 10);
  const Operand& power = args.inputs[1];
  if (power.type == Type::kFloat32 && power.constant && power.shape.elements() == 1) {
    const float y = *power.As<float>();
    if (y == 2) return MakeFloatPair(args.isa, &ArithmeticKernels::square_f32);
    if (y == 3) return MakeFloatPair(args.isa, &ArithmeticKernels::cube_f32);
  }
  if (args.numerics == Numerics::kReference || power.type != Type::kFloat32)
    return MakeForType<Type::kFloat32>(args.inputs[0],
                                       []<class E>() { return MakeBinary<E>(PowFloat{}, 40); });
  const ArithmeticKernels kernels = ArithmeticKernelsFor(args.isa);
  return MakeKernelRun<Plain<float>>(kernels, Unbounded{}, kernels.pow_f32, 20);
}

MadeOperation MakeSquaredDifference(const MakeArgs& args) {
  HEDDLE_TRY(CheckPair(args));
  if (args.inputs[0].type == Type::kInt8) return MakeSquaredDifference8(args);
  if (args.inputs[0].type == Type::kFloat32)
    return MakeFloatPair(args.isa, &ArithmeticKernels::squared_difference_f32);
  return MakeForType<Type::kFloat16, Type::kInt32>(
      args.inputs[0], []<class E>() { return MakeBinary<E>(SquaredDifference{}, 0.5f); });
}

MadeOperation MakeAtan2(const MakeArgs& args) {
  HEDDLE_TRY(CheckPair(args));
  return MakeForType<Type::kFloat32, Type::kFloat64, Type::kFloat16, Type::kBFloat16>(
      args.inputs[0], []<class E>() { return MakeBinary<E>(ArcTangent{}, 50, ShapeRule::kSame); });
}

MadeOperation MakePrelu(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const Operand &in = args.inputs[0], &slope = args.inputs[1];
  if (in.type == Type::kInt16 && slope.type == Type::kInt8)
    return MakePreluQuantised<int16_t, int8_t>(args);
  HEDDLE_TRY(CheckTypesEqual(args, 1, 2));
  if (in.type == Type::kInt8) return MakePreluQuantised<int8_t, int8_t>(args);
  if (in.type == Type::kUInt8) return MakePreluQuantised<uint8_t, uint8_t>(args);
  if (in.type == Type::kInt16) return MakePreluQuantised<int16_t, int16_t>(args);
  if (in.type == Type::kFloat32)
    return MakeFloatPair(args.isa, &ArithmeticKernels::prelu_f32, ShapeRule::kFirst);
  return MakeForType<Type::kFloat16>(
      in, []<class E>() { return MakeBinary<E>(PreluFloat{}, 0.5f, ShapeRule::kFirst); });
}

MadeOperation MakeLogicalAnd(const MakeArgs& args) { return MakeLogical<And>(args); }
MadeOperation MakeLogicalOr(const MakeArgs& args) { return MakeLogical<Or>(args); }
MadeOperation MakeBitwiseXor(const MakeArgs& args) { return MakeBitwise<Xor>(args); }
MadeOperation MakeRightShift(const MakeArgs& args) { return MakeBitwise<RightShift>(args); }

MadeOperation MakeStablehloAdd(const MakeArgs& args) {
  return MakeStablehloNumber<Plainly<Arithmetic::kAdd>>(args);
}
MadeOperation MakeStablehloMultiply(const MakeArgs& args) {
  return MakeStablehloNumber<Plainly<Arithmetic::kMul>>(args);
}
MadeOperation MakeStablehloMaximum(const MakeArgs& args) {
  return MakeStablehloNumber<Maximum>(args);
}
MadeOperation MakeStablehloMinimum(const MakeArgs& args) {
  return MakeStablehloNumber<Minimum>(args);
}
MadeOperation MakeStablehloAnd(const MakeArgs& args) { return MakeStablehloInteger<And>(args); }
MadeOperation MakeStablehloShiftLeft(const MakeArgs& args) {
  return MakeStablehlo<LeftShift, Type::kInt8, Type::kInt16, Type::kInt32>(args);
}

}  // namespace heddle::core
