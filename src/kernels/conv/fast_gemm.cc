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
      std::max<int64_t>(2, std::min(by_time, d.block_rows > 3 ? by_cache : by_time));
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
  int64_t input_bytes = 0;
  int64_t tap_bytes = 0;  // channels of a tap, in one group
  int32_t out_w = 1, out_h = 1, k_w = 1, k_h = 1;
  TapOffsets offsets;
  // A segment is a run of taps that lie side by side in memory; kernels know it as a tap.
  int32_t segments = 1, segment_taps = 1;
  int64_t segment_bytes = 0, segment_padded = 0;  // padded: what a kernel reads
  // Integers in 16 bits: rows are widened into scratch.
  bool gather = false;
  int64_t gathered_row = 0;  // bytes
  // Offsets in scratch.
  size_t taps_at = 0, copies_at = 0, blocks_at = 0, gathered_at = 0, row_init_at = 0, sums_at = 0;
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

// Where the segments of rows start: in the input, in the padding, or in a copy where a segment
// crosses the edge of the image or its last group reaches past the end of the input.
class Segments {
 public:
  Segments(const GemmParams& p, const TileArgs& args, int64_t group)
      : p_(p),
        input_(static_cast<const std::byte*>(args.inputs[0]) + group * p.group_bytes),
        last_(static_cast<const std::byte*>(args.inputs[0]) + p.input_bytes - p.segment_padded),
        copy_(args.scratch + p.copies_at) {}

  // Pointers of a tile's rows: [block][segment][row of the block].
  void PointAt(const TilePart& part, const std::byte** to) {
    const int64_t block = p_.division.block_rows;
    int64_t x = part.row % p_.out_w, y = part.row / p_.out_w % p_.out_h;
    const std::byte* image = input_ + part.row / p_.out_w / p_.out_h * p_.image_bytes;
    for (int64_t first = 0; first < part.rows; first += block) {
      const int64_t rows = std::min(block, part.rows - first);
      for (int64_t r = 0; r < rows; ++r) {
        if (p_.dense) {
          to[r] = Readable(input_ + (part.row + first + r) * p_.row_bytes);
          continue;
        }
        PointAtRow(image, x, y, rows, to + r);
        if (++x < p_.out_w) continue;
        x = 0;
        if (++y < p_.out_h) continue;
        y = 0, image += p_.image_bytes;
      }
      to += rows * p_.segments;
    }
  }

 private:
  void PointAtRow(const std::byte* image, int64_t x, int64_t y, int64_t step,
                  const std::byte** to) {
    const int64_t* row = &p_.offsets.rows[y * p_.k_h];
    const int64_t* columns = &p_.offsets.columns[x * p_.k_w];
    const int32_t taps = p_.segment_taps;
    for (int32_t ky = 0; ky < p_.k_h; ++ky) {
      for (int32_t kx = 0; kx < p_.k_w; kx += taps, to += step) {
        const int64_t* column = columns + kx;
        if (row[ky] < 0) {
          *to = p_.padding();
        } else if (column[0] >= 0 && column[taps - 1] >= 0) {
          *to = Readable(image + row[ky] + column[0]);
        } else {
          *to = taps == 1 ? p_.padding() : Copy(image + row[ky], column);
        }
      }
    }
  }
  const std::byte* Readable(const std::byte* segment) {
    if (segment <= last_) return segment;
    return Keep(segment, p_.segment_bytes, copy_);
  }
  const std::byte* Copy(const std::byte* line, const int64_t* column) {
    std::byte* to = copy_;
    for (int32_t t = 0; t < p_.segment_taps; ++t, to += p_.tap_bytes) {
      std::memcpy(to, column[t] < 0 ? p_.padding() : line + column[t], p_.tap_bytes);
    }
    return Keep(nullptr, 0, to);
  }
  // Ends the copy at copy_ with `bytes` more at `to` and zeros.
  const std::byte* Keep(const std::byte* from, int64_t bytes, std::byte* to) {
    const std::byte* copy = copy_;
    if (bytes > 0) std::memcpy(to, from, bytes);
    copy_ += p_.segment_padded;
    std::memset(to + bytes, 0, copy_ - (to + bytes));
    return copy;
  }

