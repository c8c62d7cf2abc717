// SPDX-License-Identifier: Apache-2.0
// CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED: checked once, then the fast form where there is
// one, else the plain one.
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

template <MadeOperation (*kFast)(const MakeArgs&, const ConvSpec&)>
MadeOperation Make(const MakeArgs& args, ConvKind kind) {
  HEDDLE_ASSIGN(ConvSpec spec, CheckConv(args, kind));
  if (args.isa != Isa::kPlain) {
    HEDDLE_ASSIGN(std::unique_ptr<Operation> fast, kFast(args, spec));
    if (fast != nullptr) return fast;
  }
  return MakePlainForm(args, std::move(spec));
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
