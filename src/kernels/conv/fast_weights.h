// SPDX-License-Identifier: Apache-2.0
// What the fast forms make of constants: packed weights, which depend on weights, operator and ISA
// only, and the constants of one use (bias, zero points, scales, a row of padding).
#ifndef HEDDLE_KERNELS_CONV_FAST_WEIGHTS_H_
#define HEDDLE_KERNELS_CONV_FAST_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/conv/spec.h"
#include "kernels/gemm/depthwise.h"
#include "kernels/operators.h"

namespace heddle::core {

inline int64_t CeilDiv(int64_t n, int64_t d) { return (n + d - 1) / d; }

using OperationPtr = std::unique_ptr<Operation>;

// Which output channel each lane of the packed weights computes; -1: none, its weights are zeros.
std::vector<int32_t> PanelLanes(int32_t channels, int32_t groups, int32_t lanes);
std::vector<int32_t> BlockLanes(int32_t channels, const DepthwiseKernels& kernels);

// Packed as [block of `block` lanes][k / group_k][lane][group_k].
struct WeightsLayout {
  std::string_view name;       // of the form that reads it, part of the key
  std::vector<int32_t> lanes;  // whole blocks
  int32_t block = 0, group_k = 1;
  int64_t k = 0;                  // weights of an output
  std::vector<int64_t> k_offset;  // their places in the source, in the order of k; -1: a zero
  int64_t channel_stride = 0;     // elements of the source
  int32_t zero = 0;               // subtracted from integers
  bool widen = false;             // int16 instead of int8
  int32_t row_offset = 0;         // GemmKernels::row_offset

  int64_t padded_k() const {
    return (static_cast<int64_t>(k_offset.size()) + group_k - 1) / group_k * group_k;
  }
};

struct PackedWeights {
  const std::byte* data = nullptr;
  int64_t block_bytes = 0;
  const int32_t* sums = nullptr;  // integers: of the stored weights of each lane
  // Floats: no infinity, no NaN. Zeros in the padding, which XNNPACK reads too, then give what
  // skipped taps give, but for the sign of a zero whose bias is -0.
  bool finite = true;
};
// REQUIRES: FastConstantsFit.
Result<PackedWeights> PackWeights(const MakeArgs& args, const ConvSpec& spec,
                                  const WeightsLayout& layout);

// Constants in the order of lanes.
struct FastConstants {
  std::vector<float> bias;         // floats and hybrid
  std::vector<int32_t> sums;       // integers: what a sum of stored bytes starts from; hybrid: the
                                   // sums of the weights
  std::vector<int64_t> bias64;     // int16, by output channel: sums start from 0
  std::vector<float> scale;        // kRequantFloat and hybrid
  std::vector<std::byte> padding;  // the bytes of an input pixel outside the image
  uint32_t flip = 0;               // makes input bytes unsigned
  int32_t row_factor = 0;          // integers: times the sum of the unsigned bytes of a row
  FloatEpilogue float_epilogue{};
  IntEpilogue int_epilogue;
  bool hybrid = false;

  bool requant() const { return int_epilogue.kind == IntEpilogue::Kind::kRequantFloat; }
};
// `groups`: of CONV_2D. `padding_channels`: of an input pixel.
FastConstants MakeFastConstants(const MakeArgs& args, const ConvSpec& spec,
                                const WeightsLayout& layout, const PackedWeights& weights,
                                int32_t out_channels, int32_t groups, int64_t padding_channels);

// Whether a fast form may take the operator: types that kernels know, constants that are there and
// as long as they must be. What else is wrong with them is the plain form's to say.
bool FastConstantsFit(const MakeArgs& args, const ConvSpec& spec, int32_t out_channels);
// The same for rows of int16, and whether their sums, without the bias, fit 32 bits whatever the
// input: the plain form's have 64.
bool FastConstantsFit16(const MakeArgs& args, const ConvSpec& spec, int32_t out_channels,
                        int64_t channel_stride, int64_t k, int64_t k_stride);

// Where an output finds its taps along one axis of the input. Computed, not kept: a window of 256
// samples over a second of sound would be a table of megabytes.
struct TapAxis {
  int64_t first = 0, of_output = 1, of_tap = 1;  // steps of the input
  int64_t in = 0;                                // so long; 0: no tap is inside
  int64_t bytes = 0;                             // of a step
  // The place of an output's first tap, which may be outside.
  int64_t Place(int64_t output) const { return first + output * of_output; }
  // In bytes; -1: outside.
  int64_t Offset(int64_t place) const {
    return static_cast<uint64_t>(place) < static_cast<uint64_t>(in) ? place * bytes : -1;
  }
  int64_t At(int64_t output, int64_t tap) const { return Offset(Place(output) + tap * of_tap); }
};
struct TapOffsets {
  TapAxis rows, columns;  // of an image, and of a row
};
TapOffsets MakeTapOffsets(const ConvGeometry& g, int64_t pixel_bytes);

// A depthwise convolution of one input channel is an ordinary one with the weights transposed.
MadeOperation MakeFastOneChannel(const MakeArgs& args, const ConvSpec& spec);

// FULLY_CONNECTED with weights that are no constant.
MadeOperation MakeFastDynamic(const MakeArgs& args, const ConvSpec& spec);

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_CONV_FAST_WEIGHTS_H_
