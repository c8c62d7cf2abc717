// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/fast_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/conv/plain.h"
#include "kernels/part_filler.h"

namespace heddle::core {
namespace {

int64_t RoundUp(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }

// Weights of a channel at a time: what they become stays in the nearest cache until all lanes of a
// block have been there. A multiple of every group_k.
constexpr int64_t kChunk = 256;

// How many weights, from the first on, lie side by side in the source.
int64_t SideBySide(const WeightsLayout& layout) {
  const std::vector<int64_t>& offset = layout.k_offset;
  size_t n = 0;
  while (n < offset.size() && offset[n] >= 0 && offset[n] == offset[0] + static_cast<int64_t>(n))
    ++n;
  return static_cast<int64_t>(n);
}

// Weights [k0, k0 + n) of the channel at `source`, as they are stored; the first `side_by_side` of
// the channel are.
template <class To, class From>
void Convert(const WeightsLayout& layout, int64_t side_by_side, const From* source, int64_t k0,
             int64_t n, To* to) {
  const From zero = static_cast<From>(layout.zero);
  const int64_t simple = std::clamp<int64_t>(side_by_side - k0, 0, n);
  if (simple > 0) {
    const From* from = source + layout.k_offset[0] + k0;
    for (int64_t i = 0; i < simple; ++i) to[i] = static_cast<To>(from[i] - zero);
  }
  for (int64_t i = simple; i < n; ++i) {
    const auto k = static_cast<size_t>(k0 + i);
    const int64_t offset = k < layout.k_offset.size() ? layout.k_offset[k] : -1;
    to[i] = offset < 0 ? To{0} : static_cast<To>(source[offset] - zero);
  }
}

// What stands after the blocks: the sum of each lane's integers; of floats, whether all are finite.
template <class T>
void AddToSums(const T* row, int64_t n, int32_t* sums, size_t lane) {
  int32_t sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += row[i];
  sums[lane] += sum;
}
void AddToSums(const float* row, int64_t n, int32_t* finite, size_t) {
  constexpr uint32_t kExponent = 0x7F800000;
  uint32_t none = 0;
  for (int64_t i = 0; i < n; ++i)
    none |= (std::bit_cast<uint32_t>(row[i]) & kExponent) == kExponent ? 1 : 0;
  if (none != 0) std::atomic_ref(finite[0]).store(0, std::memory_order_relaxed);
}

struct Blocks {
  int64_t begin, end;
};

template <int kGroup, class To, class From>
void FillBlocks(const WeightsLayout& layout, const From* source, Blocks blocks, To* to,
                int32_t* sums) {
  const int64_t side_by_side = SideBySide(layout), stride = int64_t{layout.block} * kGroup;
  const auto block = static_cast<size_t>(layout.block);
  const size_t end = static_cast<size_t>(blocks.end) * block;
  to += blocks.begin * layout.block * layout.padded_k();
  To row[kChunk];
  for (size_t first = static_cast<size_t>(blocks.begin) * block; first < end; first += block) {
    for (int64_t k0 = 0; k0 < layout.padded_k(); k0 += kChunk) {
      const int64_t n = std::min(kChunk, layout.padded_k() - k0);
      for (int32_t lane = 0; lane < layout.block; ++lane) {
        const int32_t channel = layout.lanes[first + lane];
        if (channel < 0) {
          std::fill_n(row, n, To{0});
        } else {
          Convert(layout, side_by_side, source + channel * layout.channel_stride, k0, n, row);
          AddToSums(row, n, sums, first + lane);
        }
        To* group = to + int64_t{lane} * kGroup;
        for (int64_t i = 0; i < n; i += kGroup, group += stride)
          std::memcpy(group, row + i, kGroup * sizeof(To));
      }
      to += n * layout.block;
    }
  }
}

template <class To, class From>
void Fill(const WeightsLayout& layout, const void* source, Blocks blocks, std::byte* bytes,
          int32_t* sums) {
  const From* from = static_cast<const From*>(source);
  To* to = reinterpret_cast<To*>(bytes);
  switch (layout.group_k) {
    case 4:
      return FillBlocks<4>(layout, from, blocks, to, sums);
    case 2:
      return FillBlocks<2>(layout, from, blocks, to, sums);
    default:
      return FillBlocks<1>(layout, from, blocks, to, sums);
  }
}

// Writes the blocks to `bytes`, and adds to what stands behind them.
void FillBlocks(const ConvSpec& spec, const WeightsLayout& layout, const void* source,
                Blocks blocks, std::byte* bytes, int32_t* sums) {
  if (spec.float_product()) return Fill<float, float>(layout, source, blocks, bytes, sums);
  if (spec.weights == Type::kUInt8) {
    return layout.widen ? Fill<int16_t, uint8_t>(layout, source, blocks, bytes, sums)
                        : Fill<int8_t, uint8_t>(layout, source, blocks, bytes, sums);
  }
  return layout.widen ? Fill<int16_t, int8_t>(layout, source, blocks, bytes, sums)
                      : Fill<int8_t, int8_t>(layout, source, blocks, bytes, sums);
}

// And as long as they must be.
bool ConstantsAreThere(const MakeArgs& args, const ConvSpec& spec, int32_t out_channels) {
  if (!spec.weights_constant || !spec.bias_constant || spec.input != spec.output) return false;
  if (spec.bias != Type::kNone && args.inputs[2].shape.elements() != out_channels) return false;
  if (spec.float_product()) return true;
  const size_t scales = spec.weights_quant->scale.size();
  return spec.weights_quant->block <= 0 &&
         (scales == 1 || scales == static_cast<size_t>(out_channels));
}

}  // namespace

std::vector<int32_t> PanelLanes(int32_t channels, int32_t groups, int32_t lanes) {
  const int32_t each = channels / groups;
  std::vector<int32_t> map;
  for (int32_t g = 0; g < groups; ++g)
    for (int32_t i = 0; i < RoundUp(each, lanes); ++i) map.push_back(i < each ? g * each + i : -1);
  return map;
}

std::vector<int32_t> BlockLanes(int32_t channels, const DepthwiseKernels& kernels) {
  std::vector<int32_t> map;
  for (int32_t first = 0; first < channels; first += kernels.lanes) {
    const bool narrow = channels - first <= kernels.narrow;
    for (int32_t i = 0; i < kernels.lanes; ++i) {
      if (narrow && i >= kernels.narrow) {
        map.push_back(-1);
        continue;
      }
      const int32_t channel = first + (narrow ? kernels.narrow_order : kernels.order)[i];
      map.push_back(channel < channels ? channel : -1);
    }
  }
  return map;
}

Result<PackedWeights> PackWeights(const MakeArgs& args, const ConvSpec& spec,
                                  const WeightsLayout& layout) {
  HEDDLE_ASSIGN(const std::byte* expanded, ExpandWeights(args));
  const void* source = expanded != nullptr ? expanded : args.inputs[1].data;
  const bool is_float = spec.float_product();
  const int64_t n = static_cast<int64_t>(layout.lanes.size());
  const int64_t element = is_float ? 4 : layout.widen ? 2 : 1;
  const int64_t block_bytes = layout.padded_k() * layout.block * element;
  const int64_t sums_at = RoundUp(n / layout.block * block_bytes, 64);
  const size_t bytes = sums_at + (is_float ? 1 : n) * sizeof(int32_t);
  const std::string key =
      fmt::format("{}_{}_n{}_k{}p{}_b{}x{}_z{}", layout.name, TypeName(spec.weights), n, layout.k,
                  layout.k_offset.size(), layout.block, layout.group_k, layout.zero);
  const auto fill = [&](std::byte* to) {
    auto* sums = reinterpret_cast<int32_t*>(to + sums_at);
    std::memset(to + sums_at - 64, 0, 64);
    std::fill_n(sums, is_float ? 1 : n, is_float ? 1 : 0);
    FillParts(args.packs, n / layout.block, block_bytes, [&](int64_t begin, int64_t end) {
      FillBlocks(spec, layout, source, {begin, end}, to, sums);
    });
  };
  HEDDLE_ASSIGN(const std::byte* data, args.packs.Pack(source, key, bytes, fill));
  const int32_t* tail = reinterpret_cast<const int32_t*>(data + sums_at);
  if (is_float) return PackedWeights{data, block_bytes, nullptr, tail[0] != 0};
  return PackedWeights{data, block_bytes, tail, true};
}

// Rows are int8: the kernels' unsigned bytes are 128 more.
static void SetHybrid(const ConvSpec& spec, const WeightsLayout& layout,
                      const PackedWeights& weights, FastConstants& c) {
  const size_t n = layout.lanes.size();
  c.flip = 0x80808080u;
  c.sums.assign(weights.sums, weights.sums + n);
  c.scale.resize(n);
  for (size_t i = 0; i < n; ++i)
    if (layout.lanes[i] >= 0) c.scale[i] = spec.weights_quant->Scale(layout.lanes[i]);
}

FastConstants MakeFastConstants(const MakeArgs& args, const ConvSpec& spec,
                                const WeightsLayout& layout, const PackedWeights& weights,
                                int32_t out_channels, int32_t groups, int64_t padding_channels) {
  FastConstants c;
  const void* bias = spec.bias == Type::kNone ? nullptr : args.inputs[2].data;
  const size_t n = layout.lanes.size();
  if (spec.input == Type::kFloat32) {
    c.float_epilogue = MakeFloatEpilogue(spec);
    c.bias.resize(n);
    for (size_t i = 0; i < n; ++i)
      if (layout.lanes[i] >= 0) c.bias[i] = FloatBias(bias, spec.bias, layout.lanes[i]);
    c.padding.resize(padding_channels * sizeof(float));
    c.hybrid = spec.hybrid();
    if (c.hybrid) SetHybrid(spec, layout, weights, c);
    return c;
  }
  if (spec.input == Type::kInt16) {
    c.int_epilogue = MakeIntEpilogue(spec, out_channels, groups);
    c.sums.resize(n);
    for (int32_t i = 0; i < out_channels; ++i) c.bias64.push_back(IntegerBias(bias, spec.bias, i));
    c.padding.resize(RoundUp(padding_channels, 2) * 2);
    return c;
  }
  // Bytes u = x + (128 if signed), stored weights v: the sum of (u - u0)(v - v0) over k taps is
  // sum(u v) - v0 sum(u) - u0 sum(v) + k u0 v0, and sum((u - offset) v) lacks offset sum(v).
  c.int_epilogue = MakeIntEpilogue(spec, out_channels, groups);
  const bool is_signed = spec.input == Type::kInt8;
  const uint32_t u0 = spec.input_zero + (is_signed ? 128 : 0);
  const uint32_t v0 = spec.weights_zero - layout.zero;
  c.flip = is_signed ? 0x80808080u : 0;
  c.row_factor = static_cast<int32_t>(-v0);
  c.sums.resize(n);
  if (c.requant()) c.scale.resize(n);
  for (size_t i = 0; i < n; ++i) {
    const int32_t channel = layout.lanes[i];
    if (channel < 0) continue;
    const uint32_t weights_sum = static_cast<uint32_t>(weights.sums[i]);
    const uint32_t start = static_cast<uint32_t>(IntegerBias(bias, spec.bias, channel));
    c.sums[i] = static_cast<int32_t>(start - (u0 - layout.row_offset) * weights_sum +
                                     static_cast<uint32_t>(layout.k) * u0 * v0);
    if (c.requant()) c.scale[i] = c.int_epilogue.k[channel];
  }
  // Kernels read whole groups of four.
  c.padding.resize(RoundUp(padding_channels, 4), static_cast<std::byte>(spec.input_zero));
  return c;
}

bool FastConstantsFit(const MakeArgs& args, const ConvSpec& spec, int32_t out_channels) {
  if (!ConstantsAreThere(args, spec, out_channels)) return false;
  if (spec.float_product()) return true;
  if (spec.input == Type::kUInt8) return spec.weights == Type::kUInt8;
  // Not CONV_2D's hybrid arithmetic in two products, and XNNPACK has no hybrid depthwise one.
  const bool dense = spec.kind == ConvKind::kFullyConnected;
  const bool depthwise = spec.kind == ConvKind::kDepthwise && !spec.xnn;
  const bool one_product = spec.numerics == Numerics::kFast && spec.groups == 1;
  const bool hybrid =
      spec.hybrid() &&
      (dense || depthwise || (spec.kind == ConvKind::kConv2d && (spec.xnn || one_product)));
  return (spec.input == Type::kInt8 || hybrid) &&
         (spec.weights == Type::kInt8 || spec.weights == Type::kInt4 ||
          spec.weights == Type::kInt2);
}

bool FastConstantsFit16(const MakeArgs& args, const ConvSpec& spec, int32_t out_channels,
                        int64_t channel_stride, int64_t k, int64_t k_stride) {
  if (!ConstantsAreThere(args, spec, out_channels)) return false;
  const bool types = spec.input == Type::kInt16 && spec.weights == Type::kInt8;
  if (!types || spec.input_zero != 0 || spec.weights_zero != 0) return false;
  const auto* weights = reinterpret_cast<const int8_t*>(args.inputs[1].data);
  for (int32_t c = 0; c < out_channels; ++c, weights += channel_stride) {
    int64_t most = 0;
    for (int64_t i = 0; i < k; ++i) most += std::abs(weights[i * k_stride]) << 15;
    if (most > std::numeric_limits<int32_t>::max()) return false;
  }
  return true;
}

TapOffsets MakeTapOffsets(const ConvGeometry& g, int64_t pixel_bytes) {
  return {{-g.pad_h, g.stride_h, g.dil_h, g.in_h, g.in_w * pixel_bytes},
          {-g.pad_w, g.stride_w, g.dil_w, g.in_w, pixel_bytes}};
}

}  // namespace heddle::core
