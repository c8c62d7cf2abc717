// SPDX-License-Identifier: Apache-2.0
// The loops of the plain forms over a Math (plain.h), and the lowering that they share.
#ifndef HEDDLE_KERNELS_CONV_LOOPS_H_
#define HEDDLE_KERNELS_CONV_LOOPS_H_

#include <utility>

#include "kernels/conv/plain.h"

namespace heddle::core {

// The taps of a kernel axis that lie inside the image: begin, begin + step, ... below `end`. The
// first reads position `first`, each next one `advance` further.
struct Taps {
  int32_t begin, end, step, first, advance;
};
inline Taps TapsInside(int32_t out, int32_t stride, int32_t pad, int64_t dilation, int32_t k,
                       int32_t in) {
  const int32_t origin = out * stride - pad;
  const int64_t begin = origin >= 0 ? 0 : (dilation - 1 - origin) / dilation;
  const int64_t end = origin >= in ? 0 : (in - origin + dilation - 1) / dilation;
  return {static_cast<int32_t>(std::min<int64_t>(begin, k)),
          static_cast<int32_t>(std::min<int64_t>(end, k)), 1,
          static_cast<int32_t>(origin + std::min<int64_t>(begin, k) * dilation),
          static_cast<int32_t>(dilation)};
}
inline Taps TransposedTaps(int32_t out, int32_t stride, int32_t pad, int32_t k, int32_t in) {
  const int64_t reach = int64_t{out} + pad;
  const int64_t earliest = reach - (int64_t{in} - 1) * stride;
  const int64_t begin = earliest >= 0 ? earliest : reach % stride;
  return {static_cast<int32_t>(std::min<int64_t>(begin, k)),
          static_cast<int32_t>(std::min<int64_t>(reach + 1, k)), stride,
          static_cast<int32_t>((reach - begin) / stride), -1};
}
inline Taps RowTaps(const ConvGeometry& g, int32_t y) {
  return g.transposed ? TransposedTaps(y, g.stride_h, g.pad_h, g.k_h, g.in_h)
                      : TapsInside(y, g.stride_h, g.pad_h, g.dil_h, g.k_h, g.in_h);
}
inline Taps ColumnTaps(const ConvGeometry& g, int32_t x) {
  return g.transposed ? TransposedTaps(x, g.stride_w, g.pad_w, g.k_w, g.in_w)
                      : TapsInside(x, g.stride_w, g.pad_w, g.dil_w, g.k_w, g.in_w);
}

template <class Math>
struct WindowParams {
  ConvGeometry g;
  Math math;
  bool columns_first = false;

  const auto& layout() const { return math.rows; }  // of a hybrid Math
};

template <class Math>
struct DenseParams {
  static constexpr int32_t kBlock = 64;  // columns of a tile
  FcGeometry g;
  Math math;

  int64_t blocks() const { return (int64_t{g.units} + kBlock - 1) / kBlock; }
  const auto& layout() const { return math.rows; }  // of a hybrid Math
};

// One output of CONV_2D or TRANSPOSE_CONV. `image`: its batch item, at the first channel of its
// group.
template <class Bound>
typename Bound::Sum SumOfFilter(const Bound& m, const ConvGeometry& g,
                                const typename Bound::In* image, int32_t channel, Taps rows,
                                Taps columns) {
  const int32_t depth = g.filter_c();
  typename Bound::Sum sum = m.Start(channel);
  int64_t y = rows.first;  // a step past the last tap may be past 31 bits
  for (int64_t ky = rows.begin; ky < rows.end; ky += rows.step, y += rows.advance) {
    const int64_t line = y * g.in_w;
    int64_t column = columns.first;
    for (int64_t kx = columns.begin; kx < columns.end;
         kx += columns.step, column += columns.advance) {
      const auto* x = image + (line + column) * g.in_c;
      const auto* w = m.weights + ((int64_t{channel} * g.k_h + ky) * g.k_w + kx) * depth;
      for (int32_t i = 0; i < depth; ++i) sum = m.Add(sum, x[i], w[i]);
    }
  }
  return sum;
}

// Outputs first..first + n of a pixel of DEPTHWISE_CONV_2D. `image`: its batch item. Channels go
// innermost, where compilers make vectors of them; an output's chain is over its taps alone.
template <class Bound>
void SumsOfPlanes(const Bound& m, const ConvGeometry& g, const typename Bound::In* image,
                  int32_t first, int32_t n, Taps rows, Taps columns, bool columns_first,
                  typename Bound::Sum* sums) {
  for (int32_t i = 0; i < n; ++i) sums[i] = m.Start(first + i);
  const auto tap = [&](int32_t ky, int32_t kx) {
    const int64_t line = int64_t{rows.first + (ky - rows.begin) * g.dil_h} * g.in_w;
    const auto* x = image + (line + columns.first + (kx - columns.begin) * g.dil_w) * g.in_c;
    const auto* w = m.weights + (int64_t{ky} * g.k_w + kx) * g.out_c + first;
    if (g.depth_multiplier == 1) {
      for (int32_t i = 0; i < n; ++i) sums[i] = m.Add(sums[i], x[first + i], w[i]);
    } else {
      for (int32_t i = 0; i < n; ++i)
        sums[i] = m.Add(sums[i], x[(first + i) / g.depth_multiplier], w[i]);
    }
  };
  if (columns_first) {
    for (int32_t kx = columns.begin; kx < columns.end; ++kx)
      for (int32_t ky = rows.begin; ky < rows.end; ++ky) tap(ky, kx);
  } else {
    for (int32_t ky = rows.begin; ky < rows.end; ++ky)
      for (int32_t kx = columns.begin; kx < columns.end; ++kx) tap(ky, kx);
  }
}

// A tile is a row of the output.
template <class Math, bool kDepthwise>
TileCode WindowTile(const WindowParams<Math>& p, const TileArgs& args, TileRange tiles) {
  const ConvGeometry& g = p.g;
  auto m = p.math.Bind(args);
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    const int64_t batch = row / g.out_h;
    const auto* image = m.input + batch * g.in_h * g.in_w * g.in_c;
    const Taps rows = RowTaps(g, static_cast<int32_t>(row % g.out_h));
    for (int32_t ox = 0; ox < g.out_w; ++ox) {
      const Taps columns = ColumnTaps(g, ox);
      const int64_t pixel = row * g.out_w + ox;
      m.Enter(batch, pixel);
      auto* out = m.output + pixel * g.out_c;
      if constexpr (kDepthwise) {
        constexpr int32_t kBlock = 64;
        typename decltype(m)::Sum sums[kBlock];
        for (int32_t c = 0; c < g.out_c; c += kBlock) {
          const int32_t n = std::min(kBlock, g.out_c - c);
          SumsOfPlanes(m, g, image, c, n, rows, columns, p.columns_first, sums);
          for (int32_t i = 0; i < n; ++i) out[c + i] = m.Finish(sums[i], c + i);
        }
      } else {
        for (int32_t c = 0; c < g.out_c; ++c) {
          const int32_t first = c / (g.out_c / g.groups) * g.filter_c();
          out[c] = m.Finish(SumOfFilter(m, g, image + first, c, rows, columns), c);
        }
      }
    }
  }
  return TileCode::kOk;
}

