// SPDX-License-Identifier: Apache-2.0
// Unary operators without tables: ABS, NEG, SQUARE, SQRT, RSQRT, SIN, COS, FLOOR, CEIL, ROUND,
// SIGN, LOGICAL_NOT, COMPLEX_ABS, REAL, IMAG.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/elementwise/function.h"
#include "kernels/elementwise/inverse_sqrt.h"
#include "kernels/math.h"

namespace heddle::core {
namespace {

Status CheckUnary(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  return CheckTypesEqual(args, 0, 1);
}

template <class F>
MadeOperation MakeOnFloats(const MakeArgs& args, F f, float element_ns) {
  HEDDLE_TRY(CheckUnary(args));
  return MakeFloatFunction(args.inputs[0], f, element_ns);
}
template <class F>
MadeOperation MakeOnFloats(const MakeArgs& args, F f, FloatRunOf<F> FloatRuns::* run,
                           float plain_ns) {
  HEDDLE_TRY(CheckUnary(args));
  return MakeFloatFunction(args, f, run, plain_ns);
}

// The most negative integer wraps.
struct Absolute {
  float operator()(float x) const { return AbsoluteFloat{}(x); }
  template <class T>
  T operator()(T x) const {
    using U = std::make_unsigned_t<T>;
    return x < 0 ? static_cast<T>(U{0} - static_cast<U>(x)) : x;
  }
};
struct Negate {
  float operator()(float x) const { return Negation{}(x); }
  template <class T>
  T operator()(T x) const {
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(U{0} - static_cast<U>(x));
  }
};
struct Sine {
  float operator()(float x) const { return SinF(x); }
};
struct Cosine {
  float operator()(float x) const { return CosF(x); }
};
// NaN stays. By the bits: denormals have a sign though the thread flushes them.
struct Sign {
  float operator()(float x) const { return x != x ? x : SignOf<float>(FloatKey(x)); }
  double operator()(double x) const {
    const int64_t u = std::bit_cast<int64_t>(x);
    return x != x ? x : SignOf<double>(u < 0 ? -(u & std::numeric_limits<int64_t>::max()) : u);
  }
  int32_t operator()(int32_t x) const { return SignOf<int32_t>(x); }

