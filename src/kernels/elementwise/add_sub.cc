// SPDX-License-Identifier: Apache-2.0
// ADD and SUB.
#include <algorithm>
#include <cmath>

#include "kernels/elementwise/binary.h"
#include "kernels/quant.h"

namespace heddle::core {
namespace {

// LiteRT's builtin arithmetic: both inputs brought to a common scale with `left` fractional bits,
// then the sum scaled.
template <Arithmetic kind, class T>
struct AddBuiltin {
  int32_t zero_a, zero_b, zero_out, left;
  Multiplier ka, kb, ko;
  IntRange range;
  T operator()(T a, T b) const {
    const int32_t x = Mbqm((a - zero_a) * (1 << left), ka);
    const int32_t y = Mbqm((b - zero_b) * (1 << left), kb);
    return static_cast<T>(AddZeroAndClamp(zero_out, Mbqm(Compute<kind>(x, y), ko), range));
  }
};

// int16 with scales that are powers of two: one input is shifted to the other's scale, which is the
// output's.
template <Arithmetic kind>
struct AddPowerOf2 {
  int shift_a, shift_b;
  IntRange range;
  int16_t operator()(int16_t a, int16_t b) const {
    const int32_t sum =
        Compute<kind, int32_t>(RoundingShift(a, shift_a), RoundingShift(b, shift_b));
    return static_cast<int16_t>(std::clamp(sum, range.lo, range.hi));
  }
};

template <Arithmetic kind, class T>
MadeOperation MakeBuiltin(const MakeArgs& args) {
  const Quantization &a = *args.inputs[0].quant, &b = *args.inputs[1].quant;
  const Quantization& out = *args.outputs[0].quant;
  const int left = sizeof(T) == 1 ? 20 : 15;
  const double twice_max = static_cast<double>(2 * std::max(a.Scale(), b.Scale()));
  AddBuiltin<kind, T> f;
  f.zero_a = a.ZeroPoint(), f.zero_b = b.ZeroPoint(), f.zero_out = out.ZeroPoint();
  f.left = left;
  f.ka = MakeMultiplier(static_cast<double>(a.Scale()) / twice_max);
  f.kb = MakeMultiplier(static_cast<double>(b.Scale()) / twice_max);
  f.ko =
      MakeMultiplier(twice_max / static_cast<double>(static_cast<float>(1 << left) * out.Scale()));
  f.range = BuiltinActivationRange(args.op.OptionsOr<BinaryOptions>().activation,
                                   args.outputs[0].type, out.Scale(), f.zero_out);
  return MakeBinary<Plain<T>>(f, 6);
}

bool XnnTakesRatio(float ratio) { return ratio >= 0x1p-10f && ratio < 256; }

template <Arithmetic kind, class T>
MadeOperation MakeByteSum(const MakeArgs& args) {
  const Quantization &a = *args.inputs[0].quant, &b = *args.inputs[1].quant;
  const Quantization& out = *args.outputs[0].quant;
  const float ra = a.Scale() / out.Scale(), rb = b.Scale() / out.Scale();
  if (!XnnTakesAll(args) || !XnnTakesRatio(ra) || !XnnTakesRatio(rb))
    return MakeBuiltin<kind, T>(args);
  const int shift = 20 - std::ilogb(std::max(ra, rb));
  const auto fixed = [&](float r) { return static_cast<int32_t>(RoundEven(std::ldexp(r, shift))); };
  AddBytes f;
  f.ka = fixed(ra);
  f.kb = kind == Arithmetic::kSub ? -fixed(rb) : fixed(rb);
  f.shift = shift;
  f.bias = (1 << (shift - 1)) - a.ZeroPoint() * f.ka - b.ZeroPoint() * f.kb;
  f.zero_out = out.ZeroPoint();
  const IntRange range = XnnActivationRange(args.op.OptionsOr<BinaryOptions>().activation,
                                            args.outputs[0].type, out.Scale(), f.zero_out);
  f.lo = range.lo, f.hi = range.hi;
  return MakeBytes(f, args);
}

bool IsPowerOf2(float scale) { return std::ldexp(1.0f, std::ilogb(scale)) == scale; }

template <Arithmetic kind>
MadeOperation MakeInt16(const MakeArgs& args) {
  const float sa = args.inputs[0].quant->Scale(), sb = args.inputs[1].quant->Scale();
  const float so = args.outputs[0].quant->Scale();
  const BinaryOptions options = args.op.OptionsOr<BinaryOptions>();
  if (!options.pot_scale_int16 || !IsPowerOf2(sa) || !IsPowerOf2(sb) || !IsPowerOf2(so))
    return MakeBuiltin<kind, int16_t>(args);
  const int a = std::ilogb(sa), b = std::ilogb(sb), out = std::ilogb(so);
  if (std::max(a, b) != out)
    return InvalidModel("scales 2^{} and 2^{}, expected the larger to be the output's, 2^{}", a, b,
                        out);
  const IntRange range = BuiltinActivationRange(options.activation, Type::kInt16, so, 0);
  return MakeBinary<Plain<int16_t>>(
      AddPowerOf2<kind>{std::min(out - a, 31), std::min(out - b, 31), range}, 1);
}

template <Arithmetic kind>
MadeOperation MakeQuantised(const MakeArgs& args) {
  const Type type = args.inputs[0].type;
  if (type != Type::kInt8 && type != Type::kUInt8 && type != Type::kInt16)
    return UnsupportedType(args.inputs[0]);
  HEDDLE_TRY(CheckQuantised({&args.inputs[0], &args.inputs[1], &args.outputs[0]}));
  if (type == Type::kInt8) return MakeByteSum<kind, int8_t>(args);
  if (type == Type::kUInt8) return MakeByteSum<kind, uint8_t>(args);
  return MakeInt16<kind>(args);
}

}  // namespace

MadeOperation MakeAdd(const MakeArgs& args) {
  return MakeArithmetic<Arithmetic::kAdd>(args, MakeQuantised<Arithmetic::kAdd>);
}
MadeOperation MakeSub(const MakeArgs& args) {
  return MakeArithmetic<Arithmetic::kSub>(args, MakeQuantised<Arithmetic::kSub>);
}

}  // namespace heddle::core
