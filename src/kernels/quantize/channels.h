// SPDX-License-Identifier: Apache-2.0
// Unary operators with one function for each index of an axis.
#ifndef HEDDLE_KERNELS_QUANTIZE_CHANNELS_H_
#define HEDDLE_KERNELS_QUANTIZE_CHANNELS_H_

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "kernels/elementwise/map.h"

namespace heddle::core {

template <class In, class Out, class F>
struct ChannelParams {
  std::shared_ptr<const std::vector<F>> channels;
  int64_t inner;  // elements from one index of the axis to the next
  int64_t elements;
};

template <class In, class Out, class F>
TileCode ChannelTile(const ChannelParams<In, Out, F>& p, const TileArgs& args, TileRange tiles) {
  const int64_t end = std::min(tiles.end * kMapTile, p.elements);
  const int64_t channels = static_cast<int64_t>(p.channels->size());
  for (int64_t i = tiles.begin * kMapTile; i < end;) {
    const int64_t stop = std::min(end, (i / p.inner + 1) * p.inner);
    MapRun<In, Out>((*p.channels)[i / p.inner % channels], args.inputs[0], args.outputs[0], i,
                    stop);
    i = stop;
  }
  return TileCode::kOk;
}

template <class In, class Out, class F>
class ChannelOperation final : public Operation {
 public:
  ChannelOperation(std::vector<F> channels, int32_t axis, float element_ns)
      : channels_(std::make_shared<const std::vector<F>>(std::move(channels))),
        axis_(axis),
        element_ns_(element_ns) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& shape = inputs[0].shape;
    if (axis_ < 0 || axis_ >= shape.rank())
      return InvalidArgument("scales along axis {} of '{}', which has {} axes", axis_,
                             inputs[0].name, shape.rank());
    if (static_cast<size_t>(shape[axis_]) != channels_->size())
      return InvalidArgument("{} scales along axis {} of '{}' of {}, expected {}",
                             channels_->size(), axis_, inputs[0].name, shape.ToString(),
                             shape[axis_]);
    outputs[0] = shape;
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    const Shape& shape = inputs[0].shape;
    const int64_t n = shape.elements();
    const int64_t inner = shape.Product(axis_ + 1, shape.rank());
    SetTiled<&ChannelTile<In, Out, F>>(step, ChannelParams<In, Out, F>{channels_, inner, n},
                                       (n + kMapTile - 1) / kMapTile,
                                       element_ns_ * static_cast<float>(std::min(n, kMapTile)));
    step.kernel = "plain";
    return Status();
  }

 private:
  std::shared_ptr<const std::vector<F>> channels_;
  int32_t axis_;
  float element_ns_;
};

// make(c): the function of channel c of a tensor that is quantised as `quant` says; one for all
// where it has one scale.
template <class In, class Out, class MakeF>
MadeOperation MakeChannels(const Quantization& quant, float element_ns, MakeF make) {
  using F = decltype(make(size_t{0}));
  if (!quant.per_channel()) return MakeMap<In, Out>(make(0), element_ns);
  std::vector<F> channels;
  for (size_t c = 0; c < quant.scale.size(); ++c) channels.push_back(make(c));
  return std::unique_ptr<Operation>(
      std::make_unique<ChannelOperation<In, Out, F>>(std::move(channels), quant.axis, element_ns));
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_QUANTIZE_CHANNELS_H_
