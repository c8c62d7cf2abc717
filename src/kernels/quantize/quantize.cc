// SPDX-License-Identifier: Apache-2.0
// QUANTIZE: floats to integers, and integers to other scales.
#include <cmath>

#include "kernels/elementwise/check.h"
#include "kernels/elementwise/function.h"
#include "kernels/quant.h"
#include "kernels/quantize/channels.h"

namespace heddle::core {
namespace {

// x/s, ties away from zero. Where LiteRT wraps (infinities, NaN and quotients past int32), this
// saturates; NaN becomes the largest value, as XNNPACK has it.
struct QuantizeReference {
  float scale;
  int32_t zero;
  IntRange range;
  int32_t operator()(float x) const {
    const double q = std::round(static_cast<double>(x / scale)) + zero;
    if (!(q < range.hi)) return range.hi;
    return q > range.lo ? static_cast<int32_t>(q) : range.lo;
  }
};

template <class Out>
struct FloatToInteger {
  const Quantization& quant;
  IntRange range;

  QuantizeReference Reference(size_t c) const {
    return {quant.Scale(c), quant.ZeroPoint(c), range};
  }
  QuantizeFast Fast() const {
    const int32_t zero = quant.ZeroPoint();
    return {1.0f / quant.Scale(), static_cast<float>(range.lo - zero),
            static_cast<float>(range.hi - zero), zero};
  }
  template <class In>
  MadeOperation Make(const MakeArgs& args) const {
    if (XnnTakesAll(args)) return MakeXnn<In>(args);
    // LiteRT's vector loop, and its remainder.
    const bool wide = args.outputs[0].type == Type::kInt16;
    if (wide && args.numerics == Numerics::kFast && !quant.per_channel()) return MakeWide<In>(args);
    return MakeChannels<In, Out>(quant, 6, [&](size_t c) { return Reference(c); });
  }

 private:
  template <class In>
  MadeOperation MakeXnn(const MakeArgs& args) const {
    if constexpr (std::is_same_v<In, Plain<float>>) {
      if constexpr (std::is_same_v<Out, Plain<int8_t>>)
        return MakeFloatRun(args, Fast(), &FloatRuns::quantize_i8, 0.6f);
      if constexpr (std::is_same_v<Out, Plain<uint8_t>>)
        return MakeFloatRun(args, Fast(), &FloatRuns::quantize_u8, 0.6f);
    }
    return MakeMap<In, Out>(Fast(), 0.6f);
  }