 private:
  template <class T>
  static T SignOf(auto x) {
    return static_cast<T>((x > 0) - (x < 0));
  }
};
struct Not {
  bool operator()(bool x) const { return !x; }
};

template <class T>
struct AbsoluteQuantised {
  int32_t zero_in, zero_out;
  Multiplier k;
  bool rescales;
  T operator()(T x) const {
    const int32_t a = std::abs(x - zero_in);
    const int64_t y = int64_t{rescales ? Mbqm(a, k) : a} + zero_out;
    return static_cast<T>(
        std::clamp<int64_t>(y, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }
};

template <class T>
MadeOperation MakeAbsQuantised(const MakeArgs& args) {
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  HEDDLE_TRY(CheckQuantised({&in, &out}));
  const float k = in.quant->Scale() / out.quant->Scale();
  return MakeMap<Plain<T>, Plain<T>>(
      AbsoluteQuantised<T>{in.quant->ZeroPoint(), out.quant->ZeroPoint(),
                           MakeMultiplier(static_cast<double>(k)),
                           in.quant->Scale() != out.quant->Scale()},
      1.5f);
}

// Refuses values below `least`, which stands for zero: there is no root of them.
template <class F>
struct AtLeast {
  F f;
  int32_t least;
  TileCode Check(int32_t x) const { return x < least ? TileCode::kBadValue : TileCode::kOk; }
  std::string Expected() const { return fmt::format("{} or more", least); }
  auto operator()(auto x) const { return f(x); }
};
template <class T, class F>
MadeOperation MakeRoot(const Operand& in, F f, float element_ns) {
  return MakeMap<Plain<T>, Plain<T>>(AtLeast<F>{f, in.quant->ZeroPoint()}, element_ns);
}

// LiteRT cuts the root off where others round.
template <class T>
struct SqrtQuantised {
  float scale_in, scale_out;
  int32_t zero_in, zero_out;
  T operator()(T x) const {
    const float root = std::sqrt(scale_in * static_cast<float>(x - zero_in));
    constexpr float kMost = 1 << 20;  // beyond every output
    const int32_t q = static_cast<int32_t>(std::min(root / scale_out, kMost)) + zero_out;
    return static_cast<T>(
        std::clamp<int32_t>(q, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }
};

struct ByteTable {
  ByteFunction table;
  int8_t operator()(int8_t x) const { return static_cast<int8_t>(table(static_cast<uint8_t>(x))); }
};

MadeOperation MakeRsqrt8(const MakeArgs& args) {
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  const int32_t zero_in = in.quant->ZeroPoint(), zero_out = out.quant->ZeroPoint();
  const float unit = std::sqrt(in.quant->Scale()) * out.quant->Scale();
  const Multiplier k = MakeMultiplier(1 / static_cast<double>(unit));
  constexpr int kFraction = 20;  // bits that the inverse root keeps between the two steps
  const auto f = [=](int32_t x) -> int32_t {
    if (x <= zero_in) return x == zero_in ? 127 : 0;  // below zero refused before
    const Multiplier root = InverseSqrt(x - zero_in);
    const int32_t y = Mbqm(1, {root.m, root.e + kFraction});
    if (k.e - kFraction < -31) return zero_out;
    return static_cast<int32_t>(
        std::clamp<int64_t>(int64_t{Mbqm(y, {k.m, k.e - kFraction})} + zero_out, -128, 127));
  };
  return MakeRoot<int8_t>(in, ByteTable{TabulateBytes(args.isa, in.type, f)}, 1);
}

MadeOperation MakeRsqrt16(const MakeArgs& args) {
  const float most = 32767 * args.outputs[0].quant->Scale();
  const Function16 f =
      Tabulate16(args, [=](float x) { return x <= 0 ? most : 1.0f / std::sqrt(x); });
  return MakeRoot<int16_t>(args.inputs[0], f, 1);
}

// --- complex ---

// |z| without overflow of the squares: floats square in double, doubles after scaling.
struct Magnitude {
  float operator()(std::complex<float> z) const {
    if (std::isinf(z.real()) || std::isinf(z.imag())) return std::numeric_limits<float>::infinity();
    const double re = static_cast<double>(z.real()), im = static_cast<double>(z.imag());
    return static_cast<float>(std::sqrt(re * re + im * im));
  }
  double operator()(std::complex<double> z) const {
    const double a = std::fabs(z.real()), b = std::fabs(z.imag());
    if (std::isinf(a) || std::isinf(b)) return std::numeric_limits<double>::infinity();
    const double most = std::max(a, b);
    if (!(most > 0)) return a + b;
    const double x = a / most, y = b / most;
    return most * std::sqrt(x * x + y * y);
  }
};
struct RealPart {
  template <class T>
  T operator()(std::complex<T> z) const {
    return z.real();
  }
};
struct ImaginaryPart {
  template <class T>
  T operator()(std::complex<T> z) const {
    return z.imag();
  }
};

template <class F>
MadeOperation MakeComplex(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  const Type part = in.type == Type::kComplex128 ? Type::kFloat64 : Type::kFloat32;
  if (out.type != part)
    return InvalidModel("output '{}' is {}, expected {} (input '{}' is {})", out.name,
                        TypeName(out.type), TypeName(part), in.name, TypeName(in.type));
  return MakeForType<Type::kComplex64, Type::kComplex128>(
      in, []<class E>() { return MakeMap<E, Plain<typename E::Value::value_type>>(F{}, 2); });
}

}  // namespace

MadeOperation MakeAbs(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  const Operand& in = args.inputs[0];
  if (in.type == Type::kInt8) return MakeAbsQuantised<int8_t>(args);
  if (in.type == Type::kInt16 && in.quant->quantised()) return MakeAbsQuantised<int16_t>(args);
  if (in.type == Type::kFloat32)
    return MakeFloatRun(args, AbsoluteFloat{}, &FloatRuns::absolute, 0.3f);
  return MakeForType<Type::kFloat16, Type::kInt16, Type::kInt32>(
      in, []<class E>() { return MakeMap<E, E>(Absolute{}, 0.3f); });
}

MadeOperation MakeNeg(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  if (args.inputs[0].type == Type::kFloat32)
    return MakeFloatRun(args, Negation{}, &FloatRuns::negation, 0.3f);
  return MakeForType<Type::kInt32, Type::kInt64, Type::kInt8, Type::kInt16, Type::kFloat16,
                     Type::kBFloat16>(args.inputs[0],
                                      []<class E>() { return MakeMap<E, E>(Negate{}, 0.3f); });
}

MadeOperation MakeSqrt(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  if (in.type != Type::kInt8 && in.type != Type::kInt16)
    return MakeFloatFunction(args, SquareRoot{}, &FloatRuns::square_root, 1);
  HEDDLE_TRY(CheckQuantised({&in, &out}));
  const auto make = [&]<class T>(T) {
    return MakeRoot<T>(in,
                       SqrtQuantised<T>{in.quant->Scale(), out.quant->Scale(),
                                        in.quant->ZeroPoint(), out.quant->ZeroPoint()},
                       2);
  };
  return in.type == Type::kInt8 ? make(int8_t{}) : make(int16_t{});
}

MadeOperation MakeRsqrt(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  if (in.type != Type::kInt8 && in.type != Type::kInt16)
    return MakeFloatFunction(args, InverseRoot{}, &FloatRuns::inverse_root, 2);
  HEDDLE_TRY(CheckQuantised({&in, &out}));
  return in.type == Type::kInt8 ? MakeRsqrt8(args) : MakeRsqrt16(args);
}

MadeOperation MakeSquare(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  return MakeFloatFunction(args, Square{}, &FloatRuns::square, 0.3f);
}
MadeOperation MakeSin(const MakeArgs& args) { return MakeOnFloats(args, Sine{}, 12); }
MadeOperation MakeCos(const MakeArgs& args) { return MakeOnFloats(args, Cosine{}, 12); }
MadeOperation MakeFloor(const MakeArgs& args) {
  return MakeOnFloats(args, RoundDown{}, &FloatRuns::round_down, 1);
}
MadeOperation MakeCeil(const MakeArgs& args) {
  return MakeOnFloats(args, RoundUp{}, &FloatRuns::round_up, 1);
}
MadeOperation MakeRound(const MakeArgs& args) {
  return MakeOnFloats(args, RoundToEven{}, &FloatRuns::round_to_even, 1);
}

MadeOperation MakeSign(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  return MakeForType<Type::kFloat32, Type::kFloat64, Type::kInt32>(
      args.inputs[0], []<class E>() { return MakeMap<E, E>(Sign{}, 0.5f); });
}

MadeOperation MakeLogicalNot(const MakeArgs& args) {
  HEDDLE_TRY(CheckUnary(args));
  return MakeForType<Type::kBool>(args.inputs[0],
                                  []<class E>() { return MakeMap<E, E>(Not{}, 0.3f); });
}

MadeOperation MakeComplexAbs(const MakeArgs& args) { return MakeComplex<Magnitude>(args); }
MadeOperation MakeReal(const MakeArgs& args) { return MakeComplex<RealPart>(args); }
MadeOperation MakeImag(const MakeArgs& args) { return MakeComplex<ImaginaryPart>(args); }

}  // namespace heddle::core
