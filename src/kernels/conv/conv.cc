// SPDX-License-Identifier: Apache-2.0
// CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: checked once, then the fast form where there is
// one, else the plain one.
#include "base/errors.h"
#include "kernels/conv/fast.h"
#include "kernels/conv/plain.h"
#include "kernels/operators.h"

namespace heddle::core {

MadeOperation MakePlainForm(const MakeArgs& args, ConvSpec spec) {
  HEDDLE_ASSIGN(const std::byte* weights, ExpandWeights(args));
  const bool float_input = spec.input == Type::kFloat32 || spec.input == Type::kFloat16;
  if (!float_input) return MakeIntegerForm(std::move(spec), weights);
  if (spec.weights == Type::kFloat32 || spec.weights == Type::kFloat16) {
    return MakeFloatForm(std::move(spec), weights);
  }
  if (spec.weights_quant->block > 0) return MakeBlockwiseForm(args, std::move(spec), weights);
  return MakeHybridForm(std::move(spec), weights, args.isa);
}

namespace {

// Where the model leaves the input's channels open: the fast form of the groups that nearly all
// models have, and the plain one for what else a run may bring.
class OpenGroups final : public Operation {
 public:
  OpenGroups(ConvKind kind, int32_t groups, std::unique_ptr<Operation> fast,
             std::unique_ptr<Operation> plain)
      : kind_(kind), groups_(groups), fast_(std::move(fast)), plain_(std::move(plain)) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    return plain_->Shapes(inputs, outputs);
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const bool guessed = GroupsOf(kind_, inputs[0].shape, inputs[1].shape) == groups_;
    return (guessed ? fast_ : plain_)->Lower(inputs, outputs, step);
  }

 private:
  const ConvKind kind_;
  const int32_t groups_;
  const std::unique_ptr<Operation> fast_, plain_;
};

// The plain forms leave what is outside the image out of a sum. Of integers that changes nothing,
// but +0 times a weight can change the sign of a float zero, and make a NaN; the fast forms add it.
bool PlainTakesBorder(const ConvSpec& spec) {
  const bool integers = spec.input != Type::kFloat32 && spec.input != Type::kFloat16;
  return integers || spec.window.border.empty();
}

Status NeedsFastForm(const ConvSpec& spec) {
  return Unsupported("a border around {} without a fast form", TypeName(spec.input));
}

template <MadeOperation (*kFast)(const MakeArgs&, const ConvSpec&)>
MadeOperation Make(const MakeArgs& args, ConvKind kind) {
  HEDDLE_ASSIGN(ConvSpec spec, CheckConv(args, kind));
  const bool plain_takes = PlainTakesBorder(spec);
  if (!plain_takes && (args.isa == Isa::kPlain || spec.hybrid())) return NeedsFastForm(spec);
  if (args.isa == Isa::kPlain) return MakePlainForm(args, std::move(spec));
  const Shape& weights = args.inputs[1].shape;
  const bool open = spec.groups == 0 && kind != ConvKind::kFullyConnected && weights.rank() == 4;
  ConvSpec guess = spec;
  if (open) guess.groups = kind == ConvKind::kDepthwise ? weights[3] : 1;
  HEDDLE_ASSIGN(std::unique_ptr<Operation> fast, kFast(args, guess));
  if (fast != nullptr && !open) return fast;
  if (!plain_takes) return NeedsFastForm(spec);
  HEDDLE_ASSIGN(std::unique_ptr<Operation> plain, MakePlainForm(args, std::move(spec)));
  if (fast == nullptr) return plain;
  return std::unique_ptr<Operation>(
      std::make_unique<OpenGroups>(kind, guess.groups, std::move(fast), std::move(plain)));
}

}  // namespace

MadeOperation MakeConv2d(const MakeArgs& args) {
  return Make<&MakeFastConv2d>(args, ConvKind::kConv2d);
}

MadeOperation MakeDepthwiseConv2d(const MakeArgs& args) {
  return Make<&MakeFastDepthwise>(args, ConvKind::kDepthwise);
}

MadeOperation MakeFullyConnected(const MakeArgs& args) {
  return Make<&MakeFastFullyConnected>(args, ConvKind::kFullyConnected);
}

}  // namespace heddle::core
