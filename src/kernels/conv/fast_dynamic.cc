// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED whose float weights are another operator's output (attention scores): packed in
// every call, then a product like any other.
#include <algorithm>

#include "kernels/conv/fast.h"
#include "kernels/conv/fast_product.h"
#include "kernels/conv/plain.h"
#include "kernels/conv/segments.h"

namespace heddle::core {
namespace {

// A tile is a panel: [k][lane], zeros in the lanes past the last unit.
TileCode PackTile(const GemmParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t lanes = p.kernels->lanes, depth = p.call.groups;
  for (int64_t panel = tiles.begin; panel < tiles.end; ++panel) {
    const int64_t first = panel * lanes, real = std::min(lanes, p.columns - first);
    const float* weights = static_cast<const float*>(args.inputs[1]) + first * depth;
    auto* to = reinterpret_cast<float*>(args.shared + panel * p.call.panel_bytes);
    for (int64_t k = 0; k < depth; ++k, to += lanes) {
      for (int64_t lane = 0; lane < real; ++lane) to[lane] = weights[lane * depth + k];
      std::fill(to + real, to + lanes, 0.0f);
    }
  }
  return TileCode::kOk;
}

class DynamicDense final : public ConvOperation {
 public:
  DynamicDense(ConvSpec spec, const GemmKernels& kernels, const void* bias)
      : ConvOperation(std::move(spec)), kernels_(kernels), bias_(bias) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    HEDDLE_ASSIGN(const FcGeometry g, MakeFcGeometry(spec(), inputs));
    const int64_t panels = CeilDiv(g.units, kernels_.lanes);
    auto constants = std::make_shared<FastConstants>();
    constants->float_epilogue = MakeFloatEpilogue(spec());
    constants->bias.resize(panels * kernels_.lanes);
    for (int32_t i = 0; i < g.units; ++i) constants->bias[i] = FloatBias(bias_, spec().bias, i);
    GemmParams p = StartParams(spec(), kernels_, std::move(constants));
    p.packs_weights = p.dense = true;
    p.columns = g.units;
    p.tap_bytes = p.group_bytes = p.row_bytes = g.depth * p.element;
    p.input_bytes = g.rows * p.row_bytes;
    PlanSegments(kernels_, g.depth, p);
    p.call.panel_bytes = g.depth * kernels_.group_bytes();
    p.division = Divide(kernels_, g.rows, 1, g.units, g.depth, p.row_bytes);
    PlaceScratch(p);
    step.kind = StepKind::kPhased;
    step.scratch_bytes = p.scratch_bytes;
    step.shared_bytes = static_cast<size_t>(panels * p.call.panel_bytes);
    step.macs = g.macs();
    step.kernel = kernels_.name;
    const int64_t tiles = p.division.tiles();
    const float ns = static_cast<float>(step.macs) / kernels_.macs_per_ns /
                     static_cast<float>(std::max<int64_t>(tiles, 1));
    const auto pack_ns = static_cast<float>(g.depth * kernels_.lanes);
    step.phases.push_back({Erase<&PackTile>(), tiles == 0 ? 0 : panels, pack_ns});
    step.phases.push_back({Erase<&GemmTile>(), tiles, ns});
    step.params = std::make_shared<const GemmParams>(std::move(p));
    return Status();
  }

 private:
  const GemmKernels& kernels_;
  const void* bias_;  // nullptr: zeros
};

}  // namespace

MadeOperation MakeFastDynamic(const MakeArgs& args, const ConvSpec& spec) {
  const GemmKernels* kernels = FloatGemm(args.isa);
  const bool floats = spec.input == Type::kFloat32 && spec.weights == Type::kFloat32;
  if (kernels == nullptr || !floats || !spec.bias_constant) return std::unique_ptr<Operation>();
  const void* bias = spec.bias == Type::kNone ? nullptr : args.inputs[2].data;
  return std::unique_ptr<Operation>(std::make_unique<DynamicDense>(spec, *kernels, bias));
}

}  // namespace heddle::core
