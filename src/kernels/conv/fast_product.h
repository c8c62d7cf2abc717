// SPDX-License-Identifier: Apache-2.0
// A product of input rows, reached through pointers, with packed panels of weights: how it is cut
// into tiles and what a tile does. A tile is a block of output pixels times a block of panels.
#ifndef HEDDLE_KERNELS_CONV_FAST_PRODUCT_H_
#define HEDDLE_KERNELS_CONV_FAST_PRODUCT_H_

#include <memory>

#include "kernels/conv/fast_weights.h"
#include "kernels/conv/row_quantiser.h"
#include "kernels/gemm/gemm.h"

namespace heddle::core {

struct Division {  // of the outputs into tiles; group-major, then panels, then rows
  int64_t rows = 0, groups = 1;
  int64_t block_rows = 0, tile_rows = 0, row_tiles = 0;  // tile_rows: whole blocks
  int64_t panels = 0, tile_panels = 0, panel_tiles = 0;  // of a group

  int64_t tiles() const { return groups * panel_tiles * row_tiles; }
};

// `row_stride`: bytes from where one row is read to where the next is; 0: any.
Division Divide(const GemmKernels& kernels, int64_t rows, int64_t groups, int64_t columns,
                int64_t k, int64_t row_stride = 0);

// Where the rows of a product go when they are not all the pixels of the output: every y_step-th
// row and x_step-th column of it.
struct OutputGrid {
  bool used = false;
  int64_t height = 0, width = 0;  // of the output
  int64_t y = 0, x = 0, y_step = 1, x_step = 1;
};

// Columns of the output whose taps all lie in the image.
struct InsideColumns {
  int64_t begin = 0, end = 0;
};

// Where the rows of a small product are read: worked out once, not by each run. Positions are those
// of the pointers that PointAtRows makes of all rows of a group.
struct RowTable {
  std::vector<int64_t> offsets;   // of all positions, from the group's first byte; empty: no table
  std::vector<int64_t> paddings;  // positions that are padding, ascending
  std::vector<int64_t> ends;      // positions near the end of the input, ascending: perhaps copied
};

// Where the product reads a copy of its input, in the call's shared memory.
struct PaddedLines {
  bool used = false;
  int64_t lines = 0;
  int64_t left = 0, line = 0, bytes = 0;  // of padding, of the input, of all of a line
};

struct GemmParams {
  std::shared_ptr<const FastConstants> constants;
  const GemmKernels* kernels = nullptr;
  GemmFn run = nullptr;
  GemmCall call;  // what all tiles share
  Division division;
  int64_t columns = 0;                   // outputs of a group
  bool packs_weights = false;            // in the call's shared memory, from its beginning
  int64_t element = 0, out_element = 0;  // bytes of an input and of an output element
  // The input.
  RowLayout rows;              // hybrid: the input is these, in the call's shared memory
  bool row_per_pixel = false;  // of `rows`; else a row is a batch item
  bool dense = false;          // row r of the product is row r of the input
  int64_t row_bytes = 0;       // dense: from row to row
  int64_t image_bytes = 0;     // else: from batch item to batch item
  int64_t group_bytes = 0;     // from group to group
  int64_t input_bytes = 0;
  int64_t tap_bytes = 0;  // channels of a tap, in one group
  int32_t out_w = 1, out_h = 1, k_w = 1, k_h = 1;
  TapOffsets offsets;
  InsideColumns inside;
  RowTable table;
  PaddedLines padded;
  OutputGrid grid;
  // A segment is a run of taps that lie side by side in memory; kernels know it as a tap.
  int32_t segments = 1, segment_taps = 1;
  int64_t segment_bytes = 0, segment_padded = 0;  // padded: what a kernel reads
  // Integers in 16 bits: rows are widened into scratch.
  bool gather = false;
  int64_t gathered_row = 0;  // bytes
  // Offsets in scratch.
  size_t taps_at = 0, copies_at = 0, blocks_at = 0, gathered_at = 0, row_init_at = 0, sums_at = 0;
  size_t row_scale_at = 0;
  size_t placed_at = 0, kernel_at = 0;
  size_t scratch_bytes = 0;

  const RowLayout& layout() const { return rows; }
  bool hybrid() const { return constants->hybrid; }
};

// What the epilogue, the constants and the kernels say.
GemmParams StartParams(const ConvSpec& spec, const GemmKernels& kernels,
                       std::shared_ptr<const FastConstants> constants);
// Gives each part of the scratch its place. REQUIRES: all else is set.
void PlaceScratch(GemmParams& p);

TileCode GemmTile(const GemmParams& p, const TileArgs& args, TileRange tiles);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONV_FAST_PRODUCT_H_
