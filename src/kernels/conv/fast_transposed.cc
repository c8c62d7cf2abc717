// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV as products. The outputs whose positions leave the same remainder by the stride
// read the same taps, so each such grid of outputs is a product with weights of its own and no tap
// is multiplied in vain.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/conv/fast.h"
#include "kernels/conv/fast_product.h"
#include "kernels/conv/segments.h"
#include "kernels/spent_inputs.h"

namespace heddle::core {
namespace {

constexpr int32_t kMostRemainders = 64;

struct Remainder {
  int32_t y = 0, x = 0;
  // At least one; a remainder without taps has one of zero weights that reads padding.
  int32_t taps_h = 0, taps_w = 0;
  bool empty = false;
  PackedWeights weights;
  std::shared_ptr<const FastConstants> constants;
};

struct TransposedParams {
  std::vector<GemmParams> parts;
  std::vector<const std::byte*> weights;
  std::vector<int64_t> first_tile;  // of each part
};

TileCode TransposedTile(const TransposedParams& p, const TileArgs& args, TileRange tiles) {
  TileArgs to = args;
  for (int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
    const auto after = std::upper_bound(p.first_tile.begin(), p.first_tile.end(), tile);
    const size_t part = static_cast<size_t>(after - p.first_tile.begin()) - 1;
    const int64_t local = tile - p.first_tile[part];
    to.packed = p.weights[part];
    GemmTile(p.parts[part], to, {local, local + 1});
  }
  return TileCode::kOk;
}

// One axis of a grid: its first output, how many, and where each finds its taps.
struct GridAxis {
  int32_t first = 0, count = 0;
  TapAxis taps;
};
GridAxis MakeGridAxis(bool empty, int32_t remainder, int32_t stride, int32_t pad, int32_t in,
                      int32_t out, int64_t bytes) {
  GridAxis a;
  a.first = ((remainder - pad) % stride + stride) % stride;
  a.count = a.first >= out ? 0 : (out - a.first - 1) / stride + 1;
  // The last output that the first tap reaches; each further tap lies one before it.
  a.taps = {(int64_t{a.first} + pad - remainder) / stride, 1, -1, empty ? 0 : in, bytes};
  return a;
}

class FastTransposed final : public ConvOperation, public SpentInputs {
 public:
  FastTransposed(ConvSpec spec, const GemmKernels& kernels, std::vector<Remainder> remainders)
      : ConvOperation(std::move(spec)), kernels_(kernels), remainders_(std::move(remainders)) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    HEDDLE_ASSIGN(const ConvGeometry g, MakeConvGeometry(spec(), inputs));
    TransposedParams p;
    int64_t tiles = 0;
    for (const Remainder& r : remainders_) {
      p.parts.push_back(PartOf(r, g));
      p.weights.push_back(r.weights.data);
      p.first_tile.push_back(tiles);
      tiles += p.parts.back().division.tiles();
      step.scratch_bytes = std::max(step.scratch_bytes, p.parts.back().scratch_bytes);
    }
    step.packed = remainders_[0].weights.data;
    step.macs = g.macs();
    step.kernel = kernels_.name;
    const float ns = static_cast<float>(step.macs) / kernels_.macs_per_ns /
                     static_cast<float>(std::max<int64_t>(tiles, 1));
    SetTiled<&TransposedTile>(step, std::move(p), tiles, ns);
    return Status();
  }
  uint64_t spent_inputs() const override { return kWeightsAndBias; }

 private:
  GemmParams PartOf(const Remainder& r, const ConvGeometry& g) const {
    GemmParams p = StartParams(spec(), kernels_, r.constants);
    p.columns = g.out_c;
    p.tap_bytes = p.group_bytes = p.row_bytes = g.in_c * p.element;
    p.image_bytes = int64_t{g.in_h} * g.in_w * p.row_bytes;
    p.input_bytes = g.batch * p.image_bytes;
    p.k_h = r.taps_h, p.k_w = r.taps_w;
    const GridAxis rows =
        MakeGridAxis(r.empty, r.y, g.stride_h, g.pad_h, g.in_h, g.out_h, g.in_w * p.row_bytes);
    const GridAxis columns =
        MakeGridAxis(r.empty, r.x, g.stride_w, g.pad_w, g.in_w, g.out_w, p.row_bytes);
    p.out_h = rows.count, p.out_w = columns.count;
    p.offsets = {rows.taps, columns.taps};
    p.grid = {true, g.out_h, g.out_w, rows.first, columns.first, g.stride_h, g.stride_w};
    const int64_t k = int64_t{r.taps_h} * r.taps_w * g.in_c;
    PlanSegments(kernels_, k, p);
    p.call.panel_bytes = r.weights.block_bytes;
    const int64_t pixels = int64_t{g.batch} * rows.count * columns.count;
    p.division = Divide(kernels_, pixels, 1, p.columns, k);
    PlaceScratch(p);
    TabulateRows(p);
    return p;
  }

