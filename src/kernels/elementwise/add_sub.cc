// SPDX-License-Identifier: Apache-2.0
// ADD and SUB.
#include <algorithm>
#include <cmath>

#include "kernels/elementwise/binary.h"
#include "kernels/quant.h"

namespace heddle::core {
namespace {

template <Arithmetic kind>
constexpr int32_t kSign = kind == Arithmetic::kSub ? -1 : 0;

template <Arithmetic kind, class T>
MadeOperation MakeBuiltin(const MakeArgs& args) {
  const Quantization &a = *args.inputs[0].quant, &b = *args.inputs[1].quant;
  const Quantization& out = *args.outputs[0].quant;
  AddBuiltin f;
  f.zero_a = a.ZeroPoint(), f.zero_b = b.ZeroPoint(), f.zero_out = out.ZeroPoint();
  f.left = sizeof(T) == 1 ? 20 : 15;
  f.sign = kSign<kind>;
  const double twice_max = static_cast<double>(2 * std::max(a.Scale(), b.Scale()));
  f.ka = MakeRescale(static_cast<double>(a.Scale()) / twice_max);
  f.kb = MakeRescale(static_cast<double>(b.Scale()) / twice_max);
  f.ko =
      MakeRescale(twice_max / static_cast<double>(static_cast<float>(1 << f.left) * out.Scale()));
  const IntRange range = BuiltinActivationRange(args.op.OptionsOr<BinaryOptions>().activation,
                                                args.outputs[0].type, out.Scale(), f.zero_out);
  f.lo = range.lo - f.zero_out, f.hi = range.hi - f.zero_out;
  const ArithmeticKernels kernels = ArithmeticKernelsFor(args.isa);
  const auto run = std::is_same_v<T, int16_t>  ? kernels.add_i16
                   : std::is_same_v<T, int8_t> ? kernels.add_i8
                                               : kernels.add_u8;
  return MakeKernelRun<Plain<T>>(kernels, f, run, 6);
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
  const ArithmeticKernels kernels = ArithmeticKernelsFor(args.isa);
  const AddShifted f{std::min(out - a, 31), std::min(out - b, 31), kSign<kind>, range.lo, range.hi};
  return MakeKernelRun<Plain<int16_t>>(kernels, f, kernels.shifted_i16, 1);
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
