// SPDX-License-Identifier: Apache-2.0
// DIV, FLOOR_DIV, FLOOR_MOD.
#include <algorithm>
#include <cmath>

#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/types.h"
#include "kernels/quant.h"
#include "kernels/softmax/fixed.h"

namespace heddle::core {
namespace {

// LiteRT's fixed-point quotient: a times the reciprocal of b.
template <class T>
struct DivBuiltin {
  int32_t zero_a, zero_b, zero_out;
  Multiplier k;
  IntRange range;

  TileCode Check(T b) const { return b == zero_b ? TileCode::kDivisionByZero : TileCode::kOk; }
  std::string Expected() const { return "any other number"; }
  T operator()(T a, T b) const {
    int32_t x = a - zero_a, y = b - zero_b;
    if (y < 0) x = -x, y = -y;
    const auto [reciprocal, over] = FixedReciprocal(y, 31);
    const int headroom = __builtin_clrsb(x);
    const int32_t quotient = Srdhm(ShiftLeftWrap(x, headroom), reciprocal);
    const int shift = std::clamp(over + headroom - k.e, 0, 31);
    return static_cast<T>(
        AddZeroAndClamp(zero_out, RoundingShift(Srdhm(quotient, k.m), shift), range));
  }
};

template <class T>
MadeOperation MakeQuantised(const MakeArgs& args) {
  const Quantization &a = *args.inputs[0].quant, &b = *args.inputs[1].quant;
  const Quantization& out = *args.outputs[0].quant;
  const float k = a.Scale() / (b.Scale() * out.Scale());
  if (!std::isfinite(k))
    return InvalidModel("scale {} of '{}' over that of '{}' and '{}' is not finite", a.Scale(),
                        args.inputs[0].name, args.inputs[1].name, args.outputs[0].name);
  const IntRange range = BuiltinActivationRange(args.op.OptionsOr<BinaryOptions>().activation,
                                                args.outputs[0].type, out.Scale(), out.ZeroPoint());
  return MakeBinary<Plain<T>>(DivBuiltin<T>{a.ZeroPoint(), b.ZeroPoint(), out.ZeroPoint(),
                                            MakeMultiplier(static_cast<double>(k)), range},
                              8);
}

MadeOperation MakeOthers(const MakeArgs& args) {
  const Type type = args.inputs[0].type;
  if (!IsByte(type) && type != Type::kInt16) return UnsupportedType(args.inputs[0]);
  HEDDLE_TRY(CheckQuantised({&args.inputs[0], &args.inputs[1], &args.outputs[0]}));
  if (type == Type::kInt8) return MakeQuantised<int8_t>(args);
  if (type == Type::kUInt8) return MakeQuantised<uint8_t>(args);
  return MakeQuantised<int16_t>(args);
}

// Denormals are no zeros, though the thread flushes them: XNNPACK takes none of these operators.
template <class T>
TileCode CheckDivisor(T b) {
  bool zero = b == 0;
  if constexpr (std::is_floating_point_v<T>) zero = DoubleOf(b) == 0;
  return zero ? TileCode::kDivisionByZero : TileCode::kOk;
}

// The most negative integer over -1 wraps.
template <class T>
struct FloorDiv {
  TileCode Check(T b) const { return CheckDivisor(b); }
  std::string Expected() const { return "any other number"; }
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(std::floor(DoubleOf(a) / DoubleOf(b)));
    } else {
      const int64_t x = a, y = b, q = x / y;
      return static_cast<T>(q * y != x && (x < 0) != (y < 0) ? q - 1 : q);
    }
  }
};

// The sign of the divisor. A float divisor of 0 gives NaN.
template <class T>
struct FloorMod {
  TileCode Check(T b) const
    requires(std::is_integral_v<T>)
  {
    return CheckDivisor(b);
  }
  std::string Expected() const { return "any other number"; }
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      const double y = DoubleOf(b), r = std::fmod(DoubleOf(a), y);  // exact
      return FloatOf(r != 0 && (y < 0) != (r < 0) ? r + y : r);
    } else {
      const T r = b == -1 ? T(0) : static_cast<T>(a % b);
      return r != 0 && (b < 0) != (r < 0) ? static_cast<T>(r + b) : r;
    }
  }
};

}  // namespace

MadeOperation MakeDiv(const MakeArgs& args) {
  return MakeArithmetic<Arithmetic::kDiv>(args, MakeOthers);
}

MadeOperation MakeFloorDiv(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 2));
  return MakeForType<Type::kFloat32, Type::kInt32, Type::kInt16, Type::kInt8>(
      args.inputs[0], []<class E>() { return MakeBinary<E>(FloorDiv<typename E::Value>{}, 5); });
}

MadeOperation MakeFloorMod(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 2));
  return MakeForType<Type::kFloat32, Type::kInt64, Type::kInt32, Type::kInt16, Type::kInt8>(
      args.inputs[0], []<class E>() { return MakeBinary<E>(FloorMod<typename E::Value>{}, 8); });
}

}  // namespace heddle::core
