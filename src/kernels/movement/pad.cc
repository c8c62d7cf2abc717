// SPDX-License-Identifier: Apache-2.0
// PAD, PADV2, DILATE, STABLEHLO_PAD: along each axis the elements of the input, at equal distances,
// and padding before, between and behind them. The input is one box of the output, the padding of
// each axis a few.
#include <algorithm>
#include <cstring>

#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

// What becomes of one axis: elements [first, first + count) of the input go to at, at + step, ...
struct PadAxis {
  int64_t size = 0;  // of the output
  int64_t first = 0, count = 0, at = 0, step = 1;
};
using PadAxes = std::array<PadAxis, Shape::kMaxRank>;

// An axis of `in` elements, `step` apart, with padding around it; negative padding takes elements
// away.
PadAxis MakePadAxis(int64_t in, int64_t low, int64_t high, int64_t step) {
  PadAxis a;
  a.step = step;
  a.size = std::max<int64_t>(0, low + high + (in > 0 ? (in - 1) * step + 1 : 0));
  a.first = low < 0 ? (-low + step - 1) / step : 0;
  a.at = low + a.first * step;
  const int64_t fit = a.size > a.at ? (a.size - 1 - a.at) / step + 1 : 0;
  a.count = std::clamp<int64_t>(in - a.first, 0, fit);
  return a;
}

// The boxes of the copy; `fill` is the input that holds the padding, or CopyBox::kFill.
// REQUIRES: the output has elements; steps over 1 only where it has less than kMaxRank axes.
std::vector<CopyBox> PadBoxes(const Shape& input, const PadAxes& axes, const Shape& output,
                              int fill) {
  std::vector<CopyBox> boxes;
  CopyBox box;  // what is left once the padding of the axes before i is taken away
  box.dims = output;
  box.out_stride = RowMajor(output);
  for (int i = 0; i < output.rank(); ++i) {
    const PadAxis& a = axes[i];
    const int64_t stride = box.out_stride[i];
    const auto add = [&](int64_t begin, int64_t end) {
      CopyBox padding = box;
      padding.input = fill;
      padding.dims[i] = static_cast<int32_t>(end - begin);
      padding.out_offset += begin * stride;
      if (begin < end) boxes.push_back(padding);
    };
    if (a.count == 0) {
      add(0, a.size);
      return boxes;
    }
    add(0, a.at);
    add(a.at + (a.count - 1) * a.step + 1, a.size);
    if (a.step > 1 && a.count > 1) {
      CopyBox gaps = box;
      gaps.input = fill;
      gaps.dims[i] = static_cast<int32_t>(a.count - 1);
      gaps.out_stride[i] = a.step * stride;
      gaps.out_offset += (a.at + 1) * stride;
      gaps.out_stride[gaps.dims.rank()] = stride;
      gaps.dims.Append(static_cast<int32_t>(a.step - 1));
      boxes.push_back(gaps);
    }
    box.dims[i] = static_cast<int32_t>(a.count);
    box.out_offset += a.at * stride;
    box.out_stride[i] = a.step * stride;
  }
  box.in_stride = RowMajor(input);
  for (int i = 0; i < output.rank(); ++i) box.in_offset += axes[i].first * box.in_stride[i];
  boxes.push_back(box);
  return boxes;
}

class PadBase : public Operation {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const final {
    HEDDLE_TRY(CheckFill(inputs));
    HEDDLE_ASSIGN(const PadAxes axes, Axes(inputs));
    const int rank = inputs[0].shape.rank();
    Shape shape;
    for (int i = 0; i < rank; ++i) {
      if (axes[i].size > INT32_MAX) {
        return Status(inputs[0].constant ? Code::kInvalidModel : Code::kInvalidArgument,
                      fmt::format("axis {} of the output would have size {}, expected less than "
                                  "2^31",
                                  i, axes[i].size));
      }
      if (axes[i].step > 1 && rank == Shape::kMaxRank) {
        return Unsupported("padding between elements of {} dimensions, expected less than {}", rank,
                           Shape::kMaxRank);
      }
      shape.Append(static_cast<int32_t>(axes[i].size));
    }
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const final {
    HEDDLE_ASSIGN(const PadAxes axes, Axes(inputs));
    CopySpec spec;
    spec.type = inputs[0].type;
    spec.fill = FillOf(outputs[0]);
    if (outputs[0].shape.elements() > 0) {
      spec.boxes = PadBoxes(inputs[0].shape, axes, outputs[0].shape, fill_);
    }
    LowerCopy(spec, step);
    return Status();
  }

 protected:
  // `fill`: the input that holds the padding; CopyBox::kFill: the real zero.
  explicit PadBase(int fill) : fill_(fill) {}

 private:
  virtual Result<PadAxes> Axes(std::span<const Operand> inputs) const = 0;

  Status CheckFill(std::span<const Operand> inputs) const {
    if (fill_ == CopyBox::kFill) return Status();
    const Operand& value = inputs[static_cast<size_t>(fill_)];
    if (value.shape.elements() == 1) return Status();
    return BadValue(value, "padding value '{}' has shape {}, expected one value", value.name,
                    value.shape.ToString());
  }

  // A quantised tensor is padded with what stands for the real zero.
  static std::array<std::byte, 16> FillOf(const Operand& output) {
    std::array<std::byte, 16> fill{};
    const bool quantised =
        output.type == Type::kInt8 || output.type == Type::kUInt8 || output.type == Type::kInt16;
    const int32_t zero = quantised ? output.quant->ZeroPoint() : 0;
    std::memcpy(fill.data(), &zero, sizeof(zero));  // little-endian: the low bytes are the element
    return fill;
  }

