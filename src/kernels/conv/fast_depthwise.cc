// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D with one output channel per input channel. A tile is some output rows, which
// see the part of the input that they need as a grid of pointers to pixels, padding included.
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
  int64_t element = 0;
  int64_t columns = 0;  // of the grid: input columns that a row of outputs spans
  int64_t tile_rows = 0, image_tiles = 0;
  bool sums = false;  // the kernel leaves sums in scratch
  size_t sums_at = 0;
};

// Rows of the grid for `rows` output rows.
int64_t GridRows(const ConvGeometry& g, int64_t rows) {
  return (rows - 1) * g.stride_h + int64_t{g.k_h - 1} * g.dil_h + 1;
}

// The grid of output rows [y, y + rows) of an image.
void PointAtPixels(const DepthwiseParams& p, const std::byte* image, int64_t y, int64_t rows,
                   const std::byte** to) {
  const ConvGeometry& g = p.g;
  const int64_t pixel = g.in_c * p.element;
  const std::byte* padding = p.constants->padding.data();
  const int64_t left = std::min<int64_t>(g.pad_w, p.columns);
  const int64_t right = std::clamp<int64_t>(int64_t{g.pad_w} + g.in_w, left, p.columns);
  for (int64_t r = 0; r < GridRows(g, rows); ++r, to += p.columns) {
    const int64_t in_y = y * g.stride_h - g.pad_h + r;
    if (in_y < 0 || in_y >= g.in_h) {
      std::fill_n(to, p.columns, padding);
      continue;
    }
    const std::byte* line = image + in_y * g.in_w * pixel;
    std::fill(to, to + left, padding);
    for (int64_t c = left; c < right; ++c) to[c] = line + (c - left) * pixel;
    std::fill(to + right, to + p.columns, padding);
  }
}

void FinishSums(const DepthwiseParams& p, const int32_t* sums, int64_t pixels, std::byte* out) {
  const std::vector<int32_t>& lanes = p.layout->lanes;
  for (int64_t x = 0; x < pixels; ++x, out += p.g.out_c) {
    for (const int32_t channel : lanes) {
      const int32_t sum = *sums++;
      if (channel < 0) continue;
      out[channel] = static_cast<std::byte>(p.constants->int_epilogue.Requantise(sum, channel));
    }
  }
}

