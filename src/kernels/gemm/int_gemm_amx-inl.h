// SPDX-License-Identifier: Apache-2.0
// Integer products by tiles of AMX, over a type Tiles that has the instructions (the CPU's, or a
// model of them in tests):
//   explicit Tiles(const TileShapes&): configures and clears; the destructor releases
//   Zero<T>(); Load<T>(from, stride); Store<T>(to, stride)
//   Dot<C, A, B>(): adds to C unsigned bytes of A by int8 of B, modulo 2^32
// A tile of weights is read from the panel of VNNI as it is, 16 groups of it.
#ifndef HEDDLE_KERNELS_GEMM_INT_GEMM_AMX_INL_H_
#define HEDDLE_KERNELS_GEMM_INT_GEMM_AMX_INL_H_

#include "kernels/gemm/gemm-inl.h"
#include "kernels/gemm/int_gemm_avx512vnni-inl.h"

namespace heddle::core {
namespace {

constexpr int kTileRows = 16, kTileRowBytes = 64, kTileGroups = 16;

// What LDTILECFG reads. Sums are tiles 2 * i + j of rows i and panels j, rows 4 + i, weights 6 + j.
struct alignas(64) TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};

  void Set(int tile, int64_t of_rows, int64_t bytes) {
    rows[tile] = static_cast<uint8_t>(of_rows);
    row_bytes[tile] = static_cast<uint16_t>(bytes);
  }
};
static_assert(sizeof(TileShapes) == 64);

// The groups of all taps, one after the other, in blocks of 16 or of as many as there are. A last
// block that is not whole goes back over groups that the one before had: their rows are zeros
// there.
struct TileBlocks {
  int64_t total, count, groups, repeated;

  explicit TileBlocks(const GemmCall& call)
      : total(call.taps * call.groups),
        count((total + kTileGroups - 1) / kTileGroups),
        groups(count == 1 ? total : kTileGroups),
        repeated(count * groups - total) {}
  int64_t First(int64_t block) const {
    return block + 1 < count ? block * kTileGroups : total - groups;
  }
};

inline TileShapes ShapesOf(int32_t rows, const TileBlocks& blocks) {
  TileShapes shapes;
  const int32_t of_tile[] = {rows < kTileRows ? rows : kTileRows,
                             rows < kTileRows ? 0 : rows - kTileRows};
  for (int i = 0; i < 2 && of_tile[i] > 0; ++i) {
    for (int j = 0; j < 2; ++j) shapes.Set(2 * i + j, of_tile[i], kTileRowBytes);
    shapes.Set(4 + i, of_tile[i], blocks.groups * 4);
  }
  for (int j = 0; j < 2; ++j) shapes.Set(6 + j, blocks.groups, kTileRowBytes);
  return shapes;
}

// Scratch is [block][row][64 bytes]: a row of the product without its gaps, made unsigned.
inline void CopyRow(const GemmCall& call, const TileBlocks& blocks, int32_t row) {
  const __m512i flip = _mm512_set1_epi32(static_cast<int32_t>(call.flip));
  const auto block_at = [&](int64_t block) {
    return call.scratch + (block * call.rows + row) * kTileRowBytes;
  };
  if (blocks.repeated > 0) _mm512_storeu_si512(block_at(blocks.count - 1), _mm512_setzero_si512());
  int64_t block = 0, at = 0;
  for (int32_t tap = 0; tap < call.taps; ++tap) {
    const std::byte* from = call.a[tap * call.rows + row];
    for (int64_t left = call.groups * 4; left > 0;) {
      const int64_t n = left < kTileRowBytes - at ? left : kTileRowBytes - at;
      const __mmask64 bytes = ~uint64_t{0} >> (64 - n);
      const __m512i x = _mm512_xor_si512(_mm512_maskz_loadu_epi8(bytes, from), flip);
      _mm512_mask_storeu_epi8(block_at(block) + at, bytes, x);
      from += n, at += n, left -= n;
      if (at < kTileRowBytes) continue;
      ++block;
      at = block + 1 == blocks.count ? blocks.repeated * 4 : 0;
    }
  }
}

