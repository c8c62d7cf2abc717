// SPDX-License-Identifier: Apache-2.0
// CONV_2D and FULLY_CONNECTED as products.
#include <algorithm>

#include "base/errors.h"
#include "kernels/conv/fast.h"
#include "kernels/conv/fast_product.h"
#include "kernels/conv/hybrid.h"
#include "kernels/conv/segments.h"
#include "kernels/gemm/gemm.h"
#include "kernels/spent_inputs.h"

namespace heddle::core {
namespace {

constexpr int64_t kMostBytesOfTap = 64;  // of which neighbours are read as one

struct Filter {  // what the weights' shape and the options say
  int32_t out_c = 0, groups = 1;
  int64_t k = 0, channel_stride = 0, k_stride = 1;
  int32_t segment_taps = 1;  // taps that are read as one
  int64_t segment_k = 0;     // their weights
};

class FastGemm final : public ConvOperation, public SpentInputs {
 public:
  FastGemm(ConvSpec spec, Isa isa, const GemmKernels& kernels, PackedWeights weights,
           std::shared_ptr<const FastConstants> constants, const Filter& filter)
      : ConvOperation(std::move(spec)),
        isa_(isa),
        kernels_(kernels),
        weights_(weights),
        constants_(std::move(constants)),
        filter_(filter) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override;
  uint64_t spent_inputs() const override { return kWeightsAndBias; }

 private:
  void SetInput(ConvGeometry g, GemmParams& p) const;
  void LayDown(ConvGeometry& g, GemmParams& p) const;
  void SetRows(const HybridRows& rows, GemmParams& p) const;

