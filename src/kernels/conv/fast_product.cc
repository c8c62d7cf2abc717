// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/fast_product.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "kernels/conv/segments.h"

namespace heddle::core {
namespace {

constexpr double kTileNs = 40e3;
constexpr int64_t kWeightsOfTile = 256 << 10;  // stay in the second cache from block to block
constexpr int64_t kRowsOfTile = 128;

struct TilePart {  // of the product
  int64_t group, panel, panels, row, rows;
};

TilePart Part(const Division& d, int64_t tile) {
  if (tile == 0) return {0, 0, std::min(d.tile_panels, d.panels), 0, std::min(d.tile_rows, d.rows)};
  TilePart p;
  p.row = tile % d.row_tiles * d.tile_rows;
  p.rows = std::min(d.tile_rows, d.rows - p.row);
  tile /= d.row_tiles;
  p.panel = tile % d.panel_tiles * d.tile_panels;
  p.panels = std::min(d.tile_panels, d.panels - p.panel);
  p.group = tile / d.panel_tiles;
  return p;
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
    for (int32_t t = 0; t < p.segments; ++t)
      sum += SumOfBytes(a[t * rows + r], p.segment_bytes, flip);
    to[r] = static_cast<int32_t>(sum * static_cast<uint32_t>(p.constants->row_factor));
  }
}

// The same for hybrid rows, which begin at row `first` of the product.
void StartHybridRows(const GemmParams& p, const TileArgs& args, int64_t first, GemmCall& call) {
  auto* init = reinterpret_cast<int32_t*>(args.scratch + p.row_init_at);
  auto* scale = reinterpret_cast<float*>(args.scratch + p.row_scale_at);
  const QuantisedRow* rows = p.rows.parameters(args.shared);
  const int64_t of_row = p.row_per_pixel ? 1 : int64_t{p.out_w} * p.out_h;
  for (int64_t r = 0; r < call.rows; ++r) {
    const QuantisedRow& row = rows[(first + r) / of_row];
    init[r] = p.kernels->row_offset - 128 - row.zero, scale[r] = row.scale;
  }
  call.row_init = init, call.row_scale = scale;
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
void FinishSums(const FastConstants& constants, const GemmCall& call, int32_t channel,
                std::byte* out, int64_t out_stride) {
  const IntEpilogue& epilogue = constants.int_epilogue;
  for (int32_t r = 0; r < call.rows; ++r, out += out_stride) {
    const int32_t* sums = reinterpret_cast<const int32_t*>(call.out + r * call.out_stride);
    if (!constants.bias64.empty()) {
      auto* to = reinterpret_cast<int16_t*>(out);
      const int64_t* bias = constants.bias64.data() + channel;
      for (int32_t c = 0; c < call.columns; ++c)
        to[c] = static_cast<int16_t>(epilogue.Requantise(sums[c] + bias[c], channel + c));
    } else {
      for (int32_t c = 0; c < call.columns; ++c)
        out[c] = static_cast<std::byte>(epilogue.Requantise(sums[c], channel + c));
    }
  }
}

// The pixel of the output that row `row` of the product is.
int64_t GridPixel(const GemmParams& p, int64_t row) {
  const OutputGrid& g = p.grid;
  const int64_t x = row % p.out_w, line = row / p.out_w;
  const int64_t y = line % p.out_h, batch = line / p.out_h;
  return (batch * g.height + g.y + y * g.y_step) * g.width + g.x + x * g.x_step;
}

void RunTile(const GemmParams& p, const TileArgs& args, const TilePart& part) {
  auto** taps = reinterpret_cast<const std::byte**>(args.scratch + p.taps_at);
  PointAtRows(p, args, part.group, part.row, part.rows, taps);
  const std::byte** a = taps;
  if (p.gather) {
    a = reinterpret_cast<const std::byte**>(args.scratch + p.blocks_at);
    GatherTile(p, taps, part.rows, args.scratch + p.gathered_at, a);
  }
  const int64_t lane = (part.group * p.division.panels + part.panel) * p.kernels->lanes;
  const int64_t column = part.panel * p.kernels->lanes;
  const int64_t channel = part.group * p.columns + column;
  const int64_t out_row = p.columns * p.division.groups * p.out_element;
  std::byte* const output = static_cast<std::byte*>(args.outputs[0]) + channel * p.out_element;
  GemmCall call = p.call;
  const std::byte* const weights = p.packs_weights ? args.shared : args.packed;
  call.weights = weights + lane / p.kernels->lanes * p.call.panel_bytes;
  call.columns = std::min(part.panels * p.kernels->lanes, p.columns - column);
  call.init = static_cast<const std::byte*>(p.call.init) + lane * 4;
  if (call.scale != nullptr) call.scale += lane;
  if (call.bias != nullptr) call.bias += lane;
  call.scratch = args.scratch + p.kernel_at;
  const bool sums = p.sums_at != 0;
  const int64_t placed_row = call.columns * p.out_element;
  std::byte* const placed = args.scratch + p.placed_at;
  for (int64_t first = 0; first < part.rows; first += p.division.block_rows) {
    call.rows = static_cast<int32_t>(std::min(p.division.block_rows, part.rows - first));
    call.a = a + first * call.taps;
    if (p.hybrid()) {
      StartHybridRows(p, args, part.row + first, call);
    } else if (p.row_init_at != 0) {
      auto* row_init = reinterpret_cast<int32_t*>(args.scratch + p.row_init_at);
      StartRows(p, taps + first * p.segments, call.rows, row_init);
      call.row_init = row_init;
    }
    std::byte* const out = p.grid.used ? placed : output + (part.row + first) * out_row;
    const int64_t out_stride = p.grid.used ? placed_row : out_row;
    call.out = sums ? args.scratch + p.sums_at : out;
    call.out_stride = sums ? call.columns * int64_t{sizeof(int32_t)} : out_stride;
    p.run(call);
    if (sums) {
      FinishSums(*p.constants, call, static_cast<int32_t>(channel), out, out_stride);
    }
    for (int64_t r = 0; p.grid.used && r < call.rows; ++r) {
      std::memcpy(output + GridPixel(p, part.row + first + r) * out_row, placed + r * placed_row,
                  placed_row);
    }
  }
}

// Of a block. The kernels of floats come to a line of each row sixteen times: where rows lie a
// multiple of the nearest cache's ways apart, all of a block share a set, which must hold them.
int64_t MostRows(const GemmKernels& kernels, int64_t row_stride) {
  constexpr int64_t kWayBytes = 4096, kRowsOfSet = 6;  // of 8 ways; weights pass through the others
  if (kernels.group_k != 1 || row_stride == 0) return kernels.max_rows;
  const int64_t sets = kWayBytes / std::gcd(row_stride, kWayBytes);
  return std::min<int64_t>(kernels.max_rows, kRowsOfSet * sets);
}

}  // namespace

Division Divide(const GemmKernels& kernels, int64_t rows, int64_t groups, int64_t columns,
                int64_t k, int64_t row_stride) {
  Division d;
  d.rows = rows, d.groups = groups;
  const int64_t most_rows = MostRows(kernels, row_stride);
  d.block_rows = CeilDiv(rows, std::max<int64_t>(1, CeilDiv(rows, most_rows)));
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
  if (p.grid.used)
    p.placed_at = take(d.block_rows * d.tile_panels * p.kernels->lanes * p.out_element);
  p.kernel_at = take(p.kernels->ScratchBytes(p.call.taps * p.call.groups));
  if (p.element == 4) return;
  if (p.hybrid()) {
    p.row_init_at = take(d.block_rows * 4);
    p.row_scale_at = take(d.block_rows * 4);
    return;
  }
  if (p.constants->row_factor != 0) p.row_init_at = take(d.block_rows * 4);
  if (!p.constants->requant())
    p.sums_at = take(d.block_rows * d.tile_panels * p.kernels->lanes * 4);
}

TileCode GemmTile(const GemmParams& p, const TileArgs& args, TileRange tiles) {
  for (int64_t tile = tiles.begin; tile < tiles.end; ++tile)
    RunTile(p, args, Part(p.division, tile));
  return TileCode::kOk;
}

}  // namespace heddle::core
