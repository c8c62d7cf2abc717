// SPDX-License-Identifier: Apache-2.0
// What the operators of TensorFlow Lite Micro's audio front-end that look at one frame alone are
// made of. Their integer arithmetic is the original's, bit for bit.
#ifndef HEDDLE_KERNELS_SIGNAL_FRAME_OPERATION_H_
#define HEDDLE_KERNELS_SIGNAL_FRAME_OPERATION_H_

#include <initializer_list>
#include <limits>

#include "kernels/custom/flex_options.h"
#include "kernels/custom/shape_error.h"
#include "kernels/elementwise/check.h"
#include "kernels/operators.h"

namespace heddle::core {

// The types of a node's operands, the inputs before the outputs.
inline Status ExpectTypes(const MakeArgs& args, std::initializer_list<Type> inputs, Type output) {
  HEDDLE_TRY(CheckCounts(args, inputs.size(), inputs.size(), 1));
  const Operand* operand = args.inputs.data();
  for (const Type type : inputs) {
    if (operand->type != type) return UnsupportedType(*operand);
    ++operand;
  }
  return args.outputs[0].type == output ? Status() : UnsupportedType(args.outputs[0]);
}

inline Result<int64_t> ReadOption(const MakeArgs& args, const char* name, int64_t least,
                                  int64_t most) {
  HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(args.op.custom_options));
  return flex.Int(name, least, most);
}

inline constexpr int64_t kMostInt = std::numeric_limits<int32_t>::max();

// What the params of a FrameOperation have, unless they say otherwise.
struct FrameParams {
  int64_t size = 0;  // of the frame

  static Status Check(std::span<const Operand>) { return Status(); }  // the other shapes
  static int32_t OutputSize(int32_t size) { return size; }            // of a frame
  void Bind(std::span<const Operand> in) { size = in[0].shape[0]; }
};

// An operator on one frame, in one tile. P: FrameParams and the options.
template <class P, auto F>
class FrameOperation final : public Operation {
 public:
  // `fault`: where a value can be refused.
  FrameOperation(const P& params, const char* kernel, FaultFn fault = nullptr)
      : params_(params), kernel_(kernel), fault_(fault) {}

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    if (in[0].shape.rank() != 1) return BadShape(in[0], "one dimension");
    HEDDLE_TRY(params_.Check(in));
    out[0] = {params_.OutputSize(in[0].shape[0])};
    return Status();
  }
  Status Lower(std::span<const Operand> in, std::span<const Operand>, Step& step) const override {
    P params = params_;
    params.Bind(in);
    SetTiled<F>(step, params, 1, 10 + 5 * static_cast<float>(params.size));
    step.kernel = kernel_;
    step.fault = fault_;
    return Status();
  }

 private:
  P params_;
  const char* kernel_;
  FaultFn fault_;
};

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_SIGNAL_FRAME_OPERATION_H_