  const GemmParams& p_;
  const std::byte* input_;
  const std::byte* last_;  // the last place where a whole padded segment can be read
  std::byte* copy_;
};

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
    for (int32_t t = 0; t < p.segments; ++t)
      sum += SumOfBytes(a[t * rows + r], p.segment_bytes, flip);
    to[r] = static_cast<int32_t>(sum * static_cast<uint32_t>(p.constants->row_factor));
  }
}

uint16_t* Widen(const std::byte* from, int64_t n, uint8_t flip, uint16_t* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<uint8_t>(from[i]) ^ flip;
  return to + n;
}

// Widens the rows of one block: the segments one after the other, zeros up to a whole group.
void Gather(const GemmParams& p, const std::byte* const* a, int64_t rows, std::byte* to) {
  const uint8_t flip = static_cast<uint8_t>(p.constants->flip);
  for (int64_t r = 0; r < rows; ++r, to += p.gathered_row) {
    auto* next = reinterpret_cast<uint16_t*>(to);
    for (int32_t t = 0; t < p.segments; ++t)
      next = Widen(a[t * rows + r], p.segment_bytes, flip, next);
    std::memset(next, 0, to + p.gathered_row - reinterpret_cast<std::byte*>(next));
  }
}

void GatherTile(const GemmParams& p, const std::byte* const* a, int64_t rows, std::byte* to,
                const std::byte** gathered) {
  const int64_t block = p.division.block_rows;
  for (int64_t first = 0; first < rows; first += block) {
    const int64_t n = std::min(block, rows - first);
    const std::byte* const* taps = a + first * p.segments;
    std::byte* begin = to + first * p.gathered_row;
    Gather(p, taps, n, begin);
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
  auto** taps = reinterpret_cast<const std::byte**>(args.scratch + p.taps_at);
  Segments(p, args, part.group).PointAt(part, taps);
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
      StartRows(p, taps + first * p.segments, call.rows, row_init);
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

struct Filter {  // what the weights' shape and the options say
  int32_t out_c = 0, groups = 1;
  int64_t k = 0, channel_stride = 0, k_stride = 1;
  int32_t segment_taps = 1;  // taps that are read as one
  int64_t segment_k = 0;     // their weights
};

class FastGemm final : public ConvOperation {
 public:
  FastGemm(ConvSpec spec, const GemmKernels& kernels, PackedWeights weights,
           std::shared_ptr<const FastConstants> constants, const Filter& filter)
      : ConvOperation(std::move(spec)),
        kernels_(kernels),
        weights_(weights),
        constants_(std::move(constants)),
        filter_(filter) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override;

 private:
  GemmParams Shared() const;
  void PlanSegments(GemmParams& p) const;

  const GemmKernels& kernels_;
  PackedWeights weights_;
  std::shared_ptr<const FastConstants> constants_;
  Filter filter_;
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
  p.taps_at = take(d.tile_rows * p.segments * int64_t{sizeof(void*)});
  if (p.segment_taps > 1) {
    p.copies_at = take(d.tile_rows * p.segments * p.segment_padded);
  } else if (p.segment_padded != p.segment_bytes) {
    p.copies_at = take(3 * p.segments * p.segment_padded);  // 3 bytes are 3 pixels at most
  }
  if (p.gather) {
    p.blocks_at = take(d.tile_rows * int64_t{sizeof(void*)});
    p.gathered_at = take(d.tile_rows * p.gathered_row);
  }
  if (p.element != 1) return;
  if (p.constants->row_factor != 0) p.row_init_at = take(d.block_rows * 4);
  if (!p.constants->requant())
    p.sums_at = take(d.block_rows * d.tile_panels * p.kernels->lanes * 4);
}

void FastGemm::PlanSegments(GemmParams& p) const {
  p.segment_taps = filter_.segment_taps;
  p.segments = p.k_h * p.k_w / p.segment_taps;
  p.segment_bytes = p.segment_padded = p.tap_bytes * p.segment_taps;
  p.gather = kernels_.group_k == 2;
  if (p.gather) {
    p.call.groups = CeilDiv(filter_.k, kernels_.group_k);
    p.gathered_row = p.call.groups * 4;
    return;
  }
  if (p.element == 1) p.call.flip = constants_->flip;
  p.segment_padded = CeilDiv(p.segment_bytes, 4) * 4;
  p.call.taps = p.segments;
  p.call.groups = p.segment_padded / 4;
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
  if (g.groups != filter_.groups) {
    return Unsupported("{} groups of channels, expected {} as in the model", g.groups,
                       filter_.groups);
  }
  p.columns = g.out_c / filter_.groups;
  p.tap_bytes = g.in_c / filter_.groups * p.element;
  p.group_bytes = p.tap_bytes;
  p.row_bytes = g.in_c * p.element;
  p.input_bytes = p.division.rows * p.row_bytes;
  if (!p.dense) {
    p.image_bytes = int64_t{g.in_h} * g.in_w * p.row_bytes;
    p.input_bytes = g.batch * p.image_bytes;
    p.k_h = g.k_h, p.k_w = g.k_w;
    p.out_h = g.out_h, p.out_w = g.out_w;
    p.offsets = MakeTapOffsets(g, p.row_bytes);
  }
  PlanSegments(p);
  p.call.panel_bytes = weights_.block_bytes;
  p.division = Divide(kernels_, p.division.rows, filter_.groups, p.columns, filter_.k);
  PlaceScratch(p);
  step.packed = weights_.data;
  step.scratch_bytes = p.scratch_bytes;
  step.macs = p.division.rows * g.out_c * filter_.k;
  step.kernel = kernels_.name;
  const int64_t tiles = p.division.tiles();
  const float ns = static_cast<float>(step.macs) / kernels_.macs_per_ns /
                   static_cast<float>(std::max<int64_t>(tiles, 1));
  SetTiled<&GemmTile>(step, std::move(p), tiles, ns);
  return Status();
}

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
  // Where kernels read whole groups in place, each segment ends with a whole group.
  const int64_t segment = filter.segment_k, unit = kernels->group_k == 4 ? 4 : 1;
  for (int64_t k = 0; k < filter.k; k += segment) {
    for (int64_t i = 0; i < CeilDiv(segment, unit) * unit; ++i)
      layout.k_offset.push_back(i < segment ? (k + i) * filter.k_stride : -1);
  }
  HEDDLE_ASSIGN(const PackedWeights weights, PackWeights(args, spec, layout));
  auto constants = std::make_shared<const FastConstants>(
      MakeFastConstants(args, spec, layout, weights, filter.out_c, filter.groups, filter.k));
  const bool window = spec.kind != ConvKind::kFullyConnected;
  if (is_float && window && !PaddingIsExact(*constants, weights)) {
    return OperationPtr();
  }
  return OperationPtr(
      std::make_unique<FastGemm>(spec, *kernels, weights, std::move(constants), filter));
}

// Taps of few channels that lie side by side are read as one.
void JoinTaps(const ConvSpec& spec, int32_t k_w, Filter& filter) {
  const int64_t tap_bytes = filter.segment_k * (spec.input == Type::kFloat32 ? 4 : 1);
  if (k_w == 1 || tap_bytes > 64 || filter.groups != 1 || spec.window.dilation_w != 1) return;
  filter.segment_taps = k_w;
  filter.segment_k *= k_w;
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
  Filter filter{weights[0], groups, k, k, 1, 1, weights[3]};
  JoinTaps(spec, weights[2], filter);
  return MakeFastGemm(args, spec, filter);
}

MadeOperation MakeFastOneChannel(const MakeArgs& args, const ConvSpec& spec) {
  const Shape& weights = args.inputs[1].shape;
  Filter filter{weights[3], 1, weights.Product(1, 3), 1, weights[3], 1, 1};
  JoinTaps(spec, weights[2], filter);
  return MakeFastGemm(args, spec, filter);
}

MadeOperation MakeFastFullyConnected(const MakeArgs& args, const ConvSpec& spec) {
  const Shape& weights = args.inputs[1].shape;
  if (weights.rank() != 2 || !FastConstantsFit(args, spec, weights[0])) {
    return OperationPtr();
  }
  return MakeFastGemm(args, spec, {weights[0], 1, weights[1], weights[1], 1, 1, weights[1]});
}

}  // namespace heddle::core