TileCode DepthwiseTile(const DepthwiseParams& p, const TileArgs& args, TileRange tiles) {
  const ConvGeometry& g = p.g;
  auto** grid = reinterpret_cast<const std::byte**>(args.scratch);
  DepthwiseCall call = p.call;
  call.grid = grid;
  call.taps = p.taps.data();
  call.weights = args.packed;
  const int64_t image_bytes = int64_t{g.in_h} * g.in_w * g.in_c * p.element;
  const int64_t row_bytes = int64_t{g.out_w} * g.out_c * p.element;
  for (int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
    const int64_t image = tile / p.image_tiles, y = tile % p.image_tiles * p.tile_rows;
    call.rows = std::min(p.tile_rows, g.out_h - y);
    const auto* input = static_cast<const std::byte*>(args.inputs[0]) + image * image_bytes;
    PointAtPixels(p, input, y, call.rows, grid);
    std::byte* out = static_cast<std::byte*>(args.outputs[0]) + (image * g.out_h + y) * row_bytes;
    call.out = p.sums ? args.scratch + p.sums_at : out;
    p.run(call);
    if (p.sums) FinishSums(p, reinterpret_cast<const int32_t*>(call.out), call.rows * g.out_w, out);
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
  DepthwiseParams p;
  p.g = g;
  p.constants = constants_, p.layout = layout_;
  p.element = spec().input == Type::kFloat32 ? 4 : 1;
  p.columns =
      g.out_w == 0 ? 0 : int64_t{g.out_w - 1} * g.stride_w + int64_t{g.k_w - 1} * g.dil_w + 1;
  for (int64_t k = 0; k < layout_->padded_k(); ++k) {
    const bool real =
        k < static_cast<int64_t>(layout_->k_offset.size()) && layout_->k_offset[k] >= 0;
    const int64_t tap = real ? layout_->k_offset[k] / g.out_c : 0;  // without weights: any
    p.taps.push_back(
        static_cast<int32_t>(tap / g.k_w * g.dil_h * p.columns + tap % g.k_w * g.dil_w));
  }
  FillCall(p);
  p.call.step = g.stride_w;
  p.call.row_step = g.stride_h * p.columns;
  const bool square = g.k_h == 3 && g.k_w == 3 && g.dil_h == 1 && g.dil_w == 1;
  p.call.square =
      square && (spec().columns_first() || p.element == 1) ? static_cast<int32_t>(p.columns) : 0;
  p.call.groups = static_cast<int32_t>(layout_->padded_k() / kernels_.taps);
  p.call.pixels = g.out_w;
  p.call.channels = g.out_c;
  p.call.out_stride =
      p.sums ? static_cast<int64_t>(layout_->lanes.size()) * 4 : g.out_c * p.element;
  p.call.out_row_stride = p.call.out_stride * g.out_w;
  step.packed = weights_.data;
  step.macs = g.macs();
  step.kernel = kernels_.name;
  const double row_ns = static_cast<double>(step.macs) / kernels_.macs_per_ns /
                        static_cast<double>(std::max<int64_t>(int64_t{g.batch} * g.out_h, 1));
  const int64_t most = std::max<int64_t>(g.out_h, 1);
  const int64_t fit = static_cast<int64_t>(kTileNs / std::max(row_ns, 1.0));
  p.image_tiles = CeilDiv(most, std::clamp<int64_t>(fit, 1, most));
  p.tile_rows = CeilDiv(most, p.image_tiles);
  p.image_tiles = CeilDiv(most, p.tile_rows);
  const int64_t tiles = step.macs == 0 ? 0 : g.batch * p.image_tiles;
  step.scratch_bytes = CeilDiv(GridRows(g, p.tile_rows) * p.columns * sizeof(void*), 64) * 64;
  p.sums_at = step.scratch_bytes;
  if (p.sums) step.scratch_bytes += p.call.out_row_stride * p.tile_rows;
  const float tile_ns = static_cast<float>(row_ns * static_cast<double>(p.tile_rows));
  SetTiled<&DepthwiseTile>(step, std::move(p), tiles, tile_ns);
  return Status();
}

WeightsLayout DepthwiseLayout(const DepthwiseKernels& kernels, const ConvSpec& spec,
                              const Shape& weights) {
  WeightsLayout layout;
  const int32_t k_h = weights[1], k_w = weights[2];
  const bool columns_first = spec.input == Type::kFloat32 && spec.columns_first();
  const bool rows_of_four = kernels.taps == 4 && k_w == 3;
  layout.name = columns_first ? "depthwise_columns" : "depthwise_rows";
  layout.lanes = BlockLanes(weights[3], kernels);
  layout.block = kernels.lanes;
  layout.group_k = kernels.taps;
  layout.k = int64_t{k_h} * k_w;
  layout.channel_stride = 1;
  layout.widen = kernels.taps == 2;
  layout.zero = layout.widen ? spec.weights_zero : 0;
  for (int64_t i = 0; i < layout.k; ++i) {
    const int64_t tap = columns_first ? i % k_h * k_w + i / k_h : i;
    layout.k_offset.push_back(tap * weights[3]);
    if (rows_of_four && i % 3 == 2) layout.k_offset.push_back(-1);
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
  const Shape& weights = args.inputs[1].shape;
  const int32_t channels = weights[3];
  if (spec.groups == 0 || weights.elements() == 0) return OperationPtr();
  if (spec.groups == 1 && channels > 1) return MakeFastOneChannel(args, spec);
  if (!FastConstantsFit(args, spec, channels)) return OperationPtr();
  const DepthwiseKernels* kernels = ChooseKernels(args, spec);
  if (kernels == nullptr || spec.groups != channels) return OperationPtr();
  auto layout = std::make_shared<const WeightsLayout>(DepthwiseLayout(*kernels, spec, weights));
  HEDDLE_ASSIGN(const PackedWeights packed, PackWeights(args, spec, *layout));
  if (!packed.finite) return OperationPtr();
  auto constants = std::make_shared<const FastConstants>(
      MakeFastConstants(args, spec, *layout, packed, channels, 1, channels));
  return OperationPtr(std::make_unique<FastDepthwise>(spec, *kernels, packed, std::move(constants),
                                                      std::move(layout)));
}

}  // namespace heddle::core
