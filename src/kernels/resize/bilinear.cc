// SPDX-License-Identifier: Apache-2.0
// RESIZE_BILINEAR: for every output row and column a table says which two input ones it lies
// between and how far; a form says how LiteRT's kernel of that type mixes the four pixels.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/operators.h"
#include "kernels/quant.h"
#include "kernels/resize/bilinear_kernels.h"
#include "kernels/resize/size.h"

namespace heddle::core {
namespace {

constexpr int64_t kMixed = 2048;  // elements of a row that the xnn forms mix at a time

using TapTable = std::vector<Tap>;
using TableFn = TapTable (*)(const ResizeOptions& options, int64_t in, int64_t out);

int32_t ClampIndex(float at, int64_t in) {
  return static_cast<int32_t>(std::clamp<int64_t>(static_cast<int64_t>(at), 0, in - 1));
}

// LiteRT's reference kernel of float32 and uint8.
TapTable FloatTable(const ResizeOptions& options, int64_t in, int64_t out) {
  const float scale = ResizeScale(in, out, options.align_corners);
  TapTable table(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const float x = static_cast<float>(i);
    const float at = options.half_pixel_centers ? (x + 0.5f) * scale - 0.5f : x * scale;
    Tap& tap = table[i];
    tap.low = ClampIndex(std::floor(at), in);
    tap.high = ClampIndex(std::ceil(at), in);
    tap.part = at - static_cast<float>(tap.low);
  }
  return table;
}

// LiteRT's reference kernel of int8 and int16: 10 fractional bits.
TapTable IntTable(const ResizeOptions& options, int64_t in, int64_t out) {
  const bool corners = options.align_corners && out > 1;
  const int64_t scale =
      corners ? (((in - 1) << 10) + (out - 1) / 2) / (out - 1) : ((in << 10) + out / 2) / out;
  TapTable table(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const int64_t at = i * scale + (options.half_pixel_centers ? scale / 2 - 512 : 0);
    Tap& tap = table[i];
    tap.low = static_cast<int32_t>(std::clamp<int64_t>(at / 1024, 0, in - 1));
    tap.high = static_cast<int32_t>(std::clamp<int64_t>((at + 1023) / 1024, 0, in - 1));
    tap.fixed = static_cast<int32_t>(at - int64_t{1024} * tap.low);
  }
  return table;
}

// XNNPACK: the position is held inside the image; 8-bit values with 11 fractional bits.
TapTable XnnTable(const ResizeOptions& options, int64_t in, int64_t out) {
  const float scale = ResizeScale(in, out, options.align_corners);
  const float offset = options.half_pixel_centers ? 0.5f * scale - 0.5f : 0.0f;
  TapTable table(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const float at =
        std::clamp(static_cast<float>(i) * scale + offset, 0.0f, static_cast<float>(in - 1));
    Tap& tap = table[i];
    tap.low = ClampIndex(at, in);
    tap.high = std::min(tap.low + 1, static_cast<int32_t>(in - 1));
    tap.part = at - static_cast<float>(tap.low);
    tap.fixed = static_cast<int32_t>(RoundEven(tap.part * 2048.0f));
  }
  return table;
}

// The tables stay where they are: the params point into them.
struct OwnedParams {
  BilinearParams params;
  TapTable y, x;
};

class ResizeBilinear final : public Operation {
 public:
  explicit ResizeBilinear(const MakeArgs& args)
      : options_(args.op.OptionsOr<ResizeOptions>()),
        numerics_(args.numerics),
        kernels_(BilinearKernelsFor(args.isa)) {}

  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(outputs[0], ResizedShape(inputs, 1));
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& from = inputs[0].shape;
    const Shape& to = outputs[0].shape;
    const bool xnn = numerics_ == Numerics::kFast && inputs[1].constant && XnnTakes(inputs[0]);
    const BilinearKernels& k = kernels_;
    switch (inputs[0].type) {
      case Type::kFloat32:
        xnn ? Set(from, to, &XnnTable, k.xnn_f32, "bilinear_f32", step)
            : Set(from, to, &FloatTable, k.float_f32, "bilinear_f32", step);
        return Status();
      case Type::kInt8:
        xnn ? Set(from, to, &XnnTable, k.xnn_i8, "bilinear_i8", step)
            : Set(from, to, &IntTable, k.int_i8, "bilinear_i8", step);
        return Status();
      case Type::kUInt8:
        xnn ? Set(from, to, &XnnTable, k.xnn_u8, "bilinear_u8", step)
            : Set(from, to, &FloatTable, k.float_u8, "bilinear_u8", step);
        return Status();
      default:
        Set(from, to, &IntTable, k.int_i16, "bilinear_i16", step);
        return Status();
    }
  }

 private:
  void Set(const Shape& from, const Shape& to, TableFn table, TileFn tile, const char* name,
           Step& step) const {
    OwnedParams owned;
    BilinearParams& p = owned.params;
    if (to.elements() > 0) {
      owned.y = table(options_, from[1], to[1]);
      owned.x = table(options_, from[2], to[2]);
      p.rows = int64_t{to[0]} * to[1];
    }
    p.height = to[1];
    p.width = to[2];
    p.in_rows = from[1];
    p.channels = from[3];
    p.in_row = from[2] * p.channels;
    const int64_t row = p.width * p.channels;
    p.rows_per_tile = std::max<int64_t>(1, 4096 / std::max<int64_t>(row, 1));
    p.columns = std::clamp<int64_t>(kMixed / std::max<int64_t>(p.channels, 1), 1,
                                    std::max<int64_t>(p.width, 1));
    const int64_t tiles = (p.rows + p.rows_per_tile - 1) / p.rows_per_tile;
    const float row_ns = 4 * static_cast<float>(to[2]) + 0.25f * static_cast<float>(row);
    step.kind = StepKind::kTiled;
    step.phases = {Phase{tile, tiles, row_ns * static_cast<float>(p.rows_per_tile)}};
    if (table == &XnnTable) step.scratch_bytes = p.scratch_bytes();
    step.params = Share(std::move(owned));
    step.kernel = name;
  }

  static std::shared_ptr<const void> Share(OwnedParams owned) {
    const auto shared = std::make_shared<OwnedParams>(std::move(owned));
    shared->params.y = shared->y.data();
    shared->params.x = shared->x.data();
    return std::shared_ptr<const void>(shared, &shared->params);
  }

  ResizeOptions options_;
  Numerics numerics_;
  BilinearKernels kernels_;
};

}  // namespace

MadeOperation MakeResizeBilinear(const MakeArgs& args) {
  HEDDLE_TRY(CheckResize(args));
  const Type type = args.inputs[0].type;
  if (type != Type::kFloat32 && type != Type::kInt8 && type != Type::kUInt8 &&
      type != Type::kInt16) {
    return Unsupported("input '{}' is {}, expected float32, int8, uint8 or int16",
                       args.inputs[0].name, TypeName(type));
  }
  const ResizeOptions options = args.op.OptionsOr<ResizeOptions>();
  if (options.align_corners && options.half_pixel_centers) {
    return InvalidModel("align_corners and half_pixel_centers are both set, expected one at most");
  }
  return MadeOperation(std::make_unique<ResizeBilinear>(args));
}

}  // namespace heddle::core
