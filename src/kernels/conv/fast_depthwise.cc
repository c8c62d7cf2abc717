// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D with one output channel per input channel. A tile is some output rows; each row
// sees its input as columns of pointers, in which padding is a column like any other.
#include <algorithm>

#include "base/errors.h"
#include "kernels/conv/fast.h"
#include "kernels/conv/fast_weights.h"
#include "kernels/conv/plain.h"
#include "kernels/gemm/depthwise.h"

namespace heddle::core {
namespace {

constexpr double kTileNs = 40e3;

struct DepthwiseParams {
  std::shared_ptr<const FastConstants> constants;
  std::shared_ptr<const WeightsLayout> layout;
  ConvGeometry g;
  DepthwiseFn run = nullptr;
  DepthwiseCall call;  // what all rows share
  std::vector<int32_t> taps;
  std::vector<int64_t> rows;  // [out_h][k_h]: byte offsets in an image; -1: outside
  int64_t element = 0;
  int64_t columns = 0;  // input columns that a row of outputs spans, padding included
  int64_t tile_rows = 0;
  bool sums = false;  // the kernel leaves sums in scratch
  size_t sums_at = 0;
};

void PointAtColumns(const DepthwiseParams& p, const std::byte* image, int64_t y,
                    const std::byte** to) {
  const ConvGeometry& g = p.g;
  const int64_t pixel = g.in_c * p.element;
  const std::byte* padding = p.constants->padding.data();
  for (int32_t ky = 0; ky < g.k_h; ++ky) {
    const int64_t row = p.rows[y * g.k_h + ky];
    for (int64_t c = 0; c < p.columns; ++c) {
      const int64_t x = c - g.pad_w;
      const bool inside = row >= 0 && x >= 0 && x < g.in_w;
      to[c * g.k_h + ky] = inside ? image + row + x * pixel : padding;
    }
  }
}

void FinishSums(const DepthwiseParams& p, const int32_t* sums, std::byte* out) {
  const std::vector<int32_t>& lanes = p.layout->lanes;
  for (int32_t x = 0; x < p.g.out_w; ++x, out += p.g.out_c) {
    for (const int32_t channel : lanes) {
      const int32_t sum = *sums++;
      if (channel < 0) continue;
      out[channel] = static_cast<std::byte>(p.constants->int_epilogue.Requantise(sum, channel));
    }
  }
}

TileCode DepthwiseTile(const DepthwiseParams& p, const TileArgs& args, TileRange tiles) {
  const ConvGeometry& g = p.g;
  auto** columns = reinterpret_cast<const std::byte**>(args.scratch);
  DepthwiseCall call = p.call;
  call.columns = columns;
  call.taps = p.taps.data();
  call.weights = args.packed;
  const int64_t image_bytes = int64_t{g.in_h} * g.in_w * g.in_c * p.element;
  const int64_t row_bytes = int64_t{g.out_w} * g.out_c * p.element;
  const int64_t end = std::min(tiles.end * p.tile_rows, int64_t{g.batch} * g.out_h);
  for (int64_t row = tiles.begin * p.tile_rows; row < end; ++row) {
    const auto* input = static_cast<const std::byte*>(args.inputs[0]);
    PointAtColumns(p, input + row / g.out_h * image_bytes, row % g.out_h, columns);
    std::byte* out = static_cast<std::byte*>(args.outputs[0]) + row * row_bytes;
    call.out = p.sums ? args.scratch + p.sums_at : out;
    p.run(call);
    if (p.sums) FinishSums(p, reinterpret_cast<const int32_t*>(call.out), out);
  }
  return TileCode::kOk;
}

class FastDepthwise final : public ConvOperation {
 public:
  FastDepthwise(ConvSpec spec, const DepthwiseKernels& kernels, PackedWeights weights,
                std::shared_ptr<const FastConstants> constants,
                std::shared_ptr<const WeightsLayout> layout)
      : ConvOperation(std::move(spec)),
        kernels_(kernels),
        weights_(weights),
        constants_(std::move(constants)),
        layout_(std::move(layout)) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override;

 private:
  void FillCall(DepthwiseParams& p) const;

