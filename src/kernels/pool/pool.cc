// SPDX-License-Identifier: Apache-2.0
// MAX_POOL_2D, AVERAGE_POOL_2D, L2_POOL_2D. The work is cut into blocks of channels of one output
// pixel; every loop over a block runs over contiguous channels. Float averages add the taps of a
// window in a fixed order: `reference` and windows that XNNPACK refuses row by row, then divided by
// their number; else XNNPACK's groups of nine, column by column, times the reciprocal.
#include <algorithm>
#include <cfloat>
#include <limits>

#include "kernels/movement/operands.h"
#include "kernels/operators.h"
#include "kernels/pool/kernels.h"
#include "kernels/quant.h"

namespace heddle::core {
namespace {

// What XNNPACK asks of a window.
bool XnnTakesWindow(const PoolOptions& o) {
  const bool one = o.filter_h == 1 && o.filter_w == 1;
  return o.stride_h <= o.filter_h && o.stride_w <= o.filter_w &&
         !(one && (o.stride_h > 1 || o.stride_w > 1));
}

class Pool : public Operation {
 public:
  explicit Pool(const MakeArgs& args)
      : options_(args.op.OptionsOr<PoolOptions>()),
        numerics_(args.numerics),
        kernels_(PoolKernelsFor(args.isa)) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const final {
    HEDDLE_ASSIGN(const PoolGeometry g, MakePoolGeometry(options_, inputs[0].shape));
    outputs[0] = {static_cast<int32_t>(g.batch), static_cast<int32_t>(g.y.out),
                  static_cast<int32_t>(g.x.out), static_cast<int32_t>(g.channels)};
    return Status();
  }

 protected:
  bool ByXnn(const Operand& input) const {
    return numerics_ == Numerics::kFast && XnnTakesWindow(options_) && XnnTakes(input);
  }

  Result<PoolParams> Params(const Operand& input, const Operand& output) const {
    PoolParams p;
    HEDDLE_ASSIGN(p.g, MakePoolGeometry(options_, input.shape));
    p.blocks = std::max<int64_t>(1, (p.g.channels + kPoolBlock - 1) / kPoolBlock);
    p.units = output.shape.elements() == 0 ? 0 : p.g.batch * p.g.y.out * p.g.x.out * p.blocks;
    p.units_per_tile = std::max<int64_t>(1, 16 * 1024 / UnitBytes(p.g, output));
    const FloatRange range = ActivationRange(options_.activation);
    p.lo = range.lo;
    p.hi = range.hi;
    p.from_first_tap = numerics_ == Numerics::kFast;
    if (numerics_ == Numerics::kReference) {  // the builtin kernels know no infinity
      p.lo = std::max(p.lo, -FLT_MAX);
      p.hi = std::min(p.hi, FLT_MAX);
    }
    const bool integer = output.type != Type::kFloat32 && output.type != Type::kFloat16;
    if (integer) SetBounds(&BuiltinActivationRange, output, p);
    return p;
  }

  using RangeFn = IntRange (*)(Activation, Type, float, int32_t);
  void SetBounds(RangeFn range, const Operand& output, PoolParams& p) const {
    const IntRange bounds =
        range(options_.activation, output.type, output.quant->Scale(), output.quant->ZeroPoint());
    p.int_lo = bounds.lo;
    p.int_hi = bounds.hi;
  }

  Status SetPool(const PoolParams& p, const Operand& output, TileFn tile, const char* name,
                 Step& step) const {
    const int64_t tiles = (p.units + p.units_per_tile - 1) / p.units_per_tile;
    const float unit_ns = 5 + static_cast<float>(UnitBytes(p.g, output)) / 25;
    step.kind = StepKind::kTiled;
    step.params = std::make_shared<const PoolParams>(p);
    step.phases = {Phase{tile, tiles, unit_ns * static_cast<float>(p.units_per_tile)}};
    step.kernel = name;
    return Status();
  }

  const PoolOptions options_;
  const Numerics numerics_;
  const PoolKernels kernels_;

