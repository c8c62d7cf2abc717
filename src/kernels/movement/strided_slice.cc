// SPDX-License-Identifier: Apache-2.0
// STRIDED_SLICE: begin, end and strides resolve to one box of the input; new axes and shrunk ones
// only shape it.
#include <algorithm>
#include <bit>

#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/movement/string_copy.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

enum class AxisKind { kWhole, kNew, kShrunk, kSliced };

// One axis of the input once new axes are in: which entry of the operands speaks of it.
struct SpecAxis {
  AxisKind kind = AxisKind::kWhole;
  int entry = -1;
};

// begin, end and strides as the caller or the file gave them.
struct Entries {
  IntList begin, end, stride;
};

// The box: one axis for each axis of the input. `output` leaves shrunk axes out and has the new
// ones.
struct Slice {
  Shape dims, output;
  Strides begin{}, stride{};
};

bool Bit(int32_t mask, int i) { return (static_cast<uint32_t>(mask) >> i & 1) != 0; }

class StridedSlice final : public Operation {
 public:
  explicit StridedSlice(StridedSliceOptions options) : options_(options) {}

  uint32_t ValueInputs() const override { return 2 | 4 | 8; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const Slice slice, Resolve(inputs));
    outputs[0] = slice.output;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override;

 private:
  Result<Slice> Resolve(std::span<const Operand> inputs) const;
  Result<Entries> ReadEntries(std::span<const Operand> inputs) const;
  Result<std::vector<SpecAxis>> Align(std::span<const Operand> inputs, int entries) const;
  Status ResolveAxis(std::span<const Operand> inputs, const Entries& entries, SpecAxis axis, int at,
                     Slice& slice) const;

  StridedSliceOptions options_;
};

Result<Entries> StridedSlice::ReadEntries(std::span<const Operand> inputs) const {
  constexpr const char* kRoles[] = {"begin", "end", "strides"};
  Entries entries;
  IntList* lists[] = {&entries.begin, &entries.end, &entries.stride};
  for (int k = 0; k < 3; ++k) {
    const Operand& operand = inputs[k + 1];
    if (operand.shape.rank() != 1 || operand.shape[0] > 31 ||
        operand.shape[0] != inputs[1].shape[0]) {
      return BadValue(
          operand,
          "{} '{}' has shape {}, expected one dimension, at most 31 long and as long as "
          "begin",
          kRoles[k], operand.name, operand.shape.ToString());
    }
    HEDDLE_ASSIGN(*lists[k], ReadInts(operand, kRoles[k]));
  }
  for (int i = 0; i < entries.stride.size; ++i) {
    if (entries.stride[i] == 0 || entries.stride[i] == INT32_MIN) {
      return BadValue(inputs[3], "stride {} is {}, expected neither 0 nor -2^31", i,
                      entries.stride[i]);
    }
  }
  return entries;
}

// As in LiteRT the ellipsis stands for at least one axis, and entries that are left over then are
// not read.
Result<std::vector<SpecAxis>> StridedSlice::Align(std::span<const Operand> inputs,
                                                  int entries) const {
  const int rank = inputs[0].shape.rank();
  const uint32_t used = (uint32_t{1} << entries) - 1;
  const uint32_t ellipsis = static_cast<uint32_t>(options_.ellipsis_mask) & used;
  const uint32_t added = static_cast<uint32_t>(options_.new_axis_mask) & used & ~ellipsis;
  if (std::popcount(ellipsis) > 1) {
    return InvalidModel("ellipsis_mask has several bits, expected one");
  }
  const int effective = rank + std::popcount(added);
  std::vector<SpecAxis> axes;
  for (int i = 0; i < entries; ++i) {
    if ((ellipsis >> i & 1) != 0) {
      axes.insert(axes.end(), std::max(effective - entries + 1, 1), SpecAxis{});
    } else if ((added >> i & 1) != 0) {
      axes.push_back({AxisKind::kNew, i});
    } else {
      const bool shrunk = Bit(options_.shrink_axis_mask, i);
      axes.push_back({shrunk ? AxisKind::kShrunk : AxisKind::kSliced, i});
    }
  }
  const bool fits = entries - std::popcount(ellipsis) <= effective;
  axes.resize(effective);
  const auto news =
      std::count_if(axes.begin(), axes.end(), [](SpecAxis a) { return a.kind == AxisKind::kNew; });
  if (!fits || news != std::popcount(added)) {
    return BadValue(inputs[1], "begin '{}' has {} entries, expected at most {} (input shape {})",
                    inputs[1].name, entries, effective, inputs[0].shape.ToString());
  }
  return axes;
}