// The epilogue of one tile of sums.
template <int T, GemmForm kForm, class Tiles>
void FinishTile(const GemmCall& call, Tiles& tiles, int first, int64_t column) {
  alignas(64) int32_t sums[kTileRows * 16];
  tiles.template Store<T>(sums, kTileRowBytes);
  const IntAvx512<kForm> m(call);
  for (int i = 0; i < kTileRows && first + i < call.rows; ++i) {
    const __m512i start = m.Init(first + i, column);
    m.Store(_mm512_add_epi32(start, _mm512_load_si512(sums + i * 16)), first + i, column,
            call.columns - column);
  }
}

// P panels from `panel` on by 16 * R rows.
template <int R, int P, GemmForm kForm, class Tiles>
void TilePanels(const GemmCall& call, const TileBlocks& blocks, Tiles& tiles, int64_t panel) {
  constexpr bool kTwoRows = R == 2, kTwoPanels = P == 2;
  tiles.template Zero<0>();
  if constexpr (kTwoPanels) tiles.template Zero<1>();
  if constexpr (kTwoRows) tiles.template Zero<2>();
  if constexpr (kTwoRows && kTwoPanels) tiles.template Zero<3>();
  const std::byte* weights = call.weights + panel * call.panel_bytes;
  const std::byte* rows = call.scratch;
  for (int64_t b = 0; b < blocks.count; ++b, rows += call.rows * kTileRowBytes) {
    const std::byte* w = weights + blocks.First(b) * kTileRowBytes;
    tiles.template Load<4>(rows, kTileRowBytes);
    tiles.template Load<6>(w, kTileRowBytes);
    tiles.template Dot<0, 4, 6>();
    if constexpr (kTwoPanels) {
      tiles.template Load<7>(w + call.panel_bytes, kTileRowBytes);
      tiles.template Dot<1, 4, 7>();
    }
    if constexpr (kTwoRows) {
      tiles.template Load<5>(rows + kTileRows * kTileRowBytes, kTileRowBytes);
      tiles.template Dot<2, 5, 6>();
    }
    if constexpr (kTwoRows && kTwoPanels) tiles.template Dot<3, 5, 7>();
  }
  const int64_t column = panel * 16;
  FinishTile<0, kForm>(call, tiles, 0, column);
  if constexpr (kTwoPanels) FinishTile<1, kForm>(call, tiles, 0, column + 16);
  if constexpr (kTwoRows) FinishTile<2, kForm>(call, tiles, kTileRows, column);
  if constexpr (kTwoRows && kTwoPanels) FinishTile<3, kForm>(call, tiles, kTileRows, column + 16);
}

template <int R, GemmForm kForm, class Tiles>
void TileRows(const GemmCall& call, const TileBlocks& blocks, Tiles& tiles) {
  const int64_t panels = (call.columns + 15) / 16;
  int64_t panel = 0;
  for (; panel + 2 <= panels; panel += 2) TilePanels<R, 2, kForm>(call, blocks, tiles, panel);
  if (panel < panels) TilePanels<R, 1, kForm>(call, blocks, tiles, panel);
}

// So few rows leave most of a tile empty: they are VNNI's.
template <GemmForm kForm>
struct FewRows : Vnni<kForm> {
  static constexpr int kMaxRows = 4, kWideRows = 4;
  using Vnni<kForm>::Vnni;
};

// Tiles are configured and released within the call: its thread keeps nothing of them.
template <GemmForm kForm, class Tiles>
void TileRun(const GemmCall& call) {
  const TileBlocks blocks(call);
  if (call.rows <= FewRows<kForm>::kMaxRows) return GemmRun<FewRows<kForm>>(call);
  for (int32_t row = 0; row < call.rows; ++row) CopyRow(call, blocks, row);
  Tiles tiles(ShapesOf(call.rows, blocks));
  if (call.rows <= kTileRows) return TileRows<1, kForm>(call, blocks, tiles);
  TileRows<2, kForm>(call, blocks, tiles);
}

template <class Tiles>
constexpr GemmKernels TileKernels(const char* name) {
  return {
      .name = name,
      .lanes = 16,
      .group_k = 4,
      .max_rows = 2 * kTileRows,
      .macs_per_ns = 800,
      .first = &TileRun<GemmForm::kIntSums, Tiles>,
      .second = &TileRun<GemmForm::kIntRequant, Tiles>,
      .third = &TileRun<GemmForm::kIntScaled, Tiles>,
      .block_scratch = 2 * kTileRows * kTileRowBytes,
  };
}

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_INT_GEMM_AMX_INL_H_
