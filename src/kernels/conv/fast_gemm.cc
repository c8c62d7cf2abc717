// SPDX-License-Identifier: Apache-2.0
// CONV_2D and FULLY_CONNECTED as products of input rows, reached through pointers, with packed
// panels of weights. A tile is a block of output pixels times a block of panels.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/errors.h"
#include "kernels/conv/fast.h"
#include "kernels/conv/fast_weights.h"
#include "kernels/conv/plain.h"
#include "kernels/gemm/gemm.h"

namespace heddle::core {
namespace {

constexpr double kTileNs = 40e3;
constexpr int64_t kWeightsOfTile = 256 << 10;  // stay in the second cache from block to block
constexpr int64_t kRowsOfTile = 128;

struct Division {  // of the outputs into tiles; group-major, then panels, then rows
  int64_t rows = 0, groups = 1;
  int64_t block_rows = 0, tile_rows = 0, row_tiles = 0;  // tile_rows: whole blocks
  int64_t panels = 0, tile_panels = 0, panel_tiles = 0;  // of a group

  int64_t tiles() const { return groups * panel_tiles * row_tiles; }
};

int64_t CeilDiv(int64_t n, int64_t d) { return (n + d - 1) / d; }

Division Divide(const GemmKernels& kernels, int64_t rows, int64_t groups, int64_t columns,
                int64_t k) {
  Division d;
  d.rows = rows, d.groups = groups;
  d.block_rows = CeilDiv(rows, std::max<int64_t>(1, CeilDiv(rows, kernels.max_rows)));
  d.panels = CeilDiv(columns, kernels.lanes);
  if (rows == 0 || columns == 0) return d;
  const double panel_macs = static_cast<double>(std::max<int64_t>(k, 1)) * kernels.lanes;
  const double rate = kernels.macs_per_ns * d.block_rows / (d.block_rows + 8.0);
  // Panels first: as many as the cache holds and a block of rows keeps busy for a tile's time.
  const int64_t panel_bytes =
      std::max<int64_t>(k, 1) * kernels.lanes * (kernels.group_k == 1 ? 4 : 1);
  const int64_t by_time = static_cast<int64_t>(kTileNs * rate / (panel_macs * d.block_rows));
  const int64_t by_cache = kWeightsOfTile / panel_bytes;
  const int64_t most =
      std::max<int64_t>(4, std::min(by_time, d.block_rows > 3 ? by_cache : by_time));
  d.panel_tiles = CeilDiv(d.panels, most);
  d.tile_panels = CeilDiv(d.panels, d.panel_tiles);
  if (d.tile_panels % 2 != 0 && d.panel_tiles > 1) ++d.tile_panels;
  d.panel_tiles = CeilDiv(d.panels, d.tile_panels);
  const double block_ns = panel_macs * d.tile_panels * d.block_rows / rate;
  const int64_t blocks = std::clamp<int64_t>(static_cast<int64_t>(kTileNs / block_ns), 1,
                                             std::max<int64_t>(1, kRowsOfTile / d.block_rows));
  d.row_tiles = CeilDiv(rows, blocks * d.block_rows);
  d.tile_rows = CeilDiv(CeilDiv(rows, d.row_tiles), d.block_rows) * d.block_rows;
  d.row_tiles = CeilDiv(rows, d.tile_rows);
  return d;
}

struct GemmParams {
  std::shared_ptr<const FastConstants> constants;
  const GemmKernels* kernels = nullptr;
  GemmFn run = nullptr;
  GemmCall call;  // what all tiles share
  Division division;
  int64_t columns = 0;  // outputs of a group
  int64_t element = 0;  // bytes of an input or output element
  // The input.
  bool dense = false;       // row r of the product is row r of the input
  int64_t row_bytes = 0;    // dense: from row to row
  int64_t image_bytes = 0;  // else: from batch item to batch item
  int64_t group_bytes = 0;  // from group to group
  int64_t tap_bytes = 0;    // channels of a tap, in one group
  int32_t taps = 1, out_w = 1, out_h = 1, k_w = 1;
  TapOffsets offsets;
  // Integers: rows are copied to scratch, unsigned, padded to groups and in the kernel's width.
  bool gather = false;
  int64_t gathered_row = 0;  // bytes
  // Offsets in scratch.
  size_t taps_at = 0, blocks_at = 0, gathered_at = 0, row_init_at = 0, sums_at = 0;
  size_t scratch_bytes = 0;

