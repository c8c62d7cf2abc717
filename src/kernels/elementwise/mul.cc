// SPDX-License-Identifier: Apache-2.0
// MUL.
#include <algorithm>
#include <complex>

#include "kernels/elementwise/binary.h"
#include "kernels/quant.h"

namespace heddle::core {
namespace {

// The textbook product: (a + bi)(c + di) with four multiplications, whatever the operands.
struct MulComplex {
  using T = std::complex<float>;
  T operator()(T a, T b) const {
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
  }
};

template <class T>
MadeOperation MakeBuiltin(const MakeArgs& args) {
  const Quantization &a = *args.inputs[0].quant, &b = *args.inputs[1].quant;
  const Quantization& out = *args.outputs[0].quant;
  const float k = a.Scale() * b.Scale() / out.Scale();
  const IntRange range = BuiltinActivationRange(args.op.OptionsOr<BinaryOptions>().activation,
                                                args.outputs[0].type, out.Scale(), out.ZeroPoint());
  const MulBuiltin f{a.ZeroPoint(),
                     b.ZeroPoint(),
                     MakeRescale(static_cast<double>(k)),
                     out.ZeroPoint(),
                     range.lo - out.ZeroPoint(),
                     range.hi - out.ZeroPoint()};
  const ArithmeticKernels kernels = ArithmeticKernelsFor(args.isa);
  const auto run = std::is_same_v<T, int16_t>  ? kernels.mul_i16
                   : std::is_same_v<T, int8_t> ? kernels.mul_i8
                                               : kernels.mul_u8;
  return MakeKernelRun<Plain<T>>(kernels, f, run, 3);
}

template <class T>
MadeOperation MakeByteProduct(const MakeArgs& args) {
  const Quantization &a = *args.inputs[0].quant, &b = *args.inputs[1].quant;
  const Quantization& out = *args.outputs[0].quant;
  const float k = a.Scale() * b.Scale() / out.Scale();
  if (!XnnTakesAll(args) || !(k >= 0x1p-16f && k < 256)) return MakeBuiltin<T>(args);
  const IntRange range = XnnActivationRange(args.op.OptionsOr<BinaryOptions>().activation,
                                            args.outputs[0].type, out.Scale(), out.ZeroPoint());
  return MakeBytes(MulBytes{a.ZeroPoint(), b.ZeroPoint(), out.ZeroPoint(), k, range.lo, range.hi},
                   args);
}

MadeOperation MakeOthers(const MakeArgs& args) {
  const Type type = args.inputs[0].type;
  if (type == Type::kUInt32) return MakeUnquantised<Arithmetic::kMul, Plain<uint32_t>>(args, 0.5f);
  if (type == Type::kComplex64) return MakeBinary<Plain<std::complex<float>>>(MulComplex{}, 2);
  if (type != Type::kInt8 && type != Type::kUInt8 && type != Type::kInt16)
    return UnsupportedType(args.inputs[0]);
  HEDDLE_TRY(CheckQuantised({&args.inputs[0], &args.inputs[1], &args.outputs[0]}));
  if (type == Type::kInt8) return MakeByteProduct<int8_t>(args);
  if (type == Type::kUInt8) return MakeByteProduct<uint8_t>(args);
  return MakeBuiltin<int16_t>(args);
}

}  // namespace

MadeOperation MakeMul(const MakeArgs& args) {
  return MakeArithmetic<Arithmetic::kMul>(args, MakeOthers);
}

}  // namespace heddle::core
