// SPDX-License-Identifier: Apache-2.0
// The loop nest of all depthwise products, over a type M that knows an ISA and an arithmetic:
//   kLanes, kTaps (of a group), kGroupBytes (weights of a group), kInputBytes (of a channel)
//   kPixels (outputs at a time), kSharing
//   M(call); Acc Init(channel); X Load<full>(pointers to kTaps taps, count); W Weights(pointer);
//   void Dot(acc&, x, w); void Store<full>(acc, out of the pixel, channel, count)
//   kPairs: W Right(w)
// `full`: all lanes of the block are channels. Included by files compiled for one ISA: everything
// here has internal linkage.
#ifndef HEDDLE_KERNELS_GEMM_DEPTHWISE_INL_H_
#define HEDDLE_KERNELS_GEMM_DEPTHWISE_INL_H_

#include "kernels/gemm/depthwise.h"
#include "kernels/gemm/unroll.h"

namespace heddle::core {
namespace {

// How three by three windows share inputs.
enum class DepthwiseSharing {
  kNone,
  kColumns,  // one tap at a time: each column is loaded once for all outputs that it belongs to
  kPairs,    // four taps: four columns of a row serve two outputs
};

// One block of channels.
template <class M, bool kFull>
struct DepthwiseBlock {
  const DepthwiseCall& call;
  const M m;
  const int64_t channel, count;  // the first channel, and how many there are from it on
  const std::byte* const weights;

  DepthwiseBlock(const DepthwiseCall& c, int64_t first, const std::byte* w)
      : call(c), m(c), channel(first), count(c.channels - first), weights(w) {}

  // Q outputs from the window at `grid` on.
  template <int Q>
  void Taps(const std::byte* const* grid, std::byte* out) const {
    typename M::Acc acc[Q];
    HEDDLE_UNROLL
    for (int q = 0; q < Q; ++q) acc[q] = m.Init(channel);
    const std::byte* w = weights;
    const int32_t* taps = call.taps;
    for (int32_t g = 0; g < call.groups; ++g, w += M::kGroupBytes, taps += M::kTaps) {
      const typename M::W group = m.Weights(w);
      HEDDLE_UNROLL
      for (int q = 0; q < Q; ++q) {
        const std::byte* x[M::kTaps];
        HEDDLE_UNROLL
        for (int t = 0; t < M::kTaps; ++t)
          x[t] = grid[q * call.step + taps[t]] + channel * M::kInputBytes;
        m.Dot(acc[q], m.template Load<kFull>(x, count), group);
      }
    }
    HEDDLE_UNROLL
    for (int q = 0; q < Q; ++q)
      m.template Store<kFull>(acc[q], out + q * call.out_stride, channel, count);
  }

  // The same for three by three neighbours at stride S: each input column is loaded once for all
  // outputs that it belongs to, which meet their columns in order.
  template <int Q, int S>
  void Columns(const std::byte* const* grid, std::byte* out) const {
    typename M::W w[9];
    typename M::Acc acc[Q];
    HEDDLE_UNROLL
    for (int t = 0; t < 9; ++t) w[t] = m.Weights(weights + t * M::kGroupBytes);
    HEDDLE_UNROLL
    for (int q = 0; q < Q; ++q) acc[q] = m.Init(channel);
    HEDDLE_UNROLL
    for (int column = 0; column < (Q - 1) * S + 3; ++column) {
      typename M::X x[3];
      HEDDLE_UNROLL
      for (int y = 0; y < 3; ++y) {
        const std::byte* const at[1] = {grid[y * call.square + column] + channel * M::kInputBytes};
        x[y] = m.template Load<kFull>(at, count);
      }
      HEDDLE_UNROLL
      for (int q = 0; q < Q; ++q) {
        const int tap = column - q * S;
        if (tap < 0 || tap > 2) continue;
        HEDDLE_UNROLL
        for (int y = 0; y < 3; ++y) m.Dot(acc[q], x[y], w[tap * 3 + y]);
      }
    }
    HEDDLE_UNROLL
    for (int q = 0; q < Q; ++q)
      m.template Store<kFull>(acc[q], out + q * call.out_stride, channel, count);
  }