  const int fill_;
};

class Pad final : public PadBase {
 public:
  explicit Pad(int fill) : PadBase(fill) {}
  uint32_t ValueInputs() const override { return 2; }

 private:
  Result<PadAxes> Axes(std::span<const Operand> inputs) const override {
    const Operand& operand = inputs[1];
    const Shape& shape = inputs[0].shape;
    if (!(operand.shape == Shape{shape.rank(), 2})) {
      return BadValue(operand, "paddings '{}' have shape {}, expected {}x2 (input shape {})",
                      operand.name, operand.shape.ToString(), shape.rank(), shape.ToString());
    }
    HEDDLE_ASSIGN(const IntList list, ReadInts(operand, "paddings"));
    for (int i = 0; i < 2 * shape.rank(); ++i) {
      if (list[i] >= 0 && list[i] <= INT32_MAX) continue;
      return BadValue(operand, "padding {} of axis {} is {}, expected 0 to 2^31 - 1", i % 2, i / 2,
                      list[i]);
    }
    PadAxes axes;
    for (int i = 0; i < shape.rank(); ++i) {
      axes[i] = MakePadAxis(shape[i], list[2 * i], list[2 * i + 1], 1);
      if (axes[i].size <= INT32_MAX) continue;
      return BadValue(operand, "axis {} would have size {}, expected less than 2^31", i,
                      axes[i].size);
    }
    return axes;
  }
};

class Dilate final : public PadBase {
 public:
  Dilate() : PadBase(2) {}
  uint32_t ValueInputs() const override { return 2; }

 private:
  Result<PadAxes> Axes(std::span<const Operand> inputs) const override {
    const Operand& operand = inputs[1];
    const Shape& shape = inputs[0].shape;
    HEDDLE_ASSIGN(const IntList steps, ReadInts(operand, "dilations"));
    if (!(operand.shape == Shape{shape.rank()})) {
      return BadValue(operand, "dilations '{}' have shape {}, expected {} (input shape {})",
                      operand.name, operand.shape.ToString(), shape.rank(), shape.ToString());
    }
    PadAxes axes;
    for (int i = 0; i < shape.rank(); ++i) {
      if (steps[i] < 1 || steps[i] > INT32_MAX) {
        return BadValue(operand, "dilation {} is {}, expected 1 to 2^31 - 1", i, steps[i]);
      }
      axes[i] = MakePadAxis(shape[i], 0, 0, steps[i]);
    }
    return axes;
  }
};

class StablehloPad final : public PadBase {
 public:
  explicit StablehloPad(StablehloPadOptions options) : PadBase(1), options_(std::move(options)) {}

 private:
  Result<PadAxes> Axes(std::span<const Operand> inputs) const override {
    const Shape& shape = inputs[0].shape;
    if (options_.low.size() != static_cast<size_t>(shape.rank())) {
      return InvalidModel("padding of {} axes, expected {} (input shape {})", options_.low.size(),
                          shape.rank(), shape.ToString());
    }
    PadAxes axes;
    for (int i = 0; i < shape.rank(); ++i) {
      axes[i] = MakePadAxis(shape[i], options_.low[i], options_.high[i], options_.interior[i] + 1);
    }
    return axes;
  }

  const StablehloPadOptions options_;
};

Status CheckPadded(const MakeArgs& args) {
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  return CheckCopyable(args.inputs[0]);
}

Status CheckPaddings(const Operand& paddings) {
  switch (paddings.type) {
    case Type::kInt8:
    case Type::kInt16:
    case Type::kInt32:
    case Type::kInt64:
    case Type::kBool:
      return Status();
    default:
      return InvalidModel("paddings '{}' are {}, expected integers", paddings.name,
                          TypeName(paddings.type));
  }
}

}  // namespace

MadeOperation MakePad(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckPadded(args));
  HEDDLE_TRY(CheckPaddings(args.inputs[1]));
  return MadeOperation(std::make_unique<Pad>(CopyBox::kFill));
}

MadeOperation MakePadV2(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 3, 3, 1));
  HEDDLE_TRY(CheckPadded(args));
  HEDDLE_TRY(CheckPaddings(args.inputs[1]));
  HEDDLE_TRY(CheckTypesEqual(args, 2, 3));
  return MadeOperation(std::make_unique<Pad>(2));
}

MadeOperation MakeDilate(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 3, 3, 1));
  HEDDLE_TRY(CheckPadded(args));
  HEDDLE_TRY(CheckIndexType(args.inputs[1]));
  HEDDLE_TRY(CheckTypesEqual(args, 2, 3));
  return MadeOperation(std::make_unique<Dilate>());
}

MadeOperation MakeStablehloPad(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckPadded(args));
  HEDDLE_TRY(CheckTypesEqual(args, 1, 2));
  auto options = args.op.OptionsOr<StablehloPadOptions>();
  if (options.high.size() != options.low.size() || options.interior.size() != options.low.size()) {
    return InvalidModel("padding of {} axes before, {} behind and {} between, expected the same",
                        options.low.size(), options.high.size(), options.interior.size());
  }
  for (size_t i = 0; i < options.low.size(); ++i) {
    const auto small = [](int64_t v) { return v >= -INT32_MAX && v <= INT32_MAX; };
    const int64_t between = options.interior[i];
    if (small(options.low[i]) && small(options.high[i]) && between >= 0 && between < INT32_MAX) {
      continue;
    }
    return InvalidModel(
        "padding of axis {} is {} before, {} behind and {} between, expected less "
        "than 2^31 and none below 0 between",
        i, options.low[i], options.high[i], between);
  }
  return MadeOperation(std::make_unique<StablehloPad>(std::move(options)));
}

}  // namespace heddle::core
