// SPDX-License-Identifier: Apache-2.0
// MATRIX_DIAG and MATRIX_SET_DIAG. Between two elements of a diagonal stand as many others as a row
// is long: one box for the diagonal, one for what stands between, one for the rows below it.
#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

// What is off the diagonals comes from `others` (an input, or CopyBox::kFill).
void LowerDiagonals(const Shape& matrices, Type type, int others, int diagonal, Step& step) {
  CopySpec spec;
  spec.type = type;
  if (matrices.elements() == 0) return LowerCopy(spec, step);
  const int rank = matrices.rank();
  const int64_t batch = matrices.Product(0, rank - 2);
  const int64_t rows = matrices[rank - 2], columns = matrices[rank - 1];
  const int64_t length = std::min(rows, columns), size = rows * columns;
  const auto add = [&](int input, int64_t count, int64_t run, int64_t offset) {
    CopyBox box;
    box.input = input;
    box.dims =
        Shape{static_cast<int32_t>(batch), static_cast<int32_t>(count), static_cast<int32_t>(run)};
    box.out_stride = {size, columns + 1, 1};
    box.out_offset = offset;
    if (input == diagonal) {
      box.in_stride = {length, 1, 1};
    } else if (input != CopyBox::kFill) {
      box.in_stride = box.out_stride;
      box.in_offset = offset;
    }
    if (count > 0 && run > 0) spec.boxes.push_back(box);
  };
  const int64_t last = (length - 1) * (columns + 1);
  add(diagonal, length, 1, 0);
  add(others, length - 1, columns, 1);
  add(others, 1, size - last - 1, last + 1);
  LowerCopy(spec, step);
}

class MatrixDiag final : public Operation {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    Shape shape = inputs[0].shape;
    if (shape.rank() < 1)
      return InvalidModel("diagonal '{}' is a scalar, expected a vector", inputs[0].name);
    HEDDLE_TRY(AppendDim(shape, shape[shape.rank() - 1]));
    if (static_cast<int64_t>(shape[shape.rank() - 1]) * shape[shape.rank() - 1] > INT32_MAX) {
      return ResourceExhausted("matrices of {} rows, expected less than 2^31 elements each",
                               shape[shape.rank() - 1]);
    }
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand>, std::span<const Operand> outputs,
               Step& step) const override {
    LowerDiagonals(outputs[0].shape, outputs[0].type, CopyBox::kFill, 0, step);
    return Status();
  }
};

class MatrixSetDiag final : public Operation {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& matrices = inputs[0].shape;
    const int rank = matrices.rank();
    if (rank < 2) {
      return InvalidModel("input '{}' has shape {}, expected matrices", inputs[0].name,
                          matrices.ToString());
    }
    Shape diagonal;
    for (int i = 0; i + 2 < rank; ++i) diagonal.Append(matrices[i]);
    diagonal.Append(std::min(matrices[rank - 2], matrices[rank - 1]));
    if (!(inputs[1].shape == diagonal)) {
      return InvalidModel("diagonal '{}' has shape {}, expected {} (input {})", inputs[1].name,
                          inputs[1].shape.ToString(), diagonal.ToString(), matrices.ToString());
    }
    outputs[0] = matrices;
    return Status();
  }

  Status Lower(std::span<const Operand>, std::span<const Operand> outputs,
               Step& step) const override {
    LowerDiagonals(outputs[0].shape, outputs[0].type, 0, 1, step);
    return Status();
  }
};

}  // namespace

MadeOperation MakeMatrixDiag(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  return MadeOperation(std::make_unique<MatrixDiag>());
}

MadeOperation MakeMatrixSetDiag(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 2));
  HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  return MadeOperation(std::make_unique<MatrixSetDiag>());
}

}  // namespace heddle::core