// Axis `at` of the input, of which an entry speaks.
Status StridedSlice::ResolveAxis(std::span<const Operand> inputs, const Entries& entries,
                                 SpecAxis axis, int at, Slice& slice) const {
  const int i = axis.entry;
  const int64_t size = inputs[0].shape[at], stride = entries.stride[i];
  const int64_t low = stride > 0 ? 0 : -1, high = stride > 0 ? size : size - 1;
  const auto from_end = [&](int64_t v) { return std::clamp(v < 0 ? v + size : v, low, high); };
  const int64_t begin =
      Bit(options_.begin_mask, i) ? (stride > 0 ? 0 : size - 1) : from_end(entries.begin[i]);
  slice.begin[at] = begin;
  slice.stride[at] = stride;
  if (axis.kind == AxisKind::kShrunk) {
    if (begin < 0 || begin >= size) {
      return BadValue(inputs[1], "begin {} is {}, expected an index into axis {} of input shape {}",
                      i, entries.begin[i], at, inputs[0].shape.ToString());
    }
    slice.dims.Append(1);
    return Status();
  }
  int64_t end = entries.end[i] + (options_.offset ? begin : 0);
  end = Bit(options_.end_mask, i) ? (stride > 0 ? size : -1) : from_end(end);
  const int64_t length =
      stride > 0 ? (end - begin + stride - 1) / stride : (begin - end - stride - 1) / -stride;
  slice.dims.Append(static_cast<int32_t>(std::max<int64_t>(0, length)));
  return AppendDim(slice.output, slice.dims[at]);
}

Result<Slice> StridedSlice::Resolve(std::span<const Operand> inputs) const {
  HEDDLE_ASSIGN(const Entries entries, ReadEntries(inputs));
  HEDDLE_ASSIGN(const std::vector<SpecAxis> axes, Align(inputs, entries.begin.size));
  Slice slice;
  const Shape& shape = inputs[0].shape;
  int at = 0;
  for (const SpecAxis axis : axes) {
    if (axis.kind == AxisKind::kNew) {
      HEDDLE_TRY(AppendDim(slice.output, 1));
      continue;
    }
    if (axis.kind == AxisKind::kWhole) {
      slice.stride[at] = 1;
      slice.dims.Append(shape[at]);
      HEDDLE_TRY(AppendDim(slice.output, shape[at]));
    } else {
      HEDDLE_TRY(ResolveAxis(inputs, entries, axis, at, slice));
    }
    ++at;
  }
  return slice;
}

CopyBox BoxOf(const Slice& slice, const Shape& input) {
  CopyBox box;
  box.dims = slice.dims;
  if (slice.dims.elements() == 0) return box;
  box.out_stride = RowMajor(box.dims);
  const Strides from = RowMajor(input);
  for (int i = 0; i < box.dims.rank(); ++i) {
    box.in_offset += slice.begin[i] * from[i];
    box.in_stride[i] = slice.stride[i] * from[i];
  }
  return box;
}

Status StridedSlice::Lower(std::span<const Operand> inputs, std::span<const Operand>,
                           Step& step) const {
  HEDDLE_ASSIGN(const Slice slice, Resolve(inputs));
  const CopyBox box = BoxOf(slice, inputs[0].shape);
  if (inputs[0].type == Type::kString) {
    LowerStringCopy(box, slice.output, step);
    return Status();
  }
  CopySpec spec;
  spec.type = inputs[0].type;
  spec.boxes = {box};
  LowerCopy(spec, step);
  return Status();
}

}  // namespace

MadeOperation MakeStridedSlice(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 4, 4, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  if (args.inputs[0].type != Type::kString) HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  for (size_t i = 1; i < 4; ++i) {
    if (args.inputs[i].type == Type::kInt32) continue;
    return InvalidModel("input {} '{}' is {}, expected int32", i, args.inputs[i].name,
                        TypeName(args.inputs[i].type));
  }
  return MadeOperation(std::make_unique<StridedSlice>(args.op.OptionsOr<StridedSliceOptions>()));
}

}  // namespace heddle::core
