// SPDX-License-Identifier: Apache-2.0
// REDUCE_WINDOW and STABLEHLO_REDUCE_WINDOW: every window of a tensor joined into one element,
// beginning with `init`, in the order of the window's elements. What padding and base dilation put
// between the elements is `init` too.
#include <algorithm>
#include <array>

#include "kernels/index/combine.h"
#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

constexpr int kMostAxes = 6;

struct Axis {
  int64_t size = 1, window = 1, stride = 1, dilation = 1, base_dilation = 1;
  int64_t before = 0, behind = 0;  // padding; below zero: cropped
  int64_t out = 1, in_stride = 1;  // elements

  // The element that position p of the dilated and padded axis holds; -1: none.
  int64_t ElementAt(int64_t p) const {
    const int64_t at = p - before;
    if (at < 0 || at % base_dilation != 0 || at / base_dilation >= size) return -1;
    return at / base_dilation;
  }
};

struct WindowParams {
  CombineFn join = nullptr, assign = nullptr;
  int64_t element = 0;  // bytes
  int rank = 0;
  std::array<Axis, kMostAxes> axes;
  int64_t rows = 0, rows_per_tile = 1;  // of the output, each its last axis
};

// Joins one element of the window of each output of a row: those of the input that stand at `tap`
// of the last axis, behind `line`; nullptr: all are `init`.
void JoinTap(const WindowParams& p, const std::byte* line, const void* init, int64_t tap,
             std::byte* out) {
  const Axis& axis = p.axes[p.rank - 1];
  const int64_t first = tap * axis.dilation;
  int64_t i = 0;
  while (i < axis.out) {
    const int64_t from = line == nullptr ? -1 : axis.ElementAt(first + i * axis.stride);
    int64_t run = 1;
    if (line == nullptr) {
      run = axis.out - i;
    } else if (from >= 0 && axis.base_dilation == 1) {
      run = std::min(axis.out - i, (axis.size - 1 - from) / axis.stride + 1);
    }
    const void* source = from < 0 ? init : line + from * p.element;
    p.join(out + i * p.element, 1, source, from < 0 ? 0 : axis.stride, run);
    i += run;
  }
}

// The line of the input that the outer axes of a window element name; nullptr: none.
const std::byte* LineAt(const WindowParams& p, const TileArgs& args, int64_t row, int64_t tap) {
  int64_t offset = 0;
  for (int d = p.rank - 2; d >= 0; --d) {
    const Axis& axis = p.axes[d];
    const int64_t at =
        axis.ElementAt(row % axis.out * axis.stride + tap % axis.window * axis.dilation);
    if (at < 0) return nullptr;
    offset += at * axis.in_stride;
    row /= axis.out;
    tap /= axis.window;
  }
  return static_cast<const std::byte*>(args.inputs[0]) + offset * p.element;
}

TileCode WindowTiles(const WindowParams& p, const TileArgs& args, TileRange tiles) {
  const Axis& last = p.axes[p.rank - 1];
  int64_t outer_taps = 1;
  for (int d = 0; d + 1 < p.rank; ++d) outer_taps *= p.axes[d].window;
  const int64_t end = std::min(p.rows, tiles.end * p.rows_per_tile);
  for (int64_t row = tiles.begin * p.rows_per_tile; row < end; ++row) {
    std::byte* out = static_cast<std::byte*>(args.outputs[0]) + row * last.out * p.element;
    p.assign(out, 1, args.inputs[1], 0, last.out);
    for (int64_t outer = 0; outer < outer_taps; ++outer) {
      const std::byte* line = LineAt(p, args, row, outer);
      for (int64_t tap = 0; tap < last.window; ++tap) JoinTap(p, line, args.inputs[1], tap, out);
    }
  }
  return TileCode::kOk;
}

using Axes = std::array<Axis, kMostAxes>;

// Sizes of at most 2^31 each, so that no product of two overflows.
Status CheckAxis(const Axis& a, int d) {
  const auto bad = [&](const char* what, int64_t value) {
    return InvalidModel("{} of axis {} is {}, expected 1 to 2^31 - 1", what, d, value);
  };
  if (a.window < 1 || a.window > INT32_MAX) return bad("window", a.window);
  if (a.stride < 1 || a.stride > INT32_MAX) return bad("stride", a.stride);
  if (a.dilation < 1 || a.dilation > INT32_MAX) return bad("dilation", a.dilation);
  if (a.base_dilation < 1 || a.base_dilation > INT32_MAX)
    return bad("base dilation", a.base_dilation);
  for (const int64_t padding : {a.before, a.behind}) {
    if (padding >= -INT32_MAX && padding <= INT32_MAX) continue;
    return InvalidModel("padding of axis {} is {}, expected less than 2^31", d, padding);
  }
  return Status();
}