 private:
  // Read for one unit; of a small count of channels at least what finding the window costs.
  static int64_t UnitBytes(const PoolGeometry& g, const Operand& output) {
    const int64_t taps = std::min(g.y.filter, g.y.in) * std::min(g.x.filter, g.x.in);
    const int64_t channels = std::min(kPoolBlock, g.channels);
    return std::max<int64_t>(32, taps * static_cast<int64_t>(TypeBytes(output.type, channels)));
  }
};

class MaxPool final : public Pool {
 public:
  using Pool::Pool;

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Operand& output = outputs[0];
    HEDDLE_ASSIGN(PoolParams p, Params(inputs[0], output));
    if (output.type != Type::kFloat32 && ByXnn(inputs[0])) {
      SetBounds(&XnnActivationRange, output, p);
    }
    switch (output.type) {
      case Type::kFloat32:
        return SetPool(p, output, kernels_.max_f32, "max_f32", step);
      case Type::kInt8:
        return SetPool(p, output, kernels_.max_i8, "max_i8", step);
      case Type::kUInt8:
        return SetPool(p, output, kernels_.max_u8, "max_u8", step);
      default:
        return SetPool(p, output, kernels_.max_i16, "max_i16", step);
    }
  }
};

// Sums of integers are kept in 32 bits.
Status CheckSum(const PoolGeometry& g, Type type) {
  const int64_t taps = std::min(g.y.filter, g.y.in) * std::min(g.x.filter, g.x.in);
  const int64_t most = type == Type::kInt16 ? 1 << 15 : 1 << 22;
  if (type == Type::kFloat32 || type == Type::kFloat16 || taps <= most) return Status();
  return Unsupported("windows of {} elements, expected at most {} of type {}", taps, most,
                     TypeName(type));
}

class AveragePool final : public Pool {
 public:
  using Pool::Pool;

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Operand& output = outputs[0];
    HEDDLE_ASSIGN(const PoolParams p, Params(inputs[0], output));
    HEDDLE_TRY(CheckSum(p.g, output.type));
    const bool xnn = ByXnn(inputs[0]);
    switch (output.type) {
      case Type::kFloat32:
        return SetPool(p, output, xnn ? kernels_.average_xnn_f32 : kernels_.average_f32,
                       "average_f32", step);
      case Type::kFloat16:
        return SetPool(p, output, xnn ? kernels_.average_xnn_f16 : kernels_.average_f16,
                       "average_f16", step);
      case Type::kInt8:
        return SetPool(p, output, kernels_.average_i8, "average_i8", step);
      case Type::kUInt8:
        return SetPool(p, output, kernels_.average_u8, "average_u8", step);
      default:
        return SetPool(p, output, kernels_.average_i16, "average_i16", step);
    }
  }
};

class L2Pool final : public Pool {
 public:
  using Pool::Pool;

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_ASSIGN(const PoolParams p, Params(inputs[0], outputs[0]));
    return SetPool(p, outputs[0], kernels_.l2_f32, "l2_f32", step);
  }
};

Status CheckPool(const MakeArgs& args, bool half) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const Type type = args.inputs[0].type;
  const bool known = type == Type::kFloat32 || type == Type::kInt8 || type == Type::kUInt8 ||
                     type == Type::kInt16 || (half && type == Type::kFloat16);
  if (!known) {
    return Unsupported("input '{}' is {}, expected float32, int8, uint8 or int16{}",
                       args.inputs[0].name, TypeName(type), half ? " or float16" : "");
  }
  const PoolOptions o = args.op.OptionsOr<PoolOptions>();
  if (o.stride_h < 1 || o.stride_w < 1 || o.filter_h < 1 || o.filter_w < 1) {
    return InvalidModel("filter {}x{} and stride {}x{}, expected at least 1", o.filter_h,
                        o.filter_w, o.stride_h, o.stride_w);
  }
  if (o.activation == Activation::kTanh || o.activation == Activation::kSignBit) {
    return Unsupported("activation {}, expected none or one of the RELU family",
                       static_cast<int>(o.activation));
  }
  return Status();
}

}  // namespace

MadeOperation MakeMaxPool2d(const MakeArgs& args) {
  HEDDLE_TRY(CheckPool(args, false));
  return MadeOperation(std::make_unique<MaxPool>(args));
}

MadeOperation MakeAveragePool2d(const MakeArgs& args) {
  HEDDLE_TRY(CheckPool(args, true));
  return MadeOperation(std::make_unique<AveragePool>(args));
}

MadeOperation MakeL2Pool2d(const MakeArgs& args) {
  HEDDLE_TRY(CheckPool(args, false));
  if (args.inputs[0].type != Type::kFloat32) {
    return Unsupported("input '{}' is {}, expected float32", args.inputs[0].name,
                       TypeName(args.inputs[0].type));
  }
  return MadeOperation(std::make_unique<L2Pool>(args));
}

}  // namespace heddle::core