  const DepthwiseKernels& kernels_;
  PackedWeights weights_;
  std::shared_ptr<const FastConstants> constants_;
  std::shared_ptr<const WeightsLayout> layout_;
};

void FastDepthwise::FillCall(DepthwiseParams& p) const {
  const FastConstants& c = *constants_;
  DepthwiseCall& call = p.call;
  if (spec().input == Type::kFloat32) {
    p.run = spec().fused_sums() ? kernels_.first : kernels_.second;
    call.init = c.bias.data();
    call.lo = c.float_epilogue.lo, call.hi = c.float_epilogue.hi;
    return;
  }
  p.sums = !c.requant();
  p.run = p.sums ? kernels_.first : kernels_.second;
  const FloatRequant& r = c.int_epilogue.requant;
  call.init = c.sums.data();
  call.scale = p.sums ? nullptr : c.scale.data();
  call.flip = c.flip;
  call.lo = static_cast<float>(std::max(r.lo, r.type_min) - r.zero);
  call.hi = r.hi_minus_zero;
  call.zero = r.zero;
}

Status FastDepthwise::Lower(std::span<const Operand> inputs, std::span<const Operand>,
                            Step& step) const {
  HEDDLE_ASSIGN(const ConvGeometry g, MakeConvGeometry(spec(), inputs));
  if (g.depth_multiplier != 1) {
    return Unsupported("{} output channels for each input channel, expected 1 as in the model",
                       g.depth_multiplier);
  }
  DepthwiseParams p;
  p.g = g;
  p.constants = constants_, p.layout = layout_;
  p.element = spec().input == Type::kFloat32 ? 4 : 1;
  p.rows = MakeTapOffsets(g, g.in_c * p.element).rows;
  p.columns =
      g.out_w == 0 ? 0 : int64_t{g.out_w - 1} * g.stride_w + int64_t{g.k_w - 1} * g.dil_w + 1;
  for (int64_t k = 0; k < layout_->padded_k(); ++k) {
    const int64_t tap = k < layout_->k ? layout_->k_offset[k] / g.out_c : 0;
    p.taps.push_back(static_cast<int32_t>(tap % g.k_w * g.dil_w * g.k_h + tap / g.k_w));
  }
  FillCall(p);
  p.call.step = int64_t{g.stride_w} * g.k_h;
  p.call.groups = static_cast<int32_t>(layout_->padded_k() / kernels_.taps);
  p.call.pixels = g.out_w;
  p.call.channels = g.out_c;
  p.call.out_stride = p.sums ? layout_->lanes.size() * 4 : g.out_c * p.element;
  step.scratch_bytes = (p.columns * g.k_h * sizeof(void*) + 63) / 64 * 64;
  p.sums_at = step.scratch_bytes;
  if (p.sums) step.scratch_bytes += layout_->lanes.size() * 4 * g.out_w;
  step.packed = weights_.data;
  step.macs = g.macs();
  step.kernel = kernels_.name;
  const int64_t rows = int64_t{g.batch} * g.out_h;
  const double row_ns = static_cast<double>(step.macs) / kernels_.macs_per_ns /
                        static_cast<double>(std::max<int64_t>(rows, 1));
  p.tile_rows = std::clamp<int64_t>(static_cast<int64_t>(kTileNs / std::max(row_ns, 1.0)), 1,
                                    std::max<int64_t>(rows, 1));
  const int64_t tiles = step.macs == 0 ? 0 : (rows + p.tile_rows - 1) / p.tile_rows;
  const float tile_ns = static_cast<float>(row_ns * static_cast<double>(p.tile_rows));
  SetTiled<&DepthwiseTile>(step, std::move(p), tiles, tile_ns);
  return Status();
}

WeightsLayout DepthwiseLayout(const DepthwiseKernels& kernels, const ConvSpec& spec,
                              const Shape& weights) {
  WeightsLayout layout;
  const int32_t k_h = weights[1], k_w = weights[2];
  layout.name = spec.columns_first() ? "depthwise_columns" : "depthwise_rows";
  layout.lanes = BlockLanes(weights[3], kernels.lanes, kernels.order);
  layout.block = kernels.lanes;
  layout.group_k = kernels.taps;
  layout.k = int64_t{k_h} * k_w;
  layout.channel_stride = 1;
  layout.widen = kernels.taps == 2;
  layout.zero = layout.widen ? spec.weights_zero : 0;
  for (int64_t i = 0; i < layout.k; ++i) {
    const int64_t tap = spec.columns_first() ? i % k_h * k_w + i / k_h : i;
    layout.k_offset.push_back(tap * weights[3]);
  }
  return layout;
}

// Weights less their zero point need 16 bits where they are unsigned.
const DepthwiseKernels* ChooseKernels(const MakeArgs& args, const ConvSpec& spec) {
  if (spec.input == Type::kFloat32) return FloatDepthwise(args.isa);
  if (spec.input == Type::kInt8) return IntDepthwise(args.isa);
  return IntDepthwise(args.isa == Isa::kAvx512Vnni ? Isa::kAvx512 : args.isa);
}

}  // namespace

MadeOperation MakeFastDepthwise(const MakeArgs& args, const ConvSpec& spec) {
  const Shape &input = args.inputs[0].shape, &weights = args.inputs[1].shape;
  if (input.rank() != 4 || weights.rank() != 4 || weights.elements() == 0 ||
      !FastConstantsFit(args, spec, weights[3])) {
    return OperationPtr();
  }
  const int32_t channels = weights[3];
  if (input[3] == 1 && channels > 1) return MakeFastOneChannel(args, spec);
  const DepthwiseKernels* kernels = ChooseKernels(args, spec);
  if (kernels == nullptr || input[3] != channels) return OperationPtr();
  auto layout = std::make_shared<const WeightsLayout>(DepthwiseLayout(*kernels, spec, weights));
  HEDDLE_ASSIGN(const PackedWeights packed, PackWeights(args, spec, *layout));
  auto constants = std::make_shared<const FastConstants>(
      MakeFastConstants(args, spec, *layout, packed, channels, 1, channels));
  if (spec.input == Type::kFloat32 && !PaddingIsExact(*constants, packed)) {
    return OperationPtr();
  }
  return OperationPtr(std::make_unique<FastDepthwise>(spec, *kernels, packed, std::move(constants),
                                                      std::move(layout)));
}

}  // namespace heddle::core
