// SPDX-License-Identifier: Apache-2.0
// Shapes: from those of the operands to the geometry and the output's shape.
#include <limits>

#include "base/errors.h"
#include "kernels/conv/spec.h"

namespace heddle::core {
namespace {

constexpr int64_t kMaxInt = std::numeric_limits<int32_t>::max();

struct Axis {
  int32_t out = 0, pad = 0;
};

// One spatial axis: output size and padding before. The input is `image` positions and a border.
Result<Axis> WindowAxis(std::string_view name, Padding padding, int64_t image, int32_t before,
                        int32_t after, int64_t k, int64_t stride, int64_t dilation) {
  const int64_t reach = (k - 1) * dilation + 1, in = before + image + after;
  if (k < 1) return InvalidModel("weights have {} 0, expected at least 1", name);
  if (reach + in > kMaxInt) {
    return InvalidModel("dilated weights reach over {} positions in {}, expected at most {}", reach,
                        name, kMaxInt - in);
  }
  if (in == 0) return Axis{};
  if (padding == Padding::kValid) {
    if (in < reach) {
      return InvalidModel("{} {} {}, expected at least {} (dilated weights)",
                          in == image ? "input has" : "input and its border have", name, in, reach);
    }
    return Axis{static_cast<int32_t>((in - reach) / stride + 1), before};
  }
  const int64_t out = (in + stride - 1) / stride;
  const int64_t total = std::max<int64_t>(0, (out - 1) * stride + reach - in);
  return Axis{static_cast<int32_t>(out), static_cast<int32_t>(before + total / 2)};
}

// The same of TRANSPOSE_CONV, whose output size is given. Padding is that of a convolution over the
// output.
Result<Axis> TransposedAxis(std::string_view name, Padding padding, int64_t in, int64_t k,
                            int64_t stride, int64_t out) {
  if (k < 1) return InvalidModel("weights have {} 0, expected at least 1", name);
  if (in * stride + k > kMaxInt || out + k > kMaxInt) {
    return InvalidModel("weights of {} {} with stride {} reach over more than {} positions", name,
                        k, stride, kMaxInt);
  }
  if (padding == Padding::kValid || out == 0) return Axis{static_cast<int32_t>(out), 0};
  const int64_t total = std::max<int64_t>(0, (out - 1) / stride * stride + k - out);
  return Axis{static_cast<int32_t>(out), static_cast<int32_t>(total / 2)};
}

Status CheckRank(const Operand& operand, std::string_view role, int rank) {
  if (operand.shape.rank() == rank) return Status();
  return InvalidModel("{} '{}' has shape {}, expected rank {}", role, operand.name,
                      operand.shape.ToString(), rank);
}

Status CheckSizes(const Operand& operand, std::string_view role) {
  int64_t elements = 0;
  if (operand.shape.CheckedElements(&elements)) return Status();
  return InvalidModel("{} '{}' has shape {}, expected sizes of at least 0 and a product that fits",
                      role, operand.name, operand.shape.ToString());
}

Status CheckPerChannel(const ConvSpec& spec, std::span<const Operand> inputs, int32_t out_c) {
  if (inputs.size() > 2 && inputs[2].present()) {
    HEDDLE_TRY(CheckSizes(inputs[2], "bias"));
    if (inputs[2].shape.elements() != out_c) {
      return InvalidModel("bias '{}' has {} values, expected {} (output channels)", inputs[2].name,
                          inputs[2].shape.elements(), out_c);
    }
  }
  const size_t scales = spec.weights_quant->scale.size();
  if (scales > 1 && scales != static_cast<size_t>(out_c)) {
    return InvalidModel("weights '{}' have {} scales, expected 1 or {} (output channels)",
                        inputs[1].name, scales, out_c);
  }
  return Status();
}

// Channels and groups; out_c is set before.
Status SetGroups(const ConvSpec& spec, std::span<const Operand> inputs, ConvGeometry& g) {
  const Shape& w = inputs[1].shape;
  if (spec.kind == ConvKind::kDepthwise) {
    if (w[0] != 1) {
      return InvalidModel("weights '{}' have shape {}, expected 1 as their first size",
                          inputs[1].name, w.ToString());
    }
    if (g.in_c == 0 || g.out_c % g.in_c != 0) {
      return InvalidModel(
          "weights '{}' have {} channels, expected a multiple of {} (input channels)",
          inputs[1].name, g.out_c, g.in_c);
    }
    g.groups = g.in_c;
    g.depth_multiplier = g.out_c / g.in_c;
    return Status();
  }
  if (w[3] == 0 || g.in_c == 0 || g.in_c % w[3] != 0) {
    return InvalidModel("weights '{}' have {} channels, expected a divisor of {} (input channels)",
                        inputs[1].name, w[3], g.in_c);
  }
  g.groups = g.in_c / w[3];
  if (spec.kind == ConvKind::kTransposed && g.groups != 1) {
    return InvalidModel("weights '{}' have {} channels, expected {} (input channels)",
                        inputs[1].name, w[3], g.in_c);
  }
  if (g.out_c % g.groups != 0) {
    return InvalidModel("weights '{}' have {} filters, expected a multiple of {} (groups)",
                        inputs[1].name, g.out_c, g.groups);
  }
  return Status();
}

// Weights are packed by the model's groups, so no ISA's path may run other ones.
Status SetChannels(const ConvSpec& spec, std::span<const Operand> inputs, ConvGeometry& g) {
  HEDDLE_TRY(SetGroups(spec, inputs, g));
  if (spec.groups == 0 || g.groups == spec.groups) return Status();
  return Unsupported("input '{}' has {} channels ({} groups), expected {} groups as in the model",
                     inputs[0].name, g.in_c, g.groups, spec.groups);
}

// The four sizes of the output of TRANSPOSE_CONV.
Result<Shape> GivenShape(const Operand& operand, const ConvGeometry& g) {
  const Code code = operand.constant ? Code::kInvalidModel : Code::kInvalidArgument;
  if (operand.shape.rank() != 1 || operand.shape[0] != 4) {
    return InvalidModel("output shape '{}' has shape {}, expected 4 sizes", operand.name,
                        operand.shape.ToString());
  }
  const int32_t* sizes = operand.As<int32_t>();
  const Shape shape{sizes[0], sizes[1], sizes[2], sizes[3]};
  int64_t elements = 0;
  if (!shape.CheckedElements(&elements) || shape[0] != g.batch || shape[3] != g.out_c) {
    return Status(code, fmt::format("output shape '{}' is {}, expected batch {} and {} channels",
                                    operand.name, shape.ToString(), g.batch, g.out_c));
  }
  return shape;
}

Result<ConvGeometry> WithGivenOutput(const ConvSpec& spec, std::span<const Operand> inputs,
                                     ConvGeometry g) {
  HEDDLE_ASSIGN(const Shape shape, GivenShape(inputs[3], g));
  const ConvOptions& o = spec.window;
  HEDDLE_ASSIGN(const Axis rows,
                TransposedAxis("height", o.padding, g.in_h, g.k_h, g.stride_h, shape[1]));
  HEDDLE_ASSIGN(const Axis columns,
                TransposedAxis("width", o.padding, g.in_w, g.k_w, g.stride_w, shape[2]));
  g.transposed = true;
  g.out_h = rows.out, g.pad_h = rows.pad;
  g.out_w = columns.out, g.pad_w = columns.pad;
  return g;
}

Status CheckMacs(std::initializer_list<int64_t> factors) {
  int64_t macs = 1;
  bool zero = false, overflow = false;
  for (const int64_t f : factors) zero |= f == 0;
  for (const int64_t f : factors) overflow |= __builtin_mul_overflow(macs, f, &macs);
  if (zero || !overflow) return Status();
  return ResourceExhausted("more than 2^63 multiply-adds");
}

}  // namespace

Result<ConvGeometry> MakeConvGeometry(const ConvSpec& spec, std::span<const Operand> inputs) {
  const Operand &input = inputs[0], &weights = inputs[1];
  HEDDLE_TRY(CheckRank(input, "input", 4));
  HEDDLE_TRY(CheckRank(weights, "weights", 4));
  HEDDLE_TRY(CheckSizes(input, "input"));
  HEDDLE_TRY(CheckSizes(weights, "weights"));
  const Shape &x = input.shape, &w = weights.shape;
  ConvGeometry g;
  g.batch = x[0], g.in_h = x[1], g.in_w = x[2], g.in_c = x[3];
  g.k_h = w[1], g.k_w = w[2];
  g.out_c = spec.kind == ConvKind::kDepthwise ? w[3] : w[0];
  HEDDLE_TRY(SetChannels(spec, inputs, g));
  HEDDLE_TRY(CheckPerChannel(spec, inputs, g.out_c));
  const ConvOptions& o = spec.window;
  g.stride_h = o.stride_h, g.stride_w = o.stride_w, g.dil_h = o.dilation_h, g.dil_w = o.dilation_w;
  if (spec.kind == ConvKind::kTransposed) {
    HEDDLE_ASSIGN(g, WithGivenOutput(spec, inputs, g));
    HEDDLE_TRY(CheckMacs({g.batch, g.out_h, g.out_w, g.out_c, g.k_h, g.k_w, g.filter_c()}));
    return g;
  }
  HEDDLE_ASSIGN(const Axis rows, WindowAxis("height", o.padding, g.in_h, o.border.top,
                                            o.border.bottom, g.k_h, g.stride_h, g.dil_h));
  HEDDLE_ASSIGN(const Axis columns, WindowAxis("width", o.padding, g.in_w, o.border.left,
                                               o.border.right, g.k_w, g.stride_w, g.dil_w));
  g.out_h = rows.out, g.pad_h = rows.pad;
  g.out_w = columns.out, g.pad_w = columns.pad;
  HEDDLE_TRY(CheckMacs({g.batch, g.out_h, g.out_w, g.out_c, g.k_h, g.k_w, g.filter_c()}));
  return g;
}

Result<FcGeometry> MakeFcGeometry(const ConvSpec& spec, std::span<const Operand> inputs) {
  const Operand &input = inputs[0], &weights = inputs[1];
  HEDDLE_TRY(CheckRank(weights, "weights", 2));
  HEDDLE_TRY(CheckSizes(input, "input"));
  HEDDLE_TRY(CheckSizes(weights, "weights"));
  const Shape& x = input.shape;
  FcGeometry g;
  g.units = weights.shape[0], g.depth = weights.shape[1];
  HEDDLE_TRY(CheckPerChannel(spec, inputs, g.units));
  const int64_t last = x.rank() == 0 ? 1 : x[x.rank() - 1];
  if (spec.dense.keep_num_dims && (x.rank() == 0 || last != g.depth)) {
    return InvalidModel("input '{}' has shape {}, expected {} as its last size (weights '{}')",
                        input.name, x.ToString(), g.depth, weights.name);
  }
  if (g.depth == 0 || spec.dense.keep_num_dims) {
    g.rows = x.Product(0, std::max(0, x.rank() - 1));
  } else {
    g.rows = x.elements() / g.depth;
  }
  if (g.rows * g.depth != x.elements()) {
    return InvalidModel("input '{}' has {} values, expected a multiple of {} (weights '{}')",
                        input.name, x.elements(), g.depth, weights.name);
  }
  if (g.rows > kMaxInt) {
    return ResourceExhausted("input '{}' has {} rows, expected at most {}", input.name, g.rows,
                             kMaxInt);
  }
  HEDDLE_TRY(CheckMacs({g.rows, g.units, g.depth}));
  return g;
}

Status ConvOperation::Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const {
  if (spec_.kind == ConvKind::kFullyConnected) {
    HEDDLE_ASSIGN(const FcGeometry g, MakeFcGeometry(spec_, inputs));
    if (spec_.dense.keep_num_dims) {
      outputs[0] = inputs[0].shape;
      outputs[0][outputs[0].rank() - 1] = g.units;
    } else {
      outputs[0] = {static_cast<int32_t>(g.rows), g.units};
    }
  } else {
    HEDDLE_ASSIGN(const ConvGeometry g, MakeConvGeometry(spec_, inputs));
    outputs[0] = {g.batch, g.out_h, g.out_w, g.out_c};
  }
  int64_t elements = 0;
  if (outputs[0].CheckedElements(&elements)) return Status();
  return ResourceExhausted("output of shape {} is too large", outputs[0].ToString());
}

}  // namespace heddle::core
