// SPDX-License-Identifier: Apache-2.0
#include "plan/fuse_activation.h"

#include "plan/uses.h"

namespace heddle::core {
namespace {

Activation ActivationOf(OpCode code) {
  switch (code) {
    case OpCode::kRELU:
      return Activation::kRelu;
    case OpCode::kRELU6:
      return Activation::kRelu6;
    case OpCode::kRELU_N1_TO_1:
      return Activation::kReluN1To1;
    default:
      return Activation::kNone;
  }
}

// The activation that an operator's kernels clamp float outputs by; nullptr: they do not.
Activation* FusedIn(Operator& op) {
  switch (op.code) {
    case OpCode::kCONV_2D:
    case OpCode::kDEPTHWISE_CONV_2D: {
      auto* options = std::get_if<ConvOptions>(&op.options);
      return options == nullptr ? nullptr : &options->activation;
    }
    case OpCode::kFULLY_CONNECTED: {
      auto* options = std::get_if<FullyConnectedOptions>(&op.options);
      return options == nullptr ? nullptr : &options->activation;
    }
    case OpCode::kADD:
    case OpCode::kSUB:
    case OpCode::kMUL: {
      auto* options = std::get_if<BinaryOptions>(&op.options);
      return options == nullptr ? nullptr : &options->activation;
    }
    default:
      return nullptr;
  }
}

class Fuser {
 public:
  Fuser(const Subgraph& graph, const Uses& uses) : graph_(graph), uses_(uses) {}

  FusedActivations Fuse() {
    const size_t n = graph_.operators.size();
    fused_.instead.resize(n);
    fused_.gone.resize(n);
    for (size_t i = 0; i < n; ++i) fused_.gone[i] = TakenOver(graph_.operators[i]);
    return std::move(fused_);
  }

 private:
  bool IsFloat(int tensor) const {
    return graph_.tensors[static_cast<size_t>(tensor)].type == Type::kFloat32;
  }
  bool TakenOver(const Operator& relu) {
    const Activation activation = ActivationOf(relu.code);
    if (activation == Activation::kNone || relu.inputs.size() != 1 || relu.outputs.size() != 1)
      return false;
    const int between = relu.inputs[0], out = relu.outputs[0];
    if (between < 0 || out < 0 || !IsFloat(between) || !IsFloat(out)) return false;
    const int maker = uses_.maker[static_cast<size_t>(between)];
    if (maker < 0 || uses_.readers[static_cast<size_t>(between)] != 1) return false;
    auto whole = std::make_unique<Operator>(graph_.operators[static_cast<size_t>(maker)]);
    Activation* fused = FusedIn(*whole);
    if (fused == nullptr || *fused != Activation::kNone || whole->outputs.size() != 1) return false;
    *fused = activation;
    whole->outputs = {out};
    fused_.instead[static_cast<size_t>(maker)] = std::move(whole);
    return true;
  }

  const Subgraph& graph_;
  const Uses& uses_;
  FusedActivations fused_;
};

}  // namespace

FusedActivations FuseActivations(const Subgraph& graph, const Uses& uses) {
  return Fuser(graph, uses).Fuse();
}

}  // namespace heddle::core