  const std::byte* padding() const { return constants->padding.data(); }
};

struct TilePart {  // of the product
  int64_t group, panel, panels, row, rows;
};

TilePart Part(const Division& d, int64_t tile) {
  TilePart p;
  p.row = tile % d.row_tiles * d.tile_rows;
  p.rows = std::min(d.tile_rows, d.rows - p.row);
  tile /= d.row_tiles;
  p.panel = tile % d.panel_tiles * d.tile_panels;
  p.panels = std::min(d.tile_panels, d.panels - p.panel);
  p.group = tile / d.panel_tiles;
  return p;
}

// Pointers to the taps of each row, [block][tap][row of the block].
void PointAtTaps(const GemmParams& p, const std::byte* input, const TilePart& part,
                 const std::byte** to) {
  input += part.group * p.group_bytes;
  const int64_t block = p.division.block_rows;
  int64_t x = part.row % p.out_w, y = part.row / p.out_w % p.out_h;
  const std::byte* image = input + part.row / p.out_w / p.out_h * p.image_bytes;
  for (int64_t first = 0; first < part.rows; first += block) {
    const int64_t rows = std::min(block, part.rows - first);
    for (int64_t r = 0; r < rows; ++r) {
      if (p.dense) {
        to[r] = input + (part.row + first + r) * p.row_bytes;
        continue;
      }
      const int64_t* row = &p.offsets.rows[y * (p.taps / p.k_w)];
      const int64_t* column = &p.offsets.columns[x * p.k_w];
      for (int32_t t = 0, ky = 0; t < p.taps; ++ky) {
        for (int32_t kx = 0; kx < p.k_w; ++kx, ++t) {
          const bool inside = row[ky] >= 0 && column[kx] >= 0;
          to[t * rows + r] = inside ? image + row[ky] + column[kx] : p.padding();
        }
      }
      if (++x < p.out_w) continue;
      x = 0;
      if (++y < p.out_h) continue;
      y = 0, image += p.image_bytes;
    }
    to += rows * p.taps;
  }
}

uint32_t SumOfBytes(const std::byte* bytes, int64_t n, uint8_t flip) {
  uint32_t sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<uint8_t>(bytes[i]) ^ flip;
  return sum;
}

// What the sums of the rows of one block start from besides the constants.
void StartRows(const GemmParams& p, const std::byte* const* a, int64_t rows, int32_t* to) {
  const uint8_t flip = static_cast<uint8_t>(p.constants->flip);
  for (int64_t r = 0; r < rows; ++r) {
    uint32_t sum = 0;
    for (int32_t t = 0; t < p.taps; ++t) sum += SumOfBytes(a[t * rows + r], p.tap_bytes, flip);
    to[r] = static_cast<int32_t>(sum * static_cast<uint32_t>(p.constants->row_factor));
  }
}

template <class To>
To* Widen(const std::byte* from, int64_t n, uint8_t flip, To* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<uint8_t>(from[i]) ^ flip;
  return to + n;
}

// Copies the rows of one block: the taps one after the other, zeros up to a whole group.
template <class To>
void Gather(const GemmParams& p, const std::byte* const* a, int64_t rows, std::byte* to) {
  const uint8_t flip = static_cast<uint8_t>(p.constants->flip);
  for (int64_t r = 0; r < rows; ++r, to += p.gathered_row) {
    To* next = reinterpret_cast<To*>(to);
    for (int32_t t = 0; t < p.taps; ++t) next = Widen(a[t * rows + r], p.tap_bytes, flip, next);
    std::memset(next, 0, to + p.gathered_row - reinterpret_cast<std::byte*>(next));
  }
}

void GatherTile(const GemmParams& p, const std::byte* const* a, int64_t rows, std::byte* to,
                const std::byte** gathered) {
  const int64_t block = p.division.block_rows;
  for (int64_t first = 0; first < rows; first += block) {
    const int64_t n = std::min(block, rows - first);
    const std::byte* const* taps = a + first * p.taps;
    std::byte* begin = to + first * p.gathered_row;
    p.kernels->group_k == 2 ? Gather<uint16_t>(p, taps, n, begin)
                            : Gather<uint8_t>(p, taps, n, begin);
    for (int64_t r = 0; r < n; ++r) gathered[first + r] = begin + r * p.gathered_row;
  }
}

// The epilogues that have no vector form, from sums in scratch.
void FinishSums(const IntEpilogue& epilogue, const GemmCall& call, int32_t rows, int32_t channel,
                std::byte* out, int64_t out_stride) {
  for (int32_t r = 0; r < rows; ++r) {
    const int32_t* sums = reinterpret_cast<const int32_t*>(call.out + r * call.out_stride);
    for (int64_t c = 0; c < call.columns; ++c) {
      const int32_t q = epilogue.Requantise(sums[c], channel + static_cast<int32_t>(c));
      out[r * out_stride + c] = static_cast<std::byte>(q);
    }
  }
}

void RunTile(const GemmParams& p, const TileArgs& args, const TilePart& part) {
  const auto* input = static_cast<const std::byte*>(args.inputs[0]);
  auto** taps = reinterpret_cast<const std::byte**>(args.scratch + p.taps_at);
  PointAtTaps(p, input, part, taps);
  const std::byte** a = taps;
  if (p.gather) {
    a = reinterpret_cast<const std::byte**>(args.scratch + p.blocks_at);
    GatherTile(p, taps, part.rows, args.scratch + p.gathered_at, a);
  }
  const int64_t lane = (part.group * p.division.panels + part.panel) * p.kernels->lanes;
  const int64_t column = part.panel * p.kernels->lanes;
  const int64_t channel = part.group * p.columns + column;
  const int64_t out_row = p.columns * p.division.groups * p.element;
  std::byte* out =
      static_cast<std::byte*>(args.outputs[0]) + part.row * out_row + channel * p.element;
  GemmCall call = p.call;
  call.weights = args.packed + lane / p.kernels->lanes * p.call.panel_bytes;
  call.columns = std::min(part.panels * p.kernels->lanes, p.columns - column);
  call.init = static_cast<const std::byte*>(p.call.init) + lane * 4;
  if (call.scale != nullptr) call.scale += lane;
  const bool sums = p.sums_at != 0;
  for (int64_t first = 0; first < part.rows; first += p.division.block_rows) {
    call.rows = static_cast<int32_t>(std::min(p.division.block_rows, part.rows - first));
    call.a = a + first * call.taps;
    if (p.row_init_at != 0) {
      auto* row_init = reinterpret_cast<int32_t*>(args.scratch + p.row_init_at);
      StartRows(p, taps + first * p.taps, call.rows, row_init);
      call.row_init = row_init;
    }
    call.out = sums ? args.scratch + p.sums_at : out + first * out_row;
    call.out_stride = sums ? call.columns * int64_t{sizeof(int32_t)} : out_row;
    p.run(call);
    if (sums) {
      FinishSums(p.constants->int_epilogue, call, call.rows, static_cast<int32_t>(channel),
                 out + first * out_row, out_row);
    }
  }
}

TileCode GemmTile(const GemmParams& p, const TileArgs& args, TileRange tiles) {
  for (int64_t tile = tiles.begin; tile < tiles.end; ++tile)
    RunTile(p, args, Part(p.division, tile));
  return TileCode::kOk;
}

class FastGemm final : public ConvOperation {
 public:
  FastGemm(ConvSpec spec, const GemmKernels& kernels, PackedWeights weights,
           std::shared_ptr<const FastConstants> constants, int32_t groups, int64_t k)
      : ConvOperation(std::move(spec)),
        kernels_(kernels),
        weights_(weights),
        constants_(std::move(constants)),
        groups_(groups),
        k_(k) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override;

