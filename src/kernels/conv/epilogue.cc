// SPDX-License-Identifier: Apache-2.0
// Which rounding and which precision of multiplier each operator, type and mode has in LiteRT.
#include <limits>

#include "kernels/conv/spec.h"

namespace heddle::core {
namespace {

using Kind = IntEpilogue::Kind;

// Of 16-bit inputs, which XNNPACK never takes.
Kind Kind16(const ConvSpec& spec, int32_t groups) {
  const bool fast = spec.numerics == Numerics::kFast;
  if (spec.kind == ConvKind::kFullyConnected) {
    if (spec.weights == Type::kInt16) return Kind::kMbqm64;
    return fast && spec.bias != Type::kInt64 ? Kind::kMbqmUp : Kind::kDouble;
  }
  // A file that says its bias is int32 gets a 32-bit sum; one that does not say so, a 64-bit one.
  const bool narrow = spec.bias == Type::kInt32 && spec.window.quantized_bias_type == Type::kInt32;
  if (!narrow) return Kind::kMbqm64;
  return fast && spec.kind == ConvKind::kConv2d && groups == 1 ? Kind::kMbqmUp : Kind::kMbqm;
}

Kind Kind8(const ConvSpec& spec, int32_t groups) {
  if (spec.xnn) return Kind::kRequantFloat;
  const bool fast = spec.numerics == Numerics::kFast;
  switch (spec.kind) {
    case ConvKind::kFullyConnected:
      return fast ? Kind::kMbqmUp : Kind::kDouble;
    case ConvKind::kConv2d:
      return fast && groups == 1 ? Kind::kMbqmUp : Kind::kMbqm;
    case ConvKind::kDepthwise:
    case ConvKind::kTransposed:
      return fast ? Kind::kMbqmUp : Kind::kMbqm;
  }
  return Kind::kMbqm;
}

// LiteRT's vector code takes channels by eights or sixteens here and leaves a tail that rounds
// otherwise.
int32_t UpChannels(const ConvSpec& spec, int32_t out_channels) {
  const bool transposed = spec.kind == ConvKind::kTransposed;
  if (!transposed && spec.kind != ConvKind::kDepthwise) return out_channels;
  return out_channels & (transposed && spec.input == Type::kUInt8 ? ~15 : ~7);
}

// The real multiplier of a channel. Where LiteRT multiplies the scales as floats, so do we.
double RealMultiplier(const ConvSpec& spec, Kind kind, int32_t channel) {
  const float x = spec.input_quant->Scale(), w = spec.weights_quant->Scale(channel);
  const bool fixed_point_dense = spec.kind == ConvKind::kFullyConnected && kind != Kind::kDouble &&
                                 !spec.weights_quant->per_channel();
  const bool float_product =
      fixed_point_dense || (spec.input == Type::kUInt8 && spec.kind != ConvKind::kFullyConnected);
  const double out = spec.output_quant->Scale();
  if (float_product) return static_cast<double>(x * w) / out;
  return static_cast<double>(x) * static_cast<double>(w) / out;
}

}  // namespace

IntEpilogue MakeIntEpilogue(const ConvSpec& spec, int32_t out_channels, int32_t groups) {
  IntEpilogue e;
  e.kind = spec.input == Type::kInt16 ? Kind16(spec, groups) : Kind8(spec, groups);
  e.up_channels = UpChannels(spec, out_channels);
  const float scale = spec.output_quant->Scale();
  e.zero = spec.output_quant->ZeroPoint();
  const IntRange range = spec.xnn
                             ? XnnActivationRange(spec.activation, spec.output, scale, e.zero)
                             : BuiltinActivationRange(spec.activation, spec.output, scale, e.zero);
  e.lo = range.lo, e.hi = range.hi;
  const IntRange type = RangeOf(spec.output);
  e.requant = {static_cast<float>(e.hi - e.zero), e.zero, e.lo, type.lo, type.hi};
  for (int32_t c = 0; c < out_channels; ++c) {
    if (e.kind == Kind::kRequantFloat) {
      e.k.push_back(spec.input_quant->Scale() * spec.weights_quant->Scale(c) / scale);
    } else if (e.kind == Kind::kDouble) {
      e.d.push_back(RealMultiplier(spec, e.kind, c));
    } else {
      e.m.push_back(MakeMultiplier(RealMultiplier(spec, e.kind, c)));
    }
  }
  return e;
}

FloatEpilogue MakeFloatEpilogue(const ConvSpec& spec) {
  const FloatRange range = ActivationRange(spec.activation);
  if (spec.xnn) return {range.lo, range.hi};
  // The builtin kernels clamp to the largest finite values where there is no activation.
  constexpr float kMax = std::numeric_limits<float>::max();
  return {std::max(range.lo, -kMax), std::min(range.hi, kMax)};
}

}  // namespace heddle::core