  // The same at stride 1, two outputs from each load of four columns.
  template <int Q>
  void Pairs(const std::byte* const* grid, std::byte* out) const {
    typename M::Acc acc[Q];
    HEDDLE_UNROLL
    for (int q = 0; q < Q; ++q) acc[q] = m.Init(channel);
    for (int y = 0; y < 3; ++y, grid += call.square) {
      const typename M::W left = m.Weights(weights + y * M::kGroupBytes);
      const typename M::W right = m.Right(left);
      HEDDLE_UNROLL
      for (int q = 0; q < Q; q += 2) {
        const std::byte* x[4];
        HEDDLE_UNROLL
        for (int t = 0; t < 4; ++t) x[t] = grid[q + t] + channel * M::kInputBytes;
        const typename M::X columns = m.template Load<kFull>(x, count);
        m.Dot(acc[q], columns, left);
        m.Dot(acc[q + 1], columns, right);
      }
    }
    HEDDLE_UNROLL
    for (int q = 0; q < Q; ++q)
      m.template Store<kFull>(acc[q], out + q * call.out_stride, channel, count);
  }

  // S: 0 for any window.
  template <int S, int Q>
  void Outputs(const std::byte* const* grid, std::byte* out) const {
    if constexpr (S == 0) {
      Taps<Q>(grid, out);
    } else if constexpr (M::kSharing == DepthwiseSharing::kColumns) {
      Columns<Q, S>(grid, out);
    } else {
      if constexpr (Q > 1) Pairs<Q / 2 * 2>(grid, out);
      if constexpr (Q % 2 == 1) Taps<1>(grid + Q - 1, out + (Q - 1) * call.out_stride);
    }
  }
  template <int S, int Q>
  void Rest(int64_t pixels, const std::byte* const* grid, std::byte* out) const {
    if (pixels == Q) return Outputs<S, Q>(grid, out);
    if constexpr (Q > 1) Rest<S, Q - 1>(pixels, grid, out);
  }
  template <int S>
  void Rows() const {
    for (int64_t y = 0; y < call.rows; ++y) {
      const std::byte* const* grid = call.grid + y * call.row_step;
      std::byte* out = call.out + y * call.out_row_stride;
      int64_t left = call.pixels;
      for (; left >= M::kPixels; left -= M::kPixels) {
        Outputs<S, M::kPixels>(grid, out);
        grid += M::kPixels * call.step;
        out += M::kPixels * call.out_stride;
      }
      if (left > 0) Rest<S, M::kPixels - 1>(left, grid, out);
    }
  }
  void Run() const {
    if constexpr (M::kSharing != DepthwiseSharing::kNone) {
      if (call.square != 0 && call.step == 1) return Rows<1>();
    }
    if constexpr (M::kSharing == DepthwiseSharing::kColumns) {
      if (call.square != 0 && call.step == 2) return Rows<2>();
    }
    Rows<0>();
  }
};

// Narrow: for a last block that it is wide enough for.
template <class M, class Narrow = M>
void DepthwiseRun(const DepthwiseCall& call) {
  const std::byte* weights = call.weights;
  const int64_t block_bytes = int64_t{call.groups} * M::kGroupBytes;
  int64_t channel = 0;
  for (; channel + M::kLanes <= call.channels; channel += M::kLanes, weights += block_bytes)
    DepthwiseBlock<M, true>(call, channel, weights).Run();
  const int64_t left = call.channels - channel;
  if (left == 0) return;
  if (left == Narrow::kLanes) return DepthwiseBlock<Narrow, true>(call, channel, weights).Run();
  if (left < Narrow::kLanes) return DepthwiseBlock<Narrow, false>(call, channel, weights).Run();
  DepthwiseBlock<M, false>(call, channel, weights).Run();
}

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_DEPTHWISE_INL_H_