 private:
  GemmParams Shared() const;
  void PlanInteger(GemmParams& p) const;

  const GemmKernels& kernels_;
  PackedWeights weights_;
  std::shared_ptr<const FastConstants> constants_;
  int32_t groups_;
  int64_t k_;
};

GemmParams FastGemm::Shared() const {
  GemmParams p;
  p.constants = constants_;
  p.kernels = &kernels_;
  const FastConstants& c = *constants_;
  const bool is_float = spec().input == Type::kFloat32;
  p.element = is_float ? 4 : 1;
  if (is_float) {
    p.run = kernels_.Form(spec().fused_sums() ? GemmForm::kFloatFused : GemmForm::kFloatUnfused);
    p.call.init = c.bias.data();
    p.call.lo = c.float_epilogue.lo, p.call.hi = c.float_epilogue.hi;
  } else {
    p.run = kernels_.Form(c.requant() ? GemmForm::kIntRequant : GemmForm::kIntSums);
    p.call.init = c.sums.data();
    p.call.scale = c.requant() ? c.scale.data() : nullptr;
    const FloatRequant& r = c.int_epilogue.requant;
    p.call.lo = static_cast<float>(std::max(r.lo, r.type_min) - r.zero);
    p.call.hi = r.hi_minus_zero;
    p.call.zero = r.zero;
  }
  return p;
}

void PlaceScratch(GemmParams& p) {
  const auto take = [&p](int64_t bytes) {
    const size_t at = p.scratch_bytes;
    p.scratch_bytes += CeilDiv(bytes, 64) * 64;
    return at;
  };
  const Division& d = p.division;
  p.taps_at = take(d.tile_rows * p.taps * int64_t{sizeof(void*)});
  if (p.gather) {
    p.blocks_at = take(d.tile_rows * int64_t{sizeof(void*)});
    p.gathered_at = take(d.tile_rows * p.gathered_row);
  }
  if (p.element != 1) return;
  if (p.constants->row_factor != 0) p.row_init_at = take(d.block_rows * 4);
  if (!p.constants->requant())
    p.sums_at = take(d.block_rows * d.tile_panels * p.kernels->lanes * 4);
}

void FastGemm::PlanInteger(GemmParams& p) const {
  p.gather = kernels_.group_k == 2 || p.tap_bytes % 4 != 0;
  if (p.gather) {
    p.call.taps = 1;
    p.call.groups = CeilDiv(k_, kernels_.group_k);
    p.gathered_row = p.call.groups * 4;
  } else {
    p.call.flip = constants_->flip;
  }
}

Status FastGemm::Lower(std::span<const Operand> inputs, std::span<const Operand>,
                       Step& step) const {
  GemmParams p = Shared();
  ConvGeometry g;
  if (spec().kind == ConvKind::kFullyConnected) {
    HEDDLE_ASSIGN(const FcGeometry fc, MakeFcGeometry(spec(), inputs));
    g.in_c = fc.depth, g.out_c = fc.units, g.groups = g.k_h = g.k_w = 1;
    p.division.rows = fc.rows;
    p.dense = true;
  } else {
    HEDDLE_ASSIGN(g, MakeConvGeometry(spec(), inputs));
    p.division.rows = g.pixels();
    p.dense = g.k_h == 1 && g.k_w == 1 && g.stride_h == 1 && g.stride_w == 1 && g.pad_h == 0 &&
              g.pad_w == 0 && g.out_h == g.in_h && g.out_w == g.in_w;
  }
  if (g.groups != groups_) {
    return Unsupported("{} groups of channels, expected {} as in the model", g.groups, groups_);
  }
  p.columns = g.out_c / groups_;
  p.tap_bytes = g.in_c / groups_ * p.element;
  p.group_bytes = p.tap_bytes;
  p.row_bytes = g.in_c * p.element;
  if (!p.dense) {
    p.image_bytes = int64_t{g.in_h} * g.in_w * p.row_bytes;
    p.taps = g.k_h * g.k_w;
    p.out_h = g.out_h, p.out_w = g.out_w, p.k_w = g.k_w;
    p.offsets = MakeTapOffsets(g, p.row_bytes);
  }
  p.call.taps = p.taps;
  p.call.groups = p.tap_bytes / 4;
  if (p.element == 1) PlanInteger(p);
  p.call.panel_bytes = CeilDiv(k_, kernels_.group_k) * kernels_.group_bytes();
  p.division = Divide(kernels_, p.division.rows, groups_, p.columns, k_);
  PlaceScratch(p);
  step.packed = weights_.data;
  step.scratch_bytes = p.scratch_bytes;
  step.macs = p.division.rows * g.out_c * k_;
  step.kernel = kernels_.name;
  const int64_t tiles = p.division.tiles();
  const float ns = static_cast<float>(step.macs) / kernels_.macs_per_ns /
                   static_cast<float>(std::max<int64_t>(tiles, 1));
  SetTiled<&GemmTile>(step, std::move(p), tiles, ns);
  return Status();
}

struct Filter {  // what the weights' shape says
  int32_t out_c = 0, groups = 1;
  int64_t k = 0, channel_stride = 0, k_stride = 1;
};

MadeOperation MakeFastGemm(const MakeArgs& args, const ConvSpec& spec, const Filter& filter) {
  const bool is_float = spec.input == Type::kFloat32;
  const GemmKernels* kernels = is_float ? FloatGemm(args.isa) : IntGemm(args.isa);
  if (kernels == nullptr || filter.k == 0 || filter.out_c == 0) return OperationPtr();
  WeightsLayout layout;
  layout.name = filter.k_stride == 1 ? "gemm" : "gemm_transposed";
  layout.lanes = PanelLanes(filter.out_c, filter.groups, kernels->lanes);
  layout.block = kernels->lanes;
  layout.group_k = kernels->group_k;
  layout.k = filter.k;
  layout.channel_stride = filter.channel_stride;
  layout.zero = spec.weights == Type::kUInt8 ? 128 : 0;
  if (filter.k_stride != 1) {
    for (int64_t k = 0; k < filter.k; ++k) layout.k_offset.push_back(k * filter.k_stride);
  }
  HEDDLE_ASSIGN(const PackedWeights weights, PackWeights(args, spec, layout));
  auto constants = std::make_shared<const FastConstants>(
      MakeFastConstants(args, spec, layout, weights, filter.out_c, filter.groups, filter.k));
  const bool window = spec.kind != ConvKind::kFullyConnected;
  if (is_float && window && !PaddingIsExact(*constants, weights)) {
    return OperationPtr();
  }
  return OperationPtr(std::make_unique<FastGemm>(spec, *kernels, weights, std::move(constants),
                                                 filter.groups, filter.k));
}

}  // namespace

MadeOperation MakeFastConv2d(const MakeArgs& args, const ConvSpec& spec) {
  const Shape &input = args.inputs[0].shape, &weights = args.inputs[1].shape;
  if (input.rank() != 4 || weights.rank() != 4 || !FastConstantsFit(args, spec, weights[0]) ||
      weights[3] <= 0 || input[3] <= 0 || input[3] % weights[3] != 0) {
    return OperationPtr();
  }
  const int64_t k = weights.Product(1, 4);
  const int32_t groups = input[3] / weights[3];
  if (weights[0] % groups != 0) return OperationPtr();
  return MakeFastGemm(args, spec, {weights[0], groups, k, k, 1});
}

MadeOperation MakeFastOneChannel(const MakeArgs& args, const ConvSpec& spec) {
  const Shape& weights = args.inputs[1].shape;
  return MakeFastGemm(args, spec, {weights[3], 1, weights.Product(1, 3), 1, weights[3]});
}

MadeOperation MakeFastFullyConnected(const MakeArgs& args, const ConvSpec& spec) {
  const Shape& weights = args.inputs[1].shape;
  if (weights.rank() != 2 || !FastConstantsFit(args, spec, weights[0])) {
    return OperationPtr();
  }
  return MakeFastGemm(args, spec, {weights[0], 1, weights[1], weights[1], 1});
}

}  // namespace heddle::core