Status SetOut(Axis& a, int d) {
  HEDDLE_TRY(CheckAxis(a, d));
  const int64_t dilated = a.size == 0 ? 0 : (a.size - 1) * a.base_dilation + 1;
  const int64_t padded = dilated + a.before + a.behind;
  const int64_t reach = (a.window - 1) * a.dilation + 1;
  a.out = padded < reach ? 0 : (padded - reach) / a.stride + 1;
  if (a.out > INT32_MAX) {
    return ResourceExhausted("axis {} of the output would have size {}, expected less than 2^31", d,
                             a.out);
  }
  return Status();
}

class ReduceWindow : public Operation {
 public:
  ReduceWindow(Combine combine, Type type) {
    join_ = FindCombine(combine, type);
    assign_ = FindCombine(Combine::kAssign, type);
  }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const final {
    HEDDLE_ASSIGN(const Axes axes, Resolve(inputs));
    outputs[0] = inputs[0].shape;
    for (int d = 0; d < outputs[0].rank(); ++d) outputs[0][d] = static_cast<int32_t>(axes[d].out);
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const final {
    HEDDLE_ASSIGN(const Axes axes, Resolve(inputs));
    const Shape& shape = outputs[0].shape;
    WindowParams p;
    p.join = join_;
    p.assign = assign_;
    p.element = static_cast<int64_t>(TypeBits(inputs[0].type) / 8);
    p.rank = shape.rank();
    p.axes = axes;
    p.rows = shape.elements() == 0 ? 0 : shape.Product(0, p.rank - 1);
    int64_t stride = 1;
    float taps = 1;
    for (int d = p.rank - 1; d >= 0; --d) {
      p.axes[d].in_stride = stride;
      stride *= p.axes[d].size;
      taps *= static_cast<float>(p.axes[d].window);
    }
    const int64_t row = std::max<int64_t>(1, p.axes[p.rank - 1].out);
    p.rows_per_tile = std::max<int64_t>(1, 256 / row);
    const int64_t tiles = (p.rows + p.rows_per_tile - 1) / p.rows_per_tile;
    SetTiled<&WindowTiles>(step, p, tiles,
                           taps * (5 + 0.3f * static_cast<float>(row * p.rows_per_tile)));
    constexpr float kMostMacs = 0x1p62f;
    step.macs =
        static_cast<int64_t>(std::min(kMostMacs, taps * static_cast<float>(shape.elements())));
    step.kernel = "reduce_window";
    return Status();
  }

 private:
  // What the operator says of each axis; sizes and strides of the input come from its shape.
  virtual Status Read(std::span<const Operand> inputs, Axes& axes) const = 0;

  Result<Axes> Resolve(std::span<const Operand> inputs) const {
    const Shape& shape = inputs[0].shape;
    if (shape.rank() < 1 || shape.rank() > kMostAxes) {
      return InvalidModel("input '{}' has shape {}, expected 1 to {} axes", inputs[0].name,
                          shape.ToString(), kMostAxes);
    }
    if (inputs[1].shape.elements() != 1) {
      return InvalidModel("initial value '{}' has shape {}, expected one element", inputs[1].name,
                          inputs[1].shape.ToString());
    }
    Axes axes;
    for (int d = 0; d < shape.rank(); ++d) axes[d].size = shape[d];
    HEDDLE_TRY(Read(inputs, axes));
    for (int d = 0; d < shape.rank(); ++d) HEDDLE_TRY(SetOut(axes[d], d));
    return axes;
  }

  CombineFn join_, assign_;
};

class TfliteWindow final : public ReduceWindow {
 public:
  using ReduceWindow::ReduceWindow;
  uint32_t ValueInputs() const override { return 7u << 2; }

