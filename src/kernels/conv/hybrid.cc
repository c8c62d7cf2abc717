// SPDX-License-Identifier: Apache-2.0
// float32 inputs with integer weights: rows are quantised as they come, products are exact, each
// output is scaled once. Bytes of uint8 weights are read as int8 and their zero point is ignored:
// that is how legacy files are meant.
#include "kernels/conv/hybrid.h"

#include <cmath>

#include "kernels/conv/loops.h"

namespace heddle::core {
namespace {

struct HybridMath : HybridRows {
  struct Bound {
    using In = int8_t;
    using Weight = int8_t;
    using Out = float;
    using Sum = uint32_t;  // unsigned, so that it wraps

    const int8_t* input;
    const int8_t* weights;
    float* output;
    const void* bias;
    const QuantisedRow* rows;
    const HybridMath* math;
    QuantisedRow row;

    void Enter(int64_t batch, int64_t pixel) { row = rows[math->row_per_pixel ? pixel : batch]; }
    Sum Start(int32_t) const { return 0; }
    Sum Add(Sum sum, int8_t q, int8_t w) const {
      return sum + static_cast<Sum>((q - row.zero) * w);
    }
    float Finish(Sum sum, int32_t channel) const {
      const auto acc = static_cast<float>(static_cast<int32_t>(sum));
      const float w = math->quant->Scale(channel);
      const float b = FloatBias(bias, math->bias_type, channel);
      switch (math->scaling) {
        case Scaling::kFused:
          return math->epilogue.Clamp(std::fma(acc * row.scale, w, b));
        case Scaling::kProduct:
          return math->epilogue.Clamp(acc * (row.scale * w) + b);
        case Scaling::kTwoProducts:
          break;
      }
      const float scaled = channel < math->tail ? acc * w * row.scale : acc * row.scale * w;
      return math->epilogue.Clamp(scaled + b);
    }
  };

  Bound Bind(const TileArgs& args) const {
    return {rows.values(args.shared),
            static_cast<const int8_t*>(WeightsPointer(args)),
            static_cast<float*>(args.outputs[0]),
            BiasPointer(args, bias_type),
            rows.parameters(args.shared),
            this,
            {}};
  }

  Type bias_type = Type::kNone;
  const Quantization* quant = nullptr;  // of the weights
  FloatEpilogue epilogue{};
};

// LiteRT's CONV_2D treats equal scales as one.
bool ScalesDiffer(const Quantization& quant) {
  const auto differs = [&](float s) { return s != quant.scale[0]; };
  return std::any_of(quant.scale.begin(), quant.scale.end(), differs);
}

class HybridForm final : public ConvOperation {
 public:
  HybridForm(ConvSpec spec, const std::byte* weights, Isa isa)
      : ConvOperation(std::move(spec)), weights_(weights), row_kernels_(&RowKernelsOf(isa)) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    step.packed = weights_;
    HybridMath math;
    HEDDLE_TRY(SetRows(inputs, math));
    math.bias_type = spec().bias;
    math.quant = spec().weights_quant;
    math.epilogue = MakeFloatEpilogue(spec());
    const auto math_of = [&](int32_t, int32_t) { return math; };
    HEDDLE_TRY(LowerPlain(spec(), inputs, 1.0f, math_of, step));
    if (spec().kind == ConvKind::kFullyConnected) {
      PrependQuantisation<DenseParams<HybridMath>>(math.rows, step);
    } else {
      PrependQuantisation<WindowParams<HybridMath>>(math.rows, step);
    }
    return Status();
  }

 private:
  Status SetRows(std::span<const Operand> inputs, HybridRows& rows) const {
    if (spec().kind == ConvKind::kFullyConnected) {
      HEDDLE_ASSIGN(const FcGeometry g, MakeFcGeometry(spec(), inputs));
      rows = HybridRowsOf(spec(), g, *row_kernels_);
    } else {
      HEDDLE_ASSIGN(const ConvGeometry g, MakeConvGeometry(spec(), inputs));
      rows = HybridRowsOf(spec(), g, *row_kernels_);
    }
    return Status();
  }

  const std::byte* weights_;
  const RowKernels* row_kernels_;
};

}  // namespace

HybridRows HybridRowsOf(const ConvSpec& spec, const FcGeometry& g, const RowKernels& kernels) {
  const RowScheme scheme = spec.xnn                       ? RowScheme::kXnn
                           : spec.dense.asymmetric_inputs ? RowScheme::kAsymmetric
                                                          : RowScheme::kSymmetric;
  return {{scheme, g.rows, g.depth, 0, &kernels},
          true,
          spec.xnn ? Scaling::kFused : Scaling::kProduct,
          0};
}

HybridRows HybridRowsOf(const ConvSpec& spec, const ConvGeometry& g, const RowKernels& kernels) {
  const bool per_channel =
      spec.weights != Type::kUInt8 && (g.groups > 1 || ScalesDiffer(*spec.weights_quant));
  HybridRows r;
  r.row_per_pixel = spec.xnn && g.xnn_dense();
  const int64_t pixels = int64_t{g.in_h} * g.in_w;
  r.rows = {RowScheme::kXnn, g.batch, pixels * g.in_c, 0, &kernels};
  if (r.row_per_pixel) r.rows.rows = g.batch * pixels, r.rows.length = g.in_c;
  // LiteRT has no other kernel for a transposed one.
  if (spec.xnn || g.transposed) return r;
  const bool depthwise = spec.kind == ConvKind::kDepthwise;
  const bool reference = spec.numerics == Numerics::kReference || g.groups > 1;
  r.rows.scheme = per_channel || depthwise ? RowScheme::kAsymmetric : RowScheme::kSymmetric;
  const bool two = depthwise ? spec.numerics == Numerics::kFast : per_channel && reference;
  r.scaling = two ? Scaling::kTwoProducts : Scaling::kProduct;
  r.tail = depthwise ? g.out_c & ~3 : g.out_c;
  return r;
}

Result<std::unique_ptr<Operation>> MakeHybridForm(ConvSpec spec, const std::byte* weights,
                                                  Isa isa) {
  return std::unique_ptr<Operation>(std::make_unique<HybridForm>(std::move(spec), weights, isa));
}

}  // namespace heddle::core
