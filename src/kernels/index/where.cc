// SPDX-License-Identifier: Apache-2.0
// WHERE: the coordinates of the elements that are not zero, in their order.
#include <limits>

#include "kernels/index/nd_index.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

// An element is its bits, of which those outside of kMask (a float's sign) do not count.
template <class T, T kMask = std::numeric_limits<T>::max()>
Status Where(const void*, SerialCall& call) {
  const T* condition = static_cast<const T*>(call.args().inputs[0]);
  const Shape& shape = call.input_shape(0);
  const int rank = shape.rank();
  const int64_t elements = shape.elements();
  int64_t count = 0;
  for (int64_t i = 0; i < elements; ++i) count += (condition[i] & kMask) != 0 ? 1 : 0;
  if (count > INT32_MAX)
    return ResourceExhausted("{} elements are not zero, expected less than 2^31", count);
  const size_t bytes = static_cast<size_t>(count) * static_cast<size_t>(rank) * sizeof(int64_t);
  auto* out = reinterpret_cast<int64_t*>(
      call.AllocateOutput(0, Shape{static_cast<int32_t>(count), rank}, bytes));
  if (out == nullptr) return ResourceExhausted("no memory for {} coordinates", count);
  for (int64_t i = 0; i < elements; ++i) {
    if ((condition[i] & kMask) == 0) continue;
    int64_t rest = i;
    for (int axis = rank - 1; axis >= 0; --axis) {
      out[axis] = rest % shape[axis];
      rest /= shape[axis];
    }
    out += rank;
  }
  return Status();
}

SerialFn FindWhere(Type type) {
  switch (type) {
    case Type::kBool:
    case Type::kUInt8:
    case Type::kInt8:
      return &Where<uint8_t>;
    case Type::kInt16:
    case Type::kUInt16:
      return &Where<uint16_t>;
    case Type::kInt32:
    case Type::kUInt32:
      return &Where<uint32_t>;
    case Type::kInt64:
    case Type::kUInt64:
      return &Where<uint64_t>;
    case Type::kFloat32:
      return &Where<uint32_t, 0x7FFFFFFFu>;
    case Type::kFloat64:
      return &Where<uint64_t, 0x7FFFFFFFFFFFFFFFu>;
    default:
      return nullptr;
  }
}

class WhereOperation final : public Operation {
 public:
  // The count is the run's to tell.
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    outputs[0] = Shape{0, inputs[0].shape.rank()};
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    step.kind = StepKind::kSerial;
    step.serial = FindWhere(inputs[0].type);
    step.sizes_outputs = true;
    step.kernel = "where";
    return Status();
  }
};

}  // namespace

MadeOperation MakeWhere(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckType(args.outputs[0], "output", {Type::kInt64}));
  const Operand& condition = args.inputs[0];
  if (FindWhere(condition.type) == nullptr) {
    return Unsupported("condition '{}' is {}, expected bools, integers, float32 or float64",
                       condition.name, TypeName(condition.type));
  }
  return MadeOperation(std::make_unique<WhereOperation>());
}

}  // namespace heddle::core
