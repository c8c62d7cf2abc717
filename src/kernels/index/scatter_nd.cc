// SPDX-License-Identifier: Apache-2.0
// SCATTER_ND: updates added to zeros. SPARSE_TO_DENSE: values written over a default.
#include "kernels/index/row_updates.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

class ScatterNd final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 1u << 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const Shape shape, ReadShape(inputs[2], "output shape"));
    const Shape& indices = inputs[0].shape;
    if (indices.rank() < 1 || indices[indices.rank() - 1] > shape.rank()) {
      return InvalidModel(
          "indices '{}' have shape {}, expected a last size of at most {} (output {})",
          inputs[0].name, indices.ToString(), shape.rank(), shape.ToString());
    }
    Shape updates;
    for (int i = 0; i + 1 < indices.rank(); ++i) HEDDLE_TRY(AppendDim(updates, indices[i]));
    for (int i = indices[indices.rank() - 1]; i < shape.rank(); ++i)
      HEDDLE_TRY(AppendDim(updates, shape[i]));
    if (!(updates == inputs[1].shape)) {
      return BadValue(inputs[2], "updates '{}' have shape {}, expected {} (indices {}, output {})",
                      inputs[1].name, inputs[1].shape.ToString(), updates.ToString(),
                      indices.ToString(), shape.ToString());
    }
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& indices = inputs[0].shape;
    const Shape& shape = outputs[0].shape;
    const int depth = indices[indices.rank() - 1];
    RowUpdates u;
    u.index = NdIndex::Of(inputs[0].type, shape, depth);
    u.combine = Combine::kAdd;
    u.type = inputs[1].type;
    u.rows = shape.Product(0, depth);
    u.inner = shape.Product(depth, shape.rank());
    u.count = indices.Product(0, indices.rank() - 1);
    LowerRowUpdates(u, step);
    return Status();
  }
};

class SparseToDense final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 1u << 1; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const Shape shape, ReadShape(inputs[1], "output shape"));
    const Shape& indices = inputs[0].shape;
    const int depth = indices.rank() == 2 ? indices[1] : 1;
    if (indices.rank() > 2 || depth != shape.rank()) {
      return BadValue(inputs[1], "indices '{}' have shape {}, expected tuples of {} (output {})",
                      inputs[0].name, indices.ToString(), shape.rank(), shape.ToString());
    }
    const Shape& values = inputs[2].shape;
    const int32_t count = indices.rank() == 0 ? 1 : indices[0];
    if (values.rank() > 1 || (values.rank() == 1 && values[0] != count)) {
      return InvalidModel("values '{}' have shape {}, expected one or {} (indices {})",
                          inputs[2].name, values.ToString(), count, indices.ToString());
    }
    if (inputs[3].shape.elements() != 1) {
      return InvalidModel("default '{}' has shape {}, expected one element", inputs[3].name,
                          inputs[3].shape.ToString());
    }
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& shape = outputs[0].shape;
    RowUpdates u;
    u.index = NdIndex::Of(inputs[0].type, shape, shape.rank());
    u.type = inputs[2].type;
    u.rows = shape.elements();
    u.count = inputs[0].shape.rank() == 0 ? 1 : inputs[0].shape[0];
    u.one_value = inputs[2].shape.rank() == 0;
    u.update_input = 2;
    u.init_input = 3;
    LowerRowUpdates(u, step);
    return Status();
  }
};

}  // namespace

MadeOperation MakeScatterNd(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 3, 3, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 1, 2));
  HEDDLE_TRY(CheckType(args.inputs[0], "indices", {Type::kInt32, Type::kInt64}));
  HEDDLE_TRY(CheckType(args.inputs[2], "output shape", {Type::kInt32, Type::kInt64}));
  const Operand& updates = args.inputs[1];
  if (FindCombine(Combine::kAdd, updates.type) == nullptr) {
    return Unsupported("updates '{}' are {}, expected numbers or bools", updates.name,
                       TypeName(updates.type));
  }
  return MadeOperation(std::make_unique<ScatterNd>());
}

MadeOperation MakeSparseToDense(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 4, 4, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 2, 4));
  HEDDLE_TRY(CheckType(args.inputs[0], "indices", {Type::kInt32, Type::kInt64}));
  HEDDLE_TRY(CheckType(args.inputs[1], "output shape", {Type::kInt32, Type::kInt64}));
  const Operand& values = args.inputs[2];
  if (FindCombine(Combine::kAssign, values.type) == nullptr) {
    return Unsupported("values '{}' are {}, expected elements of 1, 2, 4 or 8 bytes", values.name,
                       TypeName(values.type));
  }
  return MadeOperation(std::make_unique<SparseToDense>());
}

}  // namespace heddle::core
