// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE: one box whose input strides are permuted.
#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

using Permutation = std::array<int, Shape::kMaxRank>;

Result<Permutation> ReadPermutation(std::span<const Operand> inputs) {
  const Operand& operand = inputs[1];
  const int rank = inputs[0].shape.rank();
  if (operand.shape.rank() != 1 || operand.shape[0] != rank) {
    return BadValue(operand, "permutation '{}' has shape {}, expected {} (rank of input shape {})",
                    operand.name, operand.shape.ToString(), rank, inputs[0].shape.ToString());
  }
  HEDDLE_ASSIGN(const IntList list, ReadInts(operand, "permutation"));
  Permutation perm{};
  uint32_t seen = 0;
  for (int i = 0; i < rank; ++i) {
    perm[i] = ResolveAxis(list[i], rank);
    if (perm[i] < 0 || (seen >> perm[i] & 1) != 0) {
      return BadValue(operand,
                      "entry {} of the permutation is {}, expected each axis from -{} to {} once",
                      i, list[i], rank, rank - 1);
    }
    seen |= 1u << perm[i];
  }
  return perm;
}

class Transpose final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const Permutation perm, ReadPermutation(inputs));
    const Shape& shape = inputs[0].shape;
    outputs[0] = shape;
    for (int i = 0; i < shape.rank(); ++i) outputs[0][i] = shape[perm[i]];
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_ASSIGN(const Permutation perm, ReadPermutation(inputs));
    CopySpec spec;
    spec.type = inputs[0].type;
    if (outputs[0].shape.elements() > 0) {
      const Strides from = RowMajor(inputs[0].shape);
      CopyBox box;
      box.dims = outputs[0].shape;
      box.out_stride = RowMajor(box.dims);
      for (int i = 0; i < box.dims.rank(); ++i) box.in_stride[i] = from[perm[i]];
      spec.boxes = {box};
    }
    LowerCopy(spec, step);
    return Status();
  }
};

}  // namespace

MadeOperation MakeTranspose(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  if (args.inputs[1].type != Type::kInt32) {
    return InvalidModel("permutation '{}' is {}, expected int32", args.inputs[1].name,
                        TypeName(args.inputs[1].type));
  }
  return MadeOperation(std::make_unique<Transpose>());
}

}  // namespace heddle::core
