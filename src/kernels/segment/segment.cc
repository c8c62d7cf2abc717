// SPDX-License-Identifier: Apache-2.0
// SEGMENT_SUM, whose sorted ids tell how many segments there are, and UNSORTED_SEGMENT_*, which are
// told it.
#include <cstring>
#include <limits>

#include "kernels/index/row_updates.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

class SegmentSum final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 1u << 1; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& data = inputs[0].shape;
    const Operand& ids = inputs[1];
    if (data.rank() < 1 || ids.shape.rank() != 1 || ids.shape[0] != data[0]) {
      return InvalidModel("ids '{}' have shape {}, expected one for each row of '{}', {}", ids.name,
                          ids.shape.ToString(), inputs[0].name, data.ToString());
    }
    Shape shape = data;
    shape[0] = 0;
    for (int32_t i = 0; i < ids.shape[0]; ++i) {
      const int32_t id = ids.As<int32_t>()[i];
      const bool next = id == shape[0], same = i > 0 && id == shape[0] - 1;
      if (!next && !same) {
        return BadValue(ids, "id {} is {}, expected {}{}", i, id,
                        i > 0 ? fmt::format("{} or ", shape[0] - 1) : "", shape[0]);
      }
      shape[0] += next ? 1 : 0;
    }
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& shape = outputs[0].shape;
    RowUpdates u;
    u.index = NdIndex::Of(Type::kInt32, shape, 1);
    u.combine = Combine::kAdd;
    u.type = inputs[0].type;
    u.rows = shape[0];
    u.inner = shape.Product(1, shape.rank());
    u.count = inputs[1].shape[0];
    u.index_input = 1;
    u.update_input = 0;
    LowerRowUpdates(u, step);
    return Status();
  }
};

template <class T>
T Beginning(Combine combine) {
  switch (combine) {
    case Combine::kMul:
      return T(1);
    case Combine::kMax:
      return std::numeric_limits<T>::lowest();
    case Combine::kMin:
      return std::numeric_limits<T>::max();
    default:
      return T(0);
  }
}

class UnsortedSegment final : public Operation {
 public:
  explicit UnsortedSegment(Combine combine) : combine_(combine) {}

  uint32_t ValueInputs() const override { return 1u << 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& data = inputs[0].shape;
    const Shape& ids = inputs[1].shape;
    bool prefix = ids.rank() <= data.rank();
    for (int i = 0; prefix && i < ids.rank(); ++i) prefix = ids[i] == data[i];
    if (!prefix) {
      return InvalidModel("ids '{}' have shape {}, expected the first axes of '{}', {}",
                          inputs[1].name, ids.ToString(), inputs[0].name, data.ToString());
    }
    if (inputs[2].shape.rank() > 1 || inputs[2].shape.elements() != 1) {
      return InvalidModel("count '{}' has shape {}, expected one element", inputs[2].name,
                          inputs[2].shape.ToString());
    }
    HEDDLE_ASSIGN(const IntList count, ReadInts(inputs[2], "count"));
    if (count[0] < 0) return BadValue(inputs[2], "count is {}, expected at least 0", count[0]);
    Shape shape{static_cast<int32_t>(count[0])};
    for (int i = ids.rank(); i < data.rank(); ++i) HEDDLE_TRY(AppendDim(shape, data[i]));
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& shape = outputs[0].shape;
    RowUpdates u;
    u.index = NdIndex::Of(Type::kInt32, shape, 1);
    u.drop_negative = true;
    u.combine = combine_;
    u.type = inputs[0].type;
    u.rows = shape[0];
    u.inner = shape.Product(1, shape.rank());
    u.count = inputs[1].shape.elements();
    u.index_input = 1;
    u.update_input = 0;
    const float real = Beginning<float>(combine_);
    const int32_t integer = Beginning<int32_t>(combine_);
    if (u.type == Type::kFloat32) {
      std::memcpy(u.init.data(), &real, sizeof(real));
    } else {
      std::memcpy(u.init.data(), &integer, sizeof(integer));
    }
    LowerRowUpdates(u, step);
    return Status();
  }

 private:
  Combine combine_;
};

Status CheckSegments(const MakeArgs& args) {
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckType(args.inputs[0], "data", {Type::kFloat32, Type::kInt32}));
  return CheckType(args.inputs[1], "ids", {Type::kInt32});
}

MadeOperation MakeUnsorted(const MakeArgs& args, Combine combine) {
  HEDDLE_TRY(CheckCounts(args, 3, 3, 1));
  HEDDLE_TRY(CheckSegments(args));
  HEDDLE_TRY(CheckType(args.inputs[2], "count", {Type::kInt32}));
  return MadeOperation(std::make_unique<UnsortedSegment>(combine));
}

}  // namespace

MadeOperation MakeSegmentSum(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckSegments(args));
  return MadeOperation(std::make_unique<SegmentSum>());
}

MadeOperation MakeUnsortedSegmentSum(const MakeArgs& args) {
  return MakeUnsorted(args, Combine::kAdd);
}
MadeOperation MakeUnsortedSegmentProd(const MakeArgs& args) {
  return MakeUnsorted(args, Combine::kMul);
}
MadeOperation MakeUnsortedSegmentMax(const MakeArgs& args) {
  return MakeUnsorted(args, Combine::kMax);
}
MadeOperation MakeUnsortedSegmentMin(const MakeArgs& args) {
  return MakeUnsorted(args, Combine::kMin);
}

}  // namespace heddle::core