  template <class In>
  MadeOperation MakeWide(const MakeArgs& args) const {
    constexpr int64_t kGroup = 8;
    if constexpr (std::is_same_v<In, Plain<float>> && std::is_same_v<Out, Plain<int16_t>>) {
      const FloatRuns runs = FloatRunsFor(args.isa);
      const FloatRunMap<QuantizeFast, float, int16_t> fast{Fast(), runs.quantize_i16, runs.name};
      return MakeGroupedMap<In, Out>(fast, Reference(0), kGroup, 0.6f / runs.speed);
    }
    return MakeGroupedMap<In, Out>(Fast(), Reference(0), kGroup, 0.6f);
  }
};

template <class Out>
MadeOperation MakeFromFloat(const MakeArgs& args) {
  const FloatToInteger<Out> make{*args.outputs[0].quant, RangeOf(args.outputs[0].type)};
  if (args.inputs[0].type == Type::kFloat32) return make.template Make<Plain<float>>(args);
  return make.template Make<Float16>(args);
}

// From one scale to another: how it rounds is up to `scale`.
template <int32_t (*scale)(int32_t, Multiplier)>
struct Rescale {
  int32_t zero_in, zero_out;
  Multiplier k;
  IntRange range;
  int32_t operator()(int32_t x) const {
    const int32_t d =
        static_cast<int32_t>(static_cast<uint32_t>(x) - static_cast<uint32_t>(zero_in));
    return static_cast<int32_t>(
        std::clamp<int64_t>(int64_t{scale(d, k)} + zero_out, range.lo, range.hi));
  }
};

// XNNPACK's: a multiplier of 8 fractional bits.
struct RescaleXnn {
  int32_t zero_in, zero_out, k;
  IntRange range;
  int32_t operator()(int32_t x) const {
    return std::clamp((((x - zero_in) * k + 128) >> 8) + zero_out, range.lo, range.hi);
  }
};

MadeOperation MakeBytes(const MakeArgs& args, const Rescale<Mbqm>& rescale) {
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  const float ratio = in.quant->Scale() / out.quant->Scale();
  if (in.type == out.type) {
    if (!XnnTakesAll(args) || ratio < 0x1p-8f || ratio > 128)
      return MakeByteMap(args.isa, in.type, rescale);
    const int32_t k = static_cast<int32_t>(RoundEven(256 * ratio));
    return MakeByteMap(args.isa, in.type,
                       RescaleXnn{rescale.zero_in, rescale.zero_out, k, rescale.range});
  }
  if (args.numerics == Numerics::kReference) return MakeByteMap(args.isa, in.type, rescale);
  const Rescale<MbqmUp> up{rescale.zero_in, rescale.zero_out, rescale.k, rescale.range};
  const ByteFunction body = TabulateBytes(args.isa, in.type, up);
  const ByteFunction tail = TabulateBytes(args.isa, in.type, rescale);
  if (body.values == tail.values) return MakeByteMap(body);
  return MakeGroupedMap<Plain<uint8_t>, Plain<uint8_t>>(body, tail, 16, body.form.element_ns);
}

template <class In>
MadeOperation MakeRescale(const MakeArgs& args, const Rescale<Mbqm>& rescale) {
  const Operand& out = args.outputs[0];
  switch (out.type) {
    case Type::kInt8:
      return MakeMap<In, Plain<int8_t>>(rescale, 3);
    case Type::kUInt8:
      return MakeMap<In, Plain<uint8_t>>(rescale, 3);
    case Type::kInt16:
      return MakeMap<In, Plain<int16_t>>(rescale, 3);
    case Type::kInt32:
      return MakeMap<In, Plain<int32_t>>(rescale, 3);
    default:
      return UnsupportedType(out);
  }
}

MadeOperation MakeFromInteger(const MakeArgs& args) {
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  // LiteRT takes an int16 that is not symmetric, but not two.
  if (in.type == Type::kInt16 && out.type == Type::kInt16) {
    HEDDLE_TRY(CheckQuantised({&in, &out}));
  } else {
    HEDDLE_TRY(CheckOneScale(in));
    HEDDLE_TRY(CheckOneScale(out));
  }
  const double ratio =
      static_cast<double>(in.quant->Scale()) / static_cast<double>(out.quant->Scale());
  const Rescale<Mbqm> rescale{in.quant->ZeroPoint(), out.quant->ZeroPoint(), MakeMultiplier(ratio),
                              RangeOf(out.type)};
  if (IsByte(in.type) && IsByte(out.type)) return MakeBytes(args, rescale);
  switch (in.type) {
    case Type::kInt8:
      return MakeRescale<Plain<int8_t>>(args, rescale);
    case Type::kUInt8:
      return MakeRescale<Plain<uint8_t>>(args, rescale);
    case Type::kInt16:
      return MakeRescale<Plain<int16_t>>(args, rescale);
    case Type::kInt32:
      return MakeRescale<Plain<int32_t>>(args, rescale);
    default:
      return UnsupportedType(in);
  }
}

}  // namespace

MadeOperation MakeQuantize(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  HEDDLE_TRY(CheckScales(out));
  if (in.type != Type::kFloat32 && in.type != Type::kFloat16) return MakeFromInteger(args);
  switch (out.type) {
    case Type::kInt8:
      return MakeFromFloat<Plain<int8_t>>(args);
    case Type::kUInt8:
      return MakeFromFloat<Plain<uint8_t>>(args);
    case Type::kInt16:
      return MakeFromFloat<Plain<int16_t>>(args);
    case Type::kInt4:
      return MakeFromFloat<Packed<4, true>>(args);
    default:
      return UnsupportedType(out);
  }
}

}  // namespace heddle::core
