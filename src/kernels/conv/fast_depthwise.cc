// SPDX-License-Identifier: Apache-2.0
// DEPTHWISE_CONV_2D. A tile is some output rows, which see the part of the input that they need as
// a grid of pointers to pixels, padding included. Where an input channel has several output
// channels, a phase of its own repeats it first, so that there is one for each.
#include <algorithm>
#include <cstring>

#include "base/errors.h"
#include "kernels/conv/fast.h"
#include "kernels/conv/fast_weights.h"
#include "kernels/conv/hybrid.h"
#include "kernels/conv/plain.h"
#include "kernels/gemm/depthwise.h"
#include "kernels/spent_inputs.h"

namespace heddle::core {
namespace {

// A tile's time: a part of the step, for a step of one tile is one that nobody helps with, and
// whoever helped with the step before it has gone to sleep when the next one comes.
constexpr double kLeastTileNs = 5e3, kMostTileNs = 40e3;
constexpr double kPartOfStep = 0.25;

struct DepthwiseParams {
  std::shared_ptr<const FastConstants> constants;
  std::shared_ptr<const WeightsLayout> weights;
  ConvGeometry g;
  DepthwiseFn run = nullptr;
  DepthwiseCall call;  // what all rows share
  std::vector<int32_t> taps;
  HybridRows rows;  // hybrid: a row is an image, in the call's shared memory
  int64_t element = 0, out_element = 0;
  int64_t columns = 0;  // of the grid: input columns that a row of outputs spans
  int64_t tile_rows = 0, image_tiles = 0;
  bool sums = false;  // the kernel leaves sums in scratch
  size_t sums_at = 0, init_at = 0;

