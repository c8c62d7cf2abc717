// SPDX-License-Identifier: Apache-2.0
// Convolution2DTransposeBias: a transposed convolution whose output is as large as its padding
// says.
#include <algorithm>
#include <array>
#include <cstring>

#include "base/errors.h"
#include "kernels/conv/fast.h"
#include "kernels/conv/plain.h"
#include "kernels/operators.h"
#include "kernels/spent_inputs.h"

namespace heddle::core {
namespace {

// The forms of TRANSPOSE_CONV, with the shape of the output as their fourth operand.
class TransposeConvBias final : public Operation, public SpentInputs {
 public:
  TransposeConvBias(std::unique_ptr<Operation> form, const ConvOptions& options)
      : form_(std::move(form)), options_(options) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    return WithShape(inputs, [&](std::span<const Operand> operands) {
      return form_->Shapes(operands, outputs);
    });
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    return WithShape(inputs, [&](std::span<const Operand> operands) {
      return form_->Lower(operands, outputs, step);
    });
  }

  uint64_t spent_inputs() const override { return SpentInputsOf(*form_); }

 private:
  // SAME leaves what a strided convolution to `in` positions needs at least.
  int64_t OutputSize(int64_t in, int64_t filter, int64_t stride) const {
    const int64_t covered = (in - 1) * stride + filter;
    if (options_.padding == Padding::kValid) return covered;
    return covered - std::max<int64_t>(0, filter - (in - 1) % stride - 1);
  }

  template <class F>
  Status WithShape(std::span<const Operand> inputs, const F& run) const {
    const Operand &input = inputs[0], &weights = inputs[1];
    const Shape &x = input.shape, &w = weights.shape;
    for (const Operand* o : {&input, &weights})
      if (o->shape.rank() != 4)
        return InvalidModel("'{}' has shape {}, expected 4 dimensions", o->name,
                            o->shape.ToString());
    const int64_t height = OutputSize(x[1], w[1], options_.stride_h);
    const int64_t width = OutputSize(x[2], w[2], options_.stride_w);
    if (x[1] < 1 || x[2] < 1 || height > INT32_MAX || width > INT32_MAX)
      return InvalidArgument("the output of input shape {} is {}x{}", x.ToString(), height, width);
    const std::array<int32_t, 4> sizes = {x[0], static_cast<int32_t>(height),
                                          static_cast<int32_t>(width), w[0]};
    const Quantization none;
    Operand shape;
    shape.type = Type::kInt32;
    shape.name = "output shape";
    shape.quant = &none;
    shape.shape = {4};
    shape.data = reinterpret_cast<const std::byte*>(sizes.data());
    shape.bytes = sizeof(sizes);
    const std::array<Operand, 4> operands = {input, weights, inputs[2], shape};
    return run(std::span<const Operand>(operands));
  }

  std::unique_ptr<Operation> form_;
  ConvOptions options_;
};

// The options are the bytes of three int32: padding, 1 for SAME or 2 for VALID, and the strides.
Result<ConvOptions> ReadOptions(std::span<const std::byte> bytes) {
  int32_t words[3];
  if (bytes.size() < sizeof(words))
    return InvalidModel("custom options have {} bytes, expected at least {}", bytes.size(),
                        sizeof(words));
  std::memcpy(words, bytes.data(), sizeof(words));
  if (words[0] != 1 && words[0] != 2)
    return InvalidModel("custom options say padding {}, expected 1 or 2", words[0]);
  if (words[1] < 1 || words[2] < 1)
    return InvalidModel("custom options say strides {} and {}, expected positive ones", words[1],
                        words[2]);
  ConvOptions options;
  options.padding = words[0] == 1 ? Padding::kSame : Padding::kValid;
  options.stride_w = words[1];
  options.stride_h = words[2];
  return options;
}

}  // namespace

MadeOperation MakeTransposeConvBias(const MakeArgs& args) {
  if (args.inputs.size() != 3 || args.outputs.size() != 1)
    return InvalidModel("{} inputs and {} outputs, expected 3 and 1", args.inputs.size(),
                        args.outputs.size());
  for (const Operand& in : args.inputs)
    if (in.type != Type::kFloat32)
      return Unsupported("'{}' is {}, expected float32", in.name, TypeName(in.type));
  HEDDLE_ASSIGN(const ConvOptions options, ReadOptions(args.op.custom_options));
  Operator op = args.op;
  op.code = OpCode::kTRANSPOSE_CONV;
  op.options = options;
  const MakeArgs of_form{op,       args.inputs, args.outputs,  args.numerics,
                         args.isa, args.packs,  args.subgraphs};
  HEDDLE_ASSIGN(ConvSpec spec, CheckConv(of_form, ConvKind::kTransposed));
  std::unique_ptr<Operation> form;
  if (args.isa != Isa::kPlain) {
    HEDDLE_ASSIGN(form, MakeFastTransposed(of_form, spec));
  }
  if (form == nullptr) {
    HEDDLE_ASSIGN(form, MakePlainForm(of_form, std::move(spec)));
  }
  return MadeOperation(std::make_unique<TransposeConvBias>(std::move(form), options));
}

}  // namespace heddle::core
