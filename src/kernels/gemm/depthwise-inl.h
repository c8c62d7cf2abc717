// SPDX-License-Identifier: Apache-2.0
// The loop nest of all depthwise products, over a type M that knows an ISA and an arithmetic:
//   kLanes, kTaps (of a group), kGroupBytes (weights of a group), kInputBytes (of a channel)
//   kPixels (outputs at a time)
//   M(call); Acc Init(channel); X Load<full>(pointers to kTaps taps, count); W Weights(pointer);
//   void Dot(acc&, x, w); void Store<full>(acc, out of the pixel, channel, count)
// `full`: all lanes of the block are channels. Included by files compiled for one ISA: everything
// here has internal linkage.
#ifndef HEDDLE_KERNELS_GEMM_DEPTHWISE_INL_H_
#define HEDDLE_KERNELS_GEMM_DEPTHWISE_INL_H_

#include "kernels/gemm/depthwise.h"
#include "kernels/gemm/unroll.h"

namespace heddle::core {
namespace {

template <class M, int Q, bool kFull>
void DepthwiseBlock(const DepthwiseCall& call, int64_t pixel, int64_t channel,
                    int64_t block_bytes) {
  const M m(call);
  const int64_t count = call.channels - channel;
  const std::byte* const* column[Q];
  typename M::Acc acc[Q];
  HEDDLE_UNROLL
  for (int q = 0; q < Q; ++q) {
    column[q] = call.columns + (pixel + q) * call.step;
    acc[q] = m.Init(channel);
  }
  const std::byte* w = call.weights + channel / M::kLanes * block_bytes;
  const int32_t* taps = call.taps;
  for (int32_t g = 0; g < call.groups; ++g, w += M::kGroupBytes, taps += M::kTaps) {
    const typename M::W weights = m.Weights(w);
    HEDDLE_UNROLL
    for (int q = 0; q < Q; ++q) {
      const std::byte* x[M::kTaps];
      HEDDLE_UNROLL
      for (int t = 0; t < M::kTaps; ++t) x[t] = column[q][taps[t]] + channel * M::kInputBytes;
      m.Dot(acc[q], m.template Load<kFull>(x, count), weights);
    }
  }
  HEDDLE_UNROLL
  for (int q = 0; q < Q; ++q)
    m.template Store<kFull>(acc[q], call.out + (pixel + q) * call.out_stride, channel, count);
}

template <class M, int Q>
void DepthwisePixels(const DepthwiseCall& call, int64_t pixel) {
  const int64_t block_bytes = int64_t{call.groups} * M::kGroupBytes;
  int64_t channel = 0;
  for (; channel + M::kLanes <= call.channels; channel += M::kLanes)
    DepthwiseBlock<M, Q, true>(call, pixel, channel, block_bytes);
  if (channel < call.channels) DepthwiseBlock<M, Q, false>(call, pixel, channel, block_bytes);
}

template <class M, int Q = M::kPixels>
void DepthwiseRest(const DepthwiseCall& call, int64_t pixel) {
  if (call.pixels - pixel == Q) return DepthwisePixels<M, Q>(call, pixel);
  if constexpr (Q > 1) DepthwiseRest<M, Q - 1>(call, pixel);
}

template <class M>
void DepthwiseRun(const DepthwiseCall& call) {
  int64_t pixel = 0;
  for (; pixel + M::kPixels <= call.pixels; pixel += M::kPixels)
    DepthwisePixels<M, M::kPixels>(call, pixel);
  DepthwiseRest<M>(call, pixel);
}

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_DEPTHWISE_INL_H_
