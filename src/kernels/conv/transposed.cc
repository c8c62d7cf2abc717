// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV: a convolution's forms over taps that lie elsewhere. The operator has its operands
// in another order than those forms, so its steps hand them over reordered.
#include <array>
#include <cmath>

#include "base/errors.h"
#include "kernels/conv/fast.h"
#include "kernels/conv/plain.h"
#include "kernels/operators.h"
#include "kernels/spent_inputs.h"

namespace heddle::core {
namespace {

constexpr int kForms = 4;  // operands of a form: input, weights, bias, shape of the output
constexpr std::array<size_t, kForms> kOperandOf = {2, 1, 3, 0};

std::array<Operand, kForms> Reorder(std::span<const Operand> inputs) {
  std::array<Operand, kForms> to;
  for (int i = 0; i < kForms; ++i)
    if (kOperandOf[i] < inputs.size()) to[i] = inputs[kOperandOf[i]];
  return to;
}

struct Reordered {
  std::shared_ptr<const void> params;
  std::array<TileFn, 2> tile{};
  size_t inputs = 0;  // of the operator
};

template <int kPhase>
TileCode RunReordered(const Reordered& p, const TileArgs& args, TileRange tiles) {
  std::array<const void*, kForms> inputs{};
  for (int i = 0; i < kForms; ++i)
    if (kOperandOf[i] < p.inputs) inputs[i] = args.inputs[kOperandOf[i]];
  TileArgs to = args;
  to.inputs = inputs.data();
  return p.tile[kPhase](p.params.get(), to, tiles);
}

class TransposeConv final : public Operation, public SpentInputs {
 public:
  explicit TransposeConv(std::unique_ptr<Operation> form) : form_(std::move(form)) {}

  uint32_t ValueInputs() const override { return 1; }
  // The weights, in the operator's order.
  uint64_t spent_inputs() const override { return SpentInputsOf(*form_) & 1u << 1; }
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    return form_->Shapes(Reorder(inputs), outputs);
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_TRY(form_->Lower(Reorder(inputs), outputs, step));
    Reordered p{step.params, {}, inputs.size()};
    for (size_t i = 0; i < step.phases.size(); ++i) {
      p.tile[i] = step.phases[i].tile;
      step.phases[i].tile = i == 0 ? Erase<&RunReordered<0>>() : Erase<&RunReordered<1>>();
    }
    step.params = std::make_shared<const Reordered>(std::move(p));
    return Status();
  }

 private:
  std::unique_ptr<Operation> form_;
};

// XNNPACK takes the node where it can tell the padding from the constant output shape.
bool XnnTakesShape(const MakeArgs& args, const ConvSpec& spec) {
  const Operand& shape = args.inputs[0];
  const Shape &x = args.inputs[2].shape, &w = args.inputs[1].shape;
  if (!shape.constant || shape.shape.elements() != 4 || x.rank() != 4 || w.rank() != 4)
    return false;
  const int32_t stride[] = {spec.window.stride_h, spec.window.stride_w};
  for (int axis = 1; axis <= 2; ++axis) {
    const int64_t out = shape.As<int32_t>()[axis], k = w[axis], s = stride[axis - 1];
    if (spec.window.padding == Padding::kValid) {
      if (out < k) return false;
    } else if (k < s || (out + s - 1) / s != x[axis]) {
      return false;
    }
  }
  return true;
}

Status CheckTransposed(const MakeArgs& args) {
  if (args.inputs.size() < 3 || args.inputs.size() > 4) {
    return InvalidModel("{} inputs, expected 3 or 4", args.inputs.size());
  }
  const Operand& shape = args.inputs[0];
  if (!shape.present()) return InvalidModel("output shape is absent");
  if (shape.type == Type::kInt32) return Status();
  return InvalidModel("output shape '{}' is {}, expected int32", shape.name, TypeName(shape.type));
}

}  // namespace

MadeOperation MakeTransposeConv(const MakeArgs& args) {
  HEDDLE_TRY(CheckTransposed(args));
  const std::array<Operand, kForms> operands = Reorder(args.inputs);
  const std::span<const Operand> inputs(operands.data(), args.inputs.size() - 1);
  const MakeArgs of_form{args.op, inputs, args.outputs, args.numerics, args.isa, args.packs};
  HEDDLE_ASSIGN(ConvSpec spec, CheckConv(of_form, ConvKind::kTransposed));
  spec.xnn = spec.xnn && XnnTakesShape(args, spec);
  std::unique_ptr<Operation> form;
  if (args.isa != Isa::kPlain) {
    HEDDLE_ASSIGN(form, MakeFastTransposed(of_form, spec));
  }
  if (form == nullptr) {
    HEDDLE_ASSIGN(form, MakePlainForm(of_form, std::move(spec)));
  }
  return std::unique_ptr<Operation>(std::make_unique<TransposeConv>(std::move(form)));
}

}  // namespace heddle::core
