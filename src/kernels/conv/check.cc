// SPDX-License-Identifier: Apache-2.0
// What is checked before shapes are known, and whether XNNPACK would take the node.
#include <cmath>

#include "base/errors.h"
#include "kernels/conv/spec.h"

namespace heddle::core {
namespace {

bool IsInteger8(Type type) { return type == Type::kInt8 || type == Type::kUInt8; }
bool IsFloat(Type type) { return type == Type::kFloat32 || type == Type::kFloat16; }
bool IsPacked(Type type) { return type == Type::kInt4 || type == Type::kInt2; }

bool TakesWeights(ConvKind kind, Type input, Type weights) {
  const bool dense = kind == ConvKind::kFullyConnected;
  const bool any_bytes = kind == ConvKind::kConv2d || dense;
  const bool small =
      weights == Type::kInt8 || weights == Type::kInt4 || (dense && weights == Type::kInt2);
  switch (input) {
    case Type::kFloat32:
      return IsFloat(weights) || small || (weights == Type::kUInt8 && any_bytes);
    case Type::kFloat16:
      return IsFloat(weights);
    case Type::kInt8:
      return small;
    case Type::kUInt8:
      return weights == Type::kUInt8;
    case Type::kInt16:
      return small || weights == Type::kInt16;
    default:
      return false;
  }
}

bool TakesBias(ConvKind kind, Type input, Type bias) {
  if (bias == Type::kNone) return true;
  if (IsFloat(input)) return IsFloat(bias);
  if (bias == Type::kInt32) return true;
  return bias == Type::kInt64 && (input == Type::kInt16 || kind == ConvKind::kFullyConnected);
}

Status CheckOperands(const MakeArgs& args, ConvKind kind) {
  if (args.inputs.size() < 2 || args.inputs.size() > 3) {
    return InvalidModel("{} inputs, expected 2 or 3", args.inputs.size());
  }
  if (kind == ConvKind::kFullyConnected &&
      args.op.OptionsOr<FullyConnectedOptions>().shuffled_weights) {
    return Unsupported("weights in shuffled 4x16 format");
  }
  if (args.outputs.size() != 1) return InvalidModel("{} outputs, expected 1", args.outputs.size());
  if (!args.inputs[0].present()) return InvalidModel("input is absent");
  if (!args.inputs[1].present()) return InvalidModel("weights are absent");
  if (!args.outputs[0].present()) return InvalidModel("output is absent");
  return Status();
}

Status CheckTypes(const MakeArgs& args, const ConvSpec& spec) {
  const Operand &input = args.inputs[0], &weights = args.inputs[1], &output = args.outputs[0];
  if (!IsFloat(spec.input) && !IsInteger8(spec.input) && spec.input != Type::kInt16) {
    return Unsupported("input '{}' is {}, expected float32, float16, int8, uint8 or int16",
                       input.name, TypeName(spec.input));
  }
  if (!TakesWeights(spec.kind, spec.input, spec.weights)) {
    return Unsupported("weights '{}' are {}, which does not go with an input of {}", weights.name,
                       TypeName(spec.weights), TypeName(spec.input));
  }
  if (spec.output != spec.input) {
    return Unsupported("output '{}' is {}, expected {} (input)", output.name, TypeName(spec.output),
                       TypeName(spec.input));
  }
  if (!TakesBias(spec.kind, spec.input, spec.bias)) {
    return InvalidModel("bias '{}' is {}, which does not go with an input of {}",
                        args.inputs[2].name, TypeName(spec.bias), TypeName(spec.input));
  }
  if ((IsPacked(spec.weights) || spec.weights == Type::kFloat16) && !weights.constant) {
    return Unsupported("weights '{}' are {} and made at run time, expected a constant",
                       weights.name, TypeName(spec.weights));
  }
  return Status();
}

Status CheckOptions(const MakeArgs& args, const ConvSpec& spec) {
  if (spec.activation == Activation::kTanh || spec.activation == Activation::kSignBit) {
    return Unsupported("fused activation {}, expected none, relu, relu_n1_to_1 or relu6",
                       spec.activation == Activation::kTanh ? "tanh" : "sign_bit");
  }
  const ConvOptions& o = spec.window;
  if (o.stride_h < 1 || o.stride_w < 1) {
    return InvalidModel("stride is {}x{}, expected at least 1x1", o.stride_h, o.stride_w);
  }
  if (o.dilation_h < 1 || o.dilation_w < 1) {
    return InvalidModel("dilation is {}x{}, expected at least 1x1", o.dilation_h, o.dilation_w);
  }
  const Type said = spec.kind == ConvKind::kFullyConnected ? spec.dense.quantized_bias_type
                                                           : o.quantized_bias_type;
  if (spec.input == Type::kInt16 && said != Type::kFloat32 && spec.bias != Type::kNone &&
      spec.bias != said) {
    return InvalidModel("bias '{}' is {}, expected {} (the operator's bias type)",
                        args.inputs[2].name, TypeName(spec.bias), TypeName(said));
  }
  return Status();
}

// Exactly one scale, positive and finite, with a zero point inside the type.
Status CheckTensorScale(const Operand& operand, std::string_view role) {
  const Quantization& q = *operand.quant;
  if (q.scale.size() != 1) {
    return InvalidModel("{} '{}' has {} scales, expected 1", role, operand.name, q.scale.size());
  }
  if (!(q.scale[0] > 0) || !std::isfinite(q.scale[0])) {
    return InvalidModel("{} '{}' has scale {}, expected a positive number", role, operand.name,
                        q.scale[0]);
  }
  const IntRange range = operand.type == Type::kInt16 ? IntRange{0, 0} : RangeOf(operand.type);
  const int64_t zero = q.zero_point.empty() ? 0 : q.zero_point[0];
  if (zero < range.lo || zero > range.hi) {
    return InvalidModel("{} '{}' has zero point {}, expected {} to {}", role, operand.name, zero,
                        range.lo, range.hi);
  }
  return Status();
}

Status CheckWeightsScale(const ConvSpec& spec, const Operand& weights) {
  const Quantization& q = *weights.quant;
  if (q.block > 0) return Status();
  if (q.scale.empty()) {
    return InvalidModel("weights '{}' are {} without a scale", weights.name,
                        TypeName(weights.type));
  }
  for (const float s : q.scale) {
    if (std::isfinite(s)) continue;  // negative ones exist and mean what they say
    return InvalidModel("weights '{}' have scale {}, expected a finite number", weights.name, s);
  }
  if (weights.type == Type::kUInt8) {
    return IsFloat(spec.input) ? Status() : CheckTensorScale(weights, "weights");
  }
  // The dense int8 kernels know one zero point for all weights; the others none. Hybrid ones ignore
  // it.
  const bool may_have_zero = spec.kind == ConvKind::kFullyConnected && weights.type == Type::kInt8;
  if (may_have_zero && !q.per_channel() && spec.input == Type::kInt8) {
    return CheckTensorScale(weights, "weights");
  }
  if (IsFloat(spec.input) && !IsPacked(weights.type)) return Status();
  for (const int64_t zero : q.zero_point) {
    if (zero == 0) continue;
    return InvalidModel("weights '{}' have zero point {}, expected 0", weights.name, zero);
  }
  return Status();
}

Status CheckQuantization(const MakeArgs& args, const ConvSpec& spec) {
  if (!IsFloat(spec.weights)) HEDDLE_TRY(CheckWeightsScale(spec, args.inputs[1]));
  const bool blocks = spec.weights_quant->block > 0;
  if (blocks && (spec.kind != ConvKind::kFullyConnected || spec.input != Type::kFloat32 ||
                 spec.weights != Type::kInt4)) {
    return Unsupported(
        "weights '{}' have block-wise scales, expected int4 weights of a FULLY_CONNECTED with "
        "float32 "
        "input for those",
        args.inputs[1].name);
  }
  if (IsFloat(spec.input)) return Status();
  HEDDLE_TRY(CheckTensorScale(args.inputs[0], "input"));
  return CheckTensorScale(args.outputs[0], "output");
}

bool IsNormal(float scale) { return std::isnormal(scale) && scale > 0; }

// XNNPACK's rules for integer inputs.
bool XnnTakesIntegers(const ConvSpec& spec) {
  if (spec.weights_zero != 0 && spec.weights != Type::kUInt8) return false;
  const float in = spec.input_quant->Scale(), out = spec.output_quant->Scale();
  if (!IsNormal(in) || !IsNormal(out)) return false;
  for (const float w : spec.weights_quant->scale) {
    if (!(in * w / out < 256.0f)) return false;
  }
  return true;
}

bool XnnTakesWeights(const ConvSpec& spec, const Operand& weights) {
  const Quantization& q = *weights.quant;
  const bool dense = spec.kind == ConvKind::kFullyConnected;
  if (IsFloat(weights.type)) return true;
  if (spec.input == Type::kInt16) return false;
  const int64_t depth = dense && weights.shape.rank() == 2 ? weights.shape[1] : 0;
  if (q.block > 0) return q.block % 32 == 0;
  if (weights.type == Type::kInt4 && (!dense || depth % 2 != 0)) return false;
  if (weights.type == Type::kInt2 && (depth % 4 != 0 || !q.per_channel())) return false;
  if (IsFloat(spec.input)) {
    if (spec.kind == ConvKind::kDepthwise || weights.type == Type::kUInt8) return false;
  }
  if (q.per_channel() && q.axis != (spec.kind == ConvKind::kDepthwise ? 3 : 0)) return false;
  return std::all_of(q.scale.begin(), q.scale.end(), IsNormal);
}

// Whether LiteRT's default interpreter gives the node to XNNPACK. Sizes are the file's, as they are
// there.
bool XnnTakes(const MakeArgs& args, const ConvSpec& spec) {
  if (!spec.weights_constant || !spec.bias_constant) return false;
  const bool needs_bias = spec.kind == ConvKind::kConv2d || spec.kind == ConvKind::kDepthwise;
  if (needs_bias && spec.bias == Type::kNone) return false;
  for (const Operand* operand : {&args.inputs[0], &args.inputs[1]}) {
    if (operand->shape.rank() > 6) return false;
    for (const int32_t size : operand->shape.dims()) {
      if (size == 0) return false;
    }
  }
  if (!XnnTakesWeights(spec, args.inputs[1])) return false;
  return IsFloat(spec.input) || XnnTakesIntegers(spec);
}

}  // namespace

int32_t GroupsOf(ConvKind kind, const Shape& input, const Shape& weights) {
  if (kind == ConvKind::kFullyConnected || input.rank() != 4 || weights.rank() != 4) return 0;
  const int32_t channels = input[3], each = kind == ConvKind::kDepthwise ? 1 : weights[3];
  if (channels <= 0 || each <= 0 || channels % each != 0) return 0;
  const int32_t groups = channels / each, out_c = weights[kind == ConvKind::kDepthwise ? 3 : 0];
  return out_c % groups == 0 ? groups : 0;
}

Result<ConvSpec> CheckConv(const MakeArgs& args, ConvKind kind) {
  HEDDLE_TRY(CheckOperands(args, kind));
  ConvSpec spec;
  spec.kind = kind;
  spec.numerics = args.numerics;
  const Operand &input = args.inputs[0], &weights = args.inputs[1], &output = args.outputs[0];
  spec.input = input.type, spec.weights = weights.type, spec.output = output.type;
  spec.input_quant = input.quant;
  spec.weights_quant = weights.quant;
  spec.output_quant = output.quant;
  spec.groups = GroupsOf(kind, args.UsualShape(0), weights.shape);
  spec.weights_constant = weights.constant;
  spec.bias_constant = true;
  if (args.inputs.size() == 3 && args.inputs[2].present()) {
    spec.bias = args.inputs[2].type;
    spec.bias_constant = args.inputs[2].constant;
  }
  spec.window = args.op.OptionsOr<ConvOptions>();
  spec.dense = args.op.OptionsOr<FullyConnectedOptions>();
  spec.activation =
      kind == ConvKind::kFullyConnected ? spec.dense.activation : spec.window.activation;
  HEDDLE_TRY(CheckTypes(args, spec));
  HEDDLE_TRY(CheckOptions(args, spec));
  HEDDLE_TRY(CheckQuantization(args, spec));
  if (!IsFloat(spec.input)) {
    spec.input_zero = input.quant->ZeroPoint();
    spec.weights_zero = weights.quant->ZeroPoint();
  }
  spec.xnn = spec.numerics == Numerics::kFast && XnnTakes(args, spec);
  return spec;
}

}  // namespace heddle::core