// A tile is a block of columns of a row.
template <class Math>
TileCode DenseTile(const DenseParams<Math>& p, const TileArgs& args, TileRange tiles) {
  auto m = p.math.Bind(args);
  const int64_t blocks = p.blocks();
  for (int64_t tile = tiles.begin; tile < tiles.end; ++tile) {
    const int64_t row = tile / blocks;
    const auto begin = static_cast<int32_t>(tile % blocks * p.kBlock);
    const int32_t end = std::min(begin + p.kBlock, p.g.units);
    const auto* x = m.input + row * p.g.depth;
    m.Enter(row, row);
    for (int32_t c = begin; c < end; ++c) {
      const auto* w = m.weights + int64_t{c} * p.g.depth;
      auto sum = m.Start(c);
      for (int32_t i = 0; i < p.g.depth; ++i) sum = m.Add(sum, x[i], w[i]);
      m.output[row * p.g.units + c] = m.Finish(sum, c);
    }
  }
  return TileCode::kOk;
}

inline float TileNs(int64_t macs, int64_t tiles, float mac_ns) {
  return tiles == 0 ? 0.0f : 50.0f + mac_ns * static_cast<float>(macs) / static_cast<float>(tiles);
}

// Sets the step's phase that multiplies. `math_of(out_channels, groups)` makes the Math.
template <class MathOf>
Status LowerPlain(const ConvSpec& spec, std::span<const Operand> inputs, float mac_ns,
                  const MathOf& math_of, Step& step) {
  using Math = decltype(math_of(0, 0));
  step.kernel = "plain";
  if (spec.kind == ConvKind::kFullyConnected) {
    HEDDLE_ASSIGN(const FcGeometry g, MakeFcGeometry(spec, inputs));
    DenseParams<Math> params{g, math_of(g.units, 1)};
    step.macs = g.macs();
    const int64_t tiles = g.rows * params.blocks();
    SetTiled<&DenseTile<Math>>(step, std::move(params), tiles, TileNs(step.macs, tiles, mac_ns));
    return Status();
  }
  HEDDLE_ASSIGN(const ConvGeometry g, MakeConvGeometry(spec, inputs));
  step.macs = g.macs();
  const int64_t tiles = g.out_w == 0 || g.out_c == 0 ? 0 : int64_t{g.batch} * g.out_h;
  const float ns = TileNs(step.macs, tiles, mac_ns);
  const bool columns_first = spec.columns_first() && g.depth_multiplier == 1;
  WindowParams<Math> params{g, math_of(g.out_c, g.groups), columns_first};
  if (spec.kind == ConvKind::kDepthwise) {
    SetTiled<&WindowTile<Math, true>>(step, std::move(params), tiles, ns);
  } else {
    SetTiled<&WindowTile<Math, false>>(step, std::move(params), tiles, ns);
  }
  return Status();
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONV_LOOPS_H_
