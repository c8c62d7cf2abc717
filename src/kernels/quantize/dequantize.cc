// SPDX-License-Identifier: Apache-2.0
// DEQUANTIZE.
#include "kernels/elementwise/check.h"
#include "kernels/elementwise/function.h"
#include "kernels/quantize/channels.h"

namespace heddle::core {
namespace {

struct Widen {
  float operator()(float x) const { return x; }
};

template <class In>
MadeOperation MakeScaled(const Operand& in) {
  HEDDLE_TRY(CheckScales(in));
  const Quantization& quant = *in.quant;
  return MakeChannels<In, Plain<float>>(
      quant, 0.5f, [&](size_t c) { return ScaleDifference{quant.Scale(c), quant.ZeroPoint(c)}; });
}

template <class T>
MadeOperation MakeBytes(const MakeArgs& args, FloatRunOf<ScaleDifference, T> FloatRuns::* run) {
  const Operand& in = args.inputs[0];
  HEDDLE_TRY(CheckScales(in));
  if (in.quant->per_channel()) return MakeScaled<Plain<T>>(in);
  return MakeFloatRun(args, ScaleDifference{in.quant->Scale(), in.quant->ZeroPoint()}, run, 0.5f);
}

}  // namespace

MadeOperation MakeDequantize(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  if (out.type != Type::kFloat32) return UnsupportedType(out);
  switch (in.type) {
    case Type::kFloat16:
      return MakeMap<Float16, Plain<float>>(Widen{}, 1);
    case Type::kBFloat16:
      return MakeMap<Bfloat16, Plain<float>>(Widen{}, 0.5f);
    case Type::kInt8:
      return MakeBytes(args, &FloatRuns::dequantize_i8);
    case Type::kUInt8:
      return MakeBytes(args, &FloatRuns::dequantize_u8);
    case Type::kInt16:
      return MakeScaled<Plain<int16_t>>(in);
    case Type::kInt4:
      return MakeScaled<Packed<4, true>>(in);
    case Type::kUInt4:
      return MakeScaled<Packed<4, false>>(in);
    case Type::kInt2:
      return MakeScaled<Packed<2, true>>(in);
    default:
      return UnsupportedType(in);
  }
}

}  // namespace heddle::core