  const GemmKernels& kernels_;
  std::vector<Remainder> remainders_;
};

// The taps of one remainder, packed.
Status Pack(const MakeArgs& args, const ConvSpec& spec, const GemmKernels& kernels, Remainder& r) {
  const Shape& w = args.inputs[1].shape;
  const int32_t stride_h = spec.window.stride_h, stride_w = spec.window.stride_w;
  const auto taps = [](int32_t k, int32_t first, int32_t stride) {
    return first >= k ? 0 : (k - first - 1) / stride + 1;
  };
  r.taps_h = taps(w[1], r.y, stride_h), r.taps_w = taps(w[2], r.x, stride_w);
  r.empty = r.taps_h == 0 || r.taps_w == 0;
  if (r.empty) r.taps_h = r.taps_w = 1;
  const int64_t in_c = w[3];
  const std::string name =
      fmt::format("gemm_remainder_{}x{}_of_{}x{}", r.y, r.x, stride_h, stride_w);
  WeightsLayout layout;
  layout.name = name;
  layout.lanes = PanelLanes(w[0], 1, kernels.lanes);
  layout.block = kernels.lanes;
  layout.group_k = kernels.group_k;
  layout.row_offset = kernels.row_offset;
  layout.k = int64_t{r.taps_h} * r.taps_w * in_c;
  layout.channel_stride = w.Product(1, 4);
  layout.zero = spec.weights == Type::kUInt8 ? 128 : 0;
  const int64_t unit = kernels.group_k == 4 ? 4 : 1;
  for (int32_t ty = 0; ty < r.taps_h; ++ty) {
    for (int32_t tx = 0; tx < r.taps_w; ++tx) {
      const int64_t tap = int64_t{r.y + ty * stride_h} * w[2] + r.x + tx * stride_w;
      for (int64_t i = 0; i < CeilDiv(in_c, unit) * unit; ++i)
        layout.k_offset.push_back(i < in_c && !r.empty ? tap * in_c + i : -1);
    }
  }
  HEDDLE_ASSIGN(r.weights, PackWeights(args, spec, layout));
  r.constants = std::make_shared<const FastConstants>(
      MakeFastConstants(args, spec, layout, r.weights, w[0], 1, in_c));
  return Status();
}

}  // namespace

MadeOperation MakeFastTransposed(const MakeArgs& args, const ConvSpec& spec) {
  const Shape &input = args.inputs[0].shape, &weights = args.inputs[1].shape;
  const GemmKernels* kernels =
      spec.input == Type::kFloat32 ? FloatGemm(args.isa) : IntGemm(args.isa);
  if (kernels == nullptr || input.rank() != 4 || weights.rank() != 4 ||
      !FastConstantsFit(args, spec, weights[0]) || weights.elements() <= 0 ||
      weights[3] != input[3]) {
    return OperationPtr();
  }
  const int64_t count = int64_t{spec.window.stride_h} * spec.window.stride_w;
  if (count > kMostRemainders) return OperationPtr();
  std::vector<Remainder> remainders(static_cast<size_t>(count));
  for (int32_t i = 0; i < count; ++i) {
    Remainder& r = remainders[i];
    r.y = i / spec.window.stride_w, r.x = i % spec.window.stride_w;
    HEDDLE_TRY(Pack(args, spec, *kernels, r));
    if (!r.weights.finite) return OperationPtr();
  }
  return OperationPtr(std::make_unique<FastTransposed>(spec, *kernels, std::move(remainders)));
}

}  // namespace heddle::core
