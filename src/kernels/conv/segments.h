// SPDX-License-Identifier: Apache-2.0
// Where the rows of a product are read. A row is `segments` pieces of the input, of the padding, or
// of a copy where a piece crosses the edge of the image.
#ifndef HEDDLE_KERNELS_CONV_SEGMENTS_H_
#define HEDDLE_KERNELS_CONV_SEGMENTS_H_

#include "kernels/conv/fast_product.h"

namespace heddle::core {

// How rows are read. REQUIRES: taps, their bytes and segment_taps are set. `k`: weights of an
// output.
void PlanSegments(const GemmKernels& kernels, int64_t k, GemmParams& p);

// Looks rows up in a table from now on, where that is small. REQUIRES: all else is set.
void TabulateRows(GemmParams& p);

// Points at rows [row, row + rows) of a group: [block][segment][row of the block].
void PointAtRows(const GemmParams& p, const TileArgs& args, int64_t group, int64_t row,
                 int64_t rows, const std::byte** to);

// Lets a convolution read a copy of its input whose lines have their padding in place, where that
// is cheaper than a copy at each edge. `g`: becomes that of the copy. REQUIRES: p.segment_taps and
// p.row_bytes are set.
void PadLines(ConvGeometry& g, GemmParams& p);
// Makes the step, whose only phase is the product, copy first. REQUIRES: p.padded.used.
void PrependPadding(const PaddedLines& padded, Step& step);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONV_SEGMENTS_H_