  Isa isa_;
  const GemmKernels& kernels_;
  PackedWeights weights_;
  std::shared_ptr<const FastConstants> constants_;
  Filter filter_;
};

void FastGemm::SetInput(ConvGeometry g, GemmParams& p) const {
  p.columns = g.out_c / filter_.groups;
  p.tap_bytes = g.in_c / filter_.groups * p.element;
  p.group_bytes = p.tap_bytes;
  p.row_bytes = g.in_c * p.element;
  PadLines(g, p);
  p.input_bytes = p.division.rows * p.row_bytes;
  p.out_h = g.out_h, p.out_w = g.out_w;
  if (!p.dense) {
    p.image_bytes = int64_t{g.in_h} * g.in_w * p.row_bytes;
    p.input_bytes = g.batch * p.image_bytes;
    p.k_h = g.k_h, p.k_w = g.k_w;
    p.offsets = MakeTapOffsets(g, p.row_bytes);
  }
}

// A column of pixels is a line of them: the taps of few channels, which then lie side by side, are
// read as one.
void FastGemm::LayDown(ConvGeometry& g, GemmParams& p) const {
  const int64_t tap_bytes = filter_.segment_k * p.element;
  const bool whole_groups = p.element == 4 || tap_bytes % 4 == 0;
  if (filter_.groups != 1 || filter_.segment_taps != 1 || g.in_w != 1 || g.out_w != 1 ||
      g.k_w != 1 || g.k_h == 1 || g.dil_h != 1 || tap_bytes > kMostBytesOfTap || !whole_groups)
    return;
  std::swap(g.in_h, g.in_w), std::swap(g.out_h, g.out_w), std::swap(g.k_h, g.k_w);
  std::swap(g.stride_h, g.stride_w), std::swap(g.pad_h, g.pad_w), std::swap(g.dil_h, g.dil_w);
  p.segment_taps = g.k_w;
}

void FastGemm::SetRows(const HybridRows& rows, GemmParams& p) const {
  p.rows = rows.rows;
  p.row_per_pixel = rows.row_per_pixel;
  if (!p.row_per_pixel) p.rows.padding = CeilDiv(filter_.k, 4) * 4;
  p.call.fused = rows.scaling == Scaling::kFused;
}

Status FastGemm::Lower(std::span<const Operand> inputs, std::span<const Operand>,
                       Step& step) const {
  GemmParams p = StartParams(spec(), kernels_, constants_);
  ConvGeometry g;
  if (spec().kind == ConvKind::kFullyConnected) {
    HEDDLE_ASSIGN(const FcGeometry fc, MakeFcGeometry(spec(), inputs));
    g.in_c = fc.depth, g.out_c = fc.units, g.groups = g.k_h = g.k_w = 1;
    p.division.rows = fc.rows;
    p.dense = true;
    if (p.hybrid()) SetRows(HybridRowsOf(spec(), fc, RowKernelsOf(isa_)), p);
  } else {
    HEDDLE_ASSIGN(g, MakeConvGeometry(spec(), inputs));
    p.division.rows = g.pixels();
    p.dense = g.k_h == 1 && g.k_w == 1 && g.stride_h == 1 && g.stride_w == 1 && g.pad_h == 0 &&
              g.pad_w == 0 && g.out_h == g.in_h && g.out_w == g.in_w;
    if (p.hybrid()) SetRows(HybridRowsOf(spec(), g, RowKernelsOf(isa_)), p);
  }
  p.segment_taps = filter_.segment_taps;
  LayDown(g, p);
  SetInput(g, p);
  PlanSegments(kernels_, filter_.k, p);
  p.call.panel_bytes = weights_.block_bytes;
  const int64_t row_stride = p.dense ? p.row_bytes : g.stride_w * p.row_bytes;
  p.division = Divide(kernels_, p.division.rows, filter_.groups, p.columns, filter_.k, row_stride);
  PlaceScratch(p);
  TabulateRows(p);
  step.packed = weights_.data;
  step.scratch_bytes = p.scratch_bytes;
  step.macs = p.division.rows * g.out_c * filter_.k;
  step.kernel = kernels_.name;
  const int64_t tiles = p.division.tiles();
  const float ns = static_cast<float>(step.macs) / kernels_.macs_per_ns /
                   static_cast<float>(std::max<int64_t>(tiles, 1));
  const RowLayout rows = p.rows;
  const PaddedLines padded = p.padded;
  SetTiled<&GemmTile>(step, std::move(p), tiles, ns);
  if (constants_->hybrid) PrependQuantisation<GemmParams>(rows, step);
  if (padded.used) PrependPadding(padded, step);
  return Status();
}

MadeOperation MakeFastGemm(const MakeArgs& args, const ConvSpec& spec, const Filter& filter) {
  const int32_t outputs = filter.out_c / filter.groups;
  const GemmKernels* kernels = spec.float_product()         ? FloatGemmOf(args.isa, outputs)
                               : spec.input == Type::kInt16 ? PairGemm(args.isa)
                                                            : IntGemm(args.isa);
  if (kernels == nullptr || filter.k == 0 || filter.out_c == 0) return OperationPtr();
  WeightsLayout layout;
  layout.name = filter.k_stride == 1 ? "gemm" : "gemm_transposed";
  layout.lanes = PanelLanes(filter.out_c, filter.groups, kernels->lanes);
  layout.block = kernels->lanes;
  layout.group_k = kernels->group_k;
  layout.row_offset = kernels->row_offset;
  layout.k = filter.k;
  layout.channel_stride = filter.channel_stride;
  layout.zero = spec.weights == Type::kUInt8 ? 128 : 0;
  // Where kernels read whole groups in place, each segment ends with a whole group.
  const bool widened = kernels->group_k == 2 && spec.input != Type::kInt16;
  const int64_t segment = filter.segment_k, unit = widened ? 1 : kernels->group_k;
  for (int64_t k = 0; k < filter.k; k += segment) {
    for (int64_t i = 0; i < CeilDiv(segment, unit) * unit; ++i)
      layout.k_offset.push_back(i < segment ? (k + i) * filter.k_stride : -1);
  }
  HEDDLE_ASSIGN(const PackedWeights weights, PackWeights(args, spec, layout));
  const bool window = spec.kind != ConvKind::kFullyConnected;
  if (window && !weights.finite) return OperationPtr();
  const int64_t padding = window ? filter.k : 0;  // as long as any segment
  auto constants = std::make_shared<const FastConstants>(
      MakeFastConstants(args, spec, layout, weights, filter.out_c, filter.groups, padding));
  return OperationPtr(
      std::make_unique<FastGemm>(spec, args.isa, *kernels, weights, std::move(constants), filter));
}

bool Fits(const MakeArgs& args, const ConvSpec& spec, const Filter& f) {
  if (spec.input == Type::kInt16)
    return FastConstantsFit16(args, spec, f.out_c, f.channel_stride, f.k, f.k_stride);
  return FastConstantsFit(args, spec, f.out_c);
}

// Bytes of what products read; hybrid rows are quantised first.
int64_t InputElement(const ConvSpec& spec) {
  if (spec.float_product()) return 4;
  return spec.input == Type::kInt16 ? 2 : 1;
}

// Taps of few channels that lie side by side are read as one.
void JoinTaps(const ConvSpec& spec, int32_t k_w, Filter& filter) {
  const int64_t tap_bytes = filter.segment_k * InputElement(spec);
  if (k_w == 1 || tap_bytes > kMostBytesOfTap || filter.groups != 1 || spec.window.dilation_w != 1)
    return;
  filter.segment_taps = k_w;
  filter.segment_k *= k_w;
}

}  // namespace

GemmParams StartParams(const ConvSpec& spec, const GemmKernels& kernels,
                       std::shared_ptr<const FastConstants> constants) {
  GemmParams p;
  p.kernels = &kernels;
  const FastConstants& c = *constants;
  p.element = InputElement(spec);
  p.out_element = spec.input == Type::kFloat32 ? 4 : p.element;
  if (c.hybrid) {
    p.run = kernels.Form(GemmForm::kIntScaled);
    p.call.init = c.sums.data();
    p.call.scale = c.scale.data(), p.call.bias = c.bias.data();
    p.call.lo = c.float_epilogue.lo, p.call.hi = c.float_epilogue.hi;
  } else if (p.element == 4) {
    p.run = kernels.Form(spec.fused_sums() ? GemmForm::kFloatFused : GemmForm::kFloatUnfused);
    p.call.init = c.bias.data();
    p.call.lo = c.float_epilogue.lo, p.call.hi = c.float_epilogue.hi;
  } else {
    p.run = kernels.Form(c.requant() ? GemmForm::kIntRequant : GemmForm::kIntSums);
    p.call.init = c.sums.data();
    p.call.scale = c.requant() ? c.scale.data() : nullptr;
    const FloatRequant& r = c.int_epilogue.requant;
    p.call.lo = static_cast<float>(std::max(r.lo, r.type_min) - r.zero);
    p.call.hi = r.hi_minus_zero;
    p.call.zero = r.zero;
  }
  p.constants = std::move(constants);
  return p;
}

MadeOperation MakeFastConv2d(const MakeArgs& args, const ConvSpec& spec) {
  const Shape& weights = args.inputs[1].shape;
  const int64_t k = weights.Product(1, 4);
  if (spec.groups == 0 || !Fits(args, spec, {weights[0], spec.groups, k, k})) return OperationPtr();
  Filter filter{weights[0], spec.groups, k, k, 1, 1, weights[3]};
  JoinTaps(spec, weights[2], filter);
  return MakeFastGemm(args, spec, filter);
}

MadeOperation MakeFastOneChannel(const MakeArgs& args, const ConvSpec& spec) {
  const Shape& weights = args.inputs[1].shape;
  Filter filter{weights[3], 1, weights.Product(1, 3), 1, weights[3], 1, 1};
  if (!Fits(args, spec, filter)) return OperationPtr();
  JoinTaps(spec, weights[2], filter);
  return MakeFastGemm(args, spec, filter);
}

MadeOperation MakeFastFullyConnected(const MakeArgs& args, const ConvSpec& spec) {
  if (!spec.weights_constant) return MakeFastDynamic(args, spec);
  const Shape& weights = args.inputs[1].shape;
  if (weights.rank() != 2) return OperationPtr();
  const Filter filter{weights[0], 1, weights[1], weights[1], 1, 1, weights[1]};
  return Fits(args, spec, filter) ? MakeFastGemm(args, spec, filter) : OperationPtr();
}

}  // namespace heddle::core