  const RowLayout& layout() const { return rows.rows; }
  bool hybrid() const { return constants->hybrid; }
  bool repeats() const { return g.depth_multiplier > 1; }
};

// Rows of the grid for `rows` output rows.
int64_t GridRows(const ConvGeometry& g, int64_t rows) {
  return (rows - 1) * g.stride_h + int64_t{g.k_h - 1} * g.dil_h + 1;
}

template <class T>
void Repeat(const void* from, int64_t n, int32_t times, std::byte* to) {
  const T* in = static_cast<const T*>(from);
  T* out = reinterpret_cast<T*>(to);
  for (int64_t i = 0; i < n; ++i, out += times) std::fill_n(out, times, in[i]);
}
// A tile is a row of an image.
TileCode RepeatTile(const DepthwiseParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t n = int64_t{p.g.in_w} * p.g.in_c;
  const auto* input = static_cast<const std::byte*>(args.inputs[0]);
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    const std::byte* from = input + row * n * p.element;
    std::byte* to = args.shared + row * n * p.g.depth_multiplier * p.element;
    if (p.element == 4) {
      Repeat<float>(from, n, p.g.depth_multiplier, to);
    } else {
      Repeat<uint8_t>(from, n, p.g.depth_multiplier, to);
    }
  }
  return TileCode::kOk;
}

// Makes a step whose only phase computes outputs into one that repeats channels first.
void PrependRepetition(const DepthwiseParams& p, Step& step) {
  const int64_t rows = int64_t{p.g.batch} * p.g.in_h;
  const int64_t row_bytes = int64_t{p.g.in_w} * p.g.out_c * p.element;
  step.kind = StepKind::kPhased;
  step.shared_bytes = static_cast<size_t>(rows * row_bytes);
  step.phases.insert(step.phases.begin(),
                     Phase{Erase<&RepeatTile>(), step.phases[0].tiles == 0 ? 0 : rows,
                           0.1f * static_cast<float>(row_bytes)});
}

// The grid of output rows [y, y + rows) of an image.
void PointAtPixels(const DepthwiseParams& p, const std::byte* image, const std::byte* padding,
                   int64_t y, int64_t rows, const std::byte** to) {
  const ConvGeometry& g = p.g;
  const int64_t pixel = g.out_c * p.element;
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
  const std::vector<int32_t>& lanes = p.weights->lanes;
  for (int64_t x = 0; x < pixels; ++x, out += p.g.out_c) {
    for (const int32_t channel : lanes) {
      const int32_t sum = *sums++;
      if (channel < 0) continue;
      out[channel] = static_cast<std::byte>(p.constants->int_epilogue.Requantise(sum, channel));
    }
  }
}

// What a tile needs to know of its image.
struct Image {
  const std::byte *input, *padding;
  const void* init;                                 // what sums start from
  const float *first = nullptr, *second = nullptr;  // hybrid: of each lane, times its sum in turn
};

// What sums start from and are scaled by; the kernels' bytes are 128 more than the row's.
void StartHybrid(const DepthwiseParams& p, const QuantisedRow& row, int32_t* init, float* first,
                 float* second) {
  const FastConstants& c = *p.constants;
  for (size_t i = 0; i < c.sums.size(); ++i) {
    init[i] = (-128 - row.zero) * c.sums[i];
    const float w = c.scale[i];
    if (p.rows.scaling == Scaling::kProduct) {
      first[i] = row.scale * w, second[i] = 1;
    } else {
      const bool weight_first = p.weights->lanes[i] < p.rows.tail;
      first[i] = weight_first ? w : row.scale, second[i] = weight_first ? row.scale : w;
    }
  }
}

Image ImageAt(const DepthwiseParams& p, const TileArgs& args, int64_t image) {
  const FastConstants& c = *p.constants;
  const int64_t at = image * p.g.in_h * p.g.in_w * p.g.out_c * p.element;
  const auto* input = static_cast<const std::byte*>(args.inputs[0]);
  if (!p.hybrid()) return {(p.repeats() ? args.shared : input) + at, c.padding.data(), p.call.init};
  const RowLayout& rows = p.layout();
  auto* init = reinterpret_cast<int32_t*>(args.scratch + p.init_at);
  auto* first = reinterpret_cast<float*>(init + c.sums.size());
  float* second = first + c.sums.size();
  StartHybrid(p, rows.parameters(args.shared)[image], init, first, second);
  return {reinterpret_cast<const std::byte*>(rows.values(args.shared)) + at,
          reinterpret_cast<const std::byte*>(rows.paddings(args.shared)) + image * rows.padding,
          init, first, second};
}

// Four lanes at a time: they hold neighbouring channels, or none from some lane on.
void FinishHybrid(const DepthwiseParams& p, const Image& image, const int32_t* sums, int64_t pixels,
                  float* out) {
  const FastConstants& c = *p.constants;
  const std::vector<int32_t>& lanes = p.weights->lanes;
  const float lo = c.float_epilogue.lo, hi = c.float_epilogue.hi;
  for (int64_t x = 0; x < pixels; ++x, out += p.g.out_c, sums += lanes.size()) {
    for (size_t lane = 0; lane < lanes.size(); lane += 4) {
      const int32_t channel = lanes[lane];
      if (channel < 0) continue;
      float y[4];
      for (size_t i = 0; i < 4; ++i) {
        const float sum = static_cast<float>(sums[lane + i]);
        const float v = sum * image.first[lane + i] * image.second[lane + i] + c.bias[lane + i];
        y[i] = std::min(std::max(v, lo), hi);
      }
      const int64_t real = std::min<int64_t>(4, p.g.out_c - channel);
      std::memcpy(out + channel, y, static_cast<size_t>(real) * sizeof(float));
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
  const int64_t row_bytes = int64_t{g.out_w} * g.out_c * p.out_element;
  for (int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
    const int64_t image = tile / p.image_tiles, y = tile % p.image_tiles * p.tile_rows;
    call.rows = std::min(p.tile_rows, g.out_h - y);
    const Image from = ImageAt(p, args, image);
    PointAtPixels(p, from.input, from.padding, y, call.rows, grid);
    call.init = from.init;
    std::byte* out = static_cast<std::byte*>(args.outputs[0]) + (image * g.out_h + y) * row_bytes;
    call.out = p.sums ? args.scratch + p.sums_at : out;
    p.run(call);
    if (!p.sums) continue;
    const auto* sums = reinterpret_cast<const int32_t*>(call.out);
    const int64_t pixels = call.rows * g.out_w;
    if (p.hybrid()) {
      FinishHybrid(p, from, sums, pixels, reinterpret_cast<float*>(out));
    } else {
      FinishSums(p, sums, pixels, out);
    }
  }
  return TileCode::kOk;
}

class FastDepthwise final : public ConvOperation, public SpentInputs {
 public:
  FastDepthwise(ConvSpec spec, Isa isa, const DepthwiseKernels& kernels, PackedWeights weights,
                std::shared_ptr<const FastConstants> constants,
                std::shared_ptr<const WeightsLayout> layout)
      : ConvOperation(std::move(spec)),
        isa_(isa),
        kernels_(kernels),
        weights_(weights),
        constants_(std::move(constants)),
        layout_(std::move(layout)) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override;
  uint64_t spent_inputs() const override { return kWeightsAndBias; }

 private:
  void FillCall(DepthwiseParams& p) const;

  Isa isa_;
  const DepthwiseKernels& kernels_;
  PackedWeights weights_;
  std::shared_ptr<const FastConstants> constants_;
  std::shared_ptr<const WeightsLayout> layout_;
};

void FastDepthwise::FillCall(DepthwiseParams& p) const {
  const FastConstants& c = *constants_;
  DepthwiseCall& call = p.call;
  if (spec().float_product()) {
    p.run = spec().fused_sums() ? kernels_.first : kernels_.second;
    call.init = c.bias.data();
    call.lo = c.float_epilogue.lo, call.hi = c.float_epilogue.hi;
    return;
  }
  p.sums = c.hybrid || !c.requant();
  p.run = p.sums ? kernels_.first : kernels_.second;
  call.flip = c.flip;
  if (c.hybrid) return;
  const FloatRequant& r = c.int_epilogue.requant;
  call.init = c.sums.data();
  call.scale = p.sums ? nullptr : c.scale.data();
  call.lo = static_cast<float>(std::max(r.lo, r.type_min) - r.zero);
  call.hi = r.hi_minus_zero;
  call.zero = r.zero;
}

Status FastDepthwise::Lower(std::span<const Operand> inputs, std::span<const Operand>,
                            Step& step) const {
  HEDDLE_ASSIGN(const ConvGeometry g, MakeConvGeometry(spec(), inputs));
  DepthwiseParams p;
  p.g = g;
  p.constants = constants_, p.weights = layout_;
  p.element = spec().float_product() ? 4 : 1;
  p.out_element = spec().input == Type::kFloat32 ? 4 : 1;
  if (p.hybrid()) {
    p.rows = HybridRowsOf(spec(), g, RowKernelsOf(isa_));
    p.rows.rows.padding = g.out_c;
  }
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
  const bool any_order = p.element == 1 || (spec().columns_first() && !p.repeats());
  p.call.square = square && any_order ? static_cast<int32_t>(p.columns) : 0;
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
  const double step_ns = row_ns * static_cast<double>(most * g.batch);
  const double ns = std::clamp(kPartOfStep * step_ns, kLeastTileNs, kMostTileNs);
  const int64_t fit = static_cast<int64_t>(ns / std::max(row_ns, 1.0));
  p.image_tiles = CeilDiv(most, std::clamp<int64_t>(fit, 1, most));
  p.tile_rows = CeilDiv(most, p.image_tiles);
  p.image_tiles = CeilDiv(most, p.tile_rows);
  const int64_t tiles = step.macs == 0 ? 0 : g.batch * p.image_tiles;
  step.scratch_bytes = CeilDiv(GridRows(g, p.tile_rows) * p.columns * sizeof(void*), 64) * 64;
  p.sums_at = step.scratch_bytes;
  if (p.sums) step.scratch_bytes += p.call.out_row_stride * p.tile_rows;
  p.init_at = step.scratch_bytes;
  if (p.hybrid()) step.scratch_bytes += layout_->lanes.size() * 3 * sizeof(float);
  const float tile_ns = static_cast<float>(row_ns * static_cast<double>(p.tile_rows));
  SetTiled<&DepthwiseTile>(step, p, tiles, tile_ns);
  if (p.hybrid()) PrependQuantisation<DepthwiseParams>(p.layout(), step);
  if (p.repeats()) PrependRepetition(p, step);
  return Status();
}

WeightsLayout DepthwiseLayout(const DepthwiseKernels& kernels, const ConvSpec& spec,
                              const Shape& weights) {
  WeightsLayout layout;
  const int32_t k_h = weights[1], k_w = weights[2];
  const bool columns_first =
      spec.float_product() && spec.columns_first() && spec.groups == weights[3];
  const bool rows_of_four = kernels.taps == 4 && k_w == 3;
  layout.name = columns_first ? "depthwise_columns" : "depthwise_rows";
  layout.lanes = BlockLanes(weights[3], kernels);
  layout.block = kernels.lanes;
  layout.group_k = kernels.taps;
  layout.k = int64_t{k_h} * k_w;
  layout.channel_stride = 1;
  layout.widen = kernels.taps == 2;
  layout.zero = layout.widen && !spec.hybrid() ? spec.weights_zero : 0;
  for (int64_t i = 0; i < layout.k; ++i) {
    const int64_t tap = columns_first ? i % k_h * k_w + i / k_h : i;
    layout.k_offset.push_back(tap * weights[3]);
    if (rows_of_four && i % 3 == 2) layout.k_offset.push_back(-1);
  }
  return layout;
}

// Weights less their zero point need 16 bits where they are unsigned.
const DepthwiseKernels* ChooseKernels(const MakeArgs& args, const ConvSpec& spec) {
  if (spec.float_product()) return FloatDepthwise(args.isa);
  if (spec.input == Type::kInt8 || spec.hybrid()) return IntDepthwise(args.isa);
  return IntDepthwise(VectorsOf(args.isa));
}

}  // namespace

MadeOperation MakeFastDepthwise(const MakeArgs& args, const ConvSpec& spec) {
  const Shape& weights = args.inputs[1].shape;
  const int32_t channels = weights[3];
  if (spec.groups == 0 || weights.elements() == 0) return OperationPtr();
  const bool repeats = spec.groups != channels;
  if (repeats && spec.hybrid()) return OperationPtr();
  if (repeats && spec.groups == 1) return MakeFastOneChannel(args, spec);
  if (!FastConstantsFit(args, spec, channels)) return OperationPtr();
  const DepthwiseKernels* kernels = ChooseKernels(args, spec);
  if (kernels == nullptr || channels % spec.groups != 0) return OperationPtr();
  auto layout = std::make_shared<const WeightsLayout>(DepthwiseLayout(*kernels, spec, weights));
  HEDDLE_ASSIGN(const PackedWeights packed, PackWeights(args, spec, *layout));
  if (!packed.finite) return OperationPtr();
  auto constants = std::make_shared<const FastConstants>(
      MakeFastConstants(args, spec, *layout, packed, channels, 1, channels));
  return OperationPtr(std::make_unique<FastDepthwise>(spec, args.isa, *kernels, packed,
                                                      std::move(constants), std::move(layout)));
}

}  // namespace heddle::core