 private:
  Status Read(std::span<const Operand> inputs, Axes& axes) const override {
    constexpr const char* kRoles[] = {"window", "strides", "dilations"};
    constexpr int64_t Axis::* kFields[] = {&Axis::window, &Axis::stride, &Axis::dilation};
    for (int k = 0; k < 3; ++k) {
      const Operand& operand = inputs[2 + k];
      HEDDLE_ASSIGN(const IntList list, ReadInts(operand, kRoles[k]));
      if (list.size != inputs[0].shape.rank()) {
        return BadValue(operand, "{} '{}' has {} values, expected {} (axes of the input)",
                        kRoles[k], operand.name, list.size, inputs[0].shape.rank());
      }
      for (int d = 0; d < list.size; ++d) axes[d].*kFields[k] = list[d];
    }
    return Status();
  }
};

class StablehloWindow final : public ReduceWindow {
 public:
  StablehloWindow(Combine combine, Type type, StablehloReduceWindowOptions options)
      : ReduceWindow(combine, type), options_(std::move(options)) {}

 private:
  // An option that the file leaves out is all ones; padding: all zeros.
  Status Read(std::span<const Operand> inputs, Axes& axes) const override {
    const size_t rank = static_cast<size_t>(inputs[0].shape.rank());
    const auto spread = [&](const std::vector<int64_t>& values, const char* role,
                            int64_t Axis::* field) -> Status {
      if (values.empty()) return Status();
      if (values.size() != rank)
        return InvalidModel("{} {}, expected {} (axes of the input)", values.size(), role, rank);
      for (size_t d = 0; d < rank; ++d) axes[d].*field = values[d];
      return Status();
    };
    HEDDLE_TRY(spread(options_.dims, "window sizes", &Axis::window));
    HEDDLE_TRY(spread(options_.strides, "strides", &Axis::stride));
    HEDDLE_TRY(spread(options_.dilations, "dilations", &Axis::dilation));
    HEDDLE_TRY(spread(options_.base_dilations, "base dilations", &Axis::base_dilation));
    if (options_.padding.empty()) return Status();
    if (options_.padding.size() != 2 * rank)
      return InvalidModel("{} paddings, expected {}", options_.padding.size(), 2 * rank);
    for (size_t d = 0; d < rank; ++d) {
      axes[d].before = options_.padding[2 * d];
      axes[d].behind = options_.padding[2 * d + 1];
    }
    return Status();
  }

  StablehloReduceWindowOptions options_;
};

Combine InWindow(Combine combine) {
  if (combine == Combine::kMin) return Combine::kWindowMin;
  return combine == Combine::kMax ? Combine::kWindowMax : combine;
}

Result<Combine> CombineOf(ReduceFunction function) {
  switch (function) {
    case ReduceFunction::kAdd:
      return Combine::kAdd;
    case ReduceFunction::kMul:
      return Combine::kMul;
    case ReduceFunction::kMin:
      return Combine::kWindowMin;
    case ReduceFunction::kMax:
      return Combine::kWindowMax;
    case ReduceFunction::kAll:
      return Combine::kAll;
    case ReduceFunction::kAny:
      return Combine::kAny;
    default:
      return Unsupported("reduce function {}, expected 1 to 6", static_cast<int>(function));
  }
}

Status CheckElements(const MakeArgs& args) {
  HEDDLE_TRY(CheckTypesEqual(args, 0, 2));
  const Operand& input = args.inputs[0];
  if (FindCombine(Combine::kAdd, input.type) != nullptr) return Status();
  return Unsupported("input '{}' is {}, expected numbers or bools", input.name,
                     TypeName(input.type));
}

}  // namespace

MadeOperation MakeReduceWindow(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 5, 5, 1));
  HEDDLE_TRY(CheckElements(args));
  HEDDLE_ASSIGN(const Combine combine,
                CombineOf(args.op.OptionsOr<ReduceWindowOptions>().function));
  return MadeOperation(std::make_unique<TfliteWindow>(combine, args.inputs[0].type));
}

MadeOperation MakeStablehloReduceWindow(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckElements(args));
  auto options = args.op.OptionsOr<StablehloReduceWindowOptions>();
  HEDDLE_ASSIGN(const Combine combine, CombineOfBody(args.subgraphs, options.body));
  if (combine == Combine::kAssign)
    return InvalidModel("the body, subgraph {}, is empty, expected one operator", options.body);
  return MadeOperation(std::make_unique<StablehloWindow>(InWindow(combine), args.inputs[0].type,
                                                         std::move(options)));
}

}  // namespace heddle::core
