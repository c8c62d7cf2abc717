// SPDX-License-Identifier: Apache-2.0
// RESIZE_BILINEAR: for every output row and column a table says which two input ones it lies
// between and how far; a form says how LiteRT's kernel of that type mixes the four pixels. Loops
// run over contiguous channels.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/operators.h"
#include "kernels/quant.h"
#include "kernels/resize/size.h"

namespace heddle::core {
namespace {

// One output row or column: between input positions `low` and `high`.
struct Tap {
  int32_t low = 0, high = 0;
  float part = 0;     // of the way to `high`
  int32_t fixed = 0;  // the same as an integer, in the form's unit
};
using TapTable = std::vector<Tap>;

template <class T>
struct Corners {
  const T *top_left, *top_right, *bottom_left, *bottom_right;
};

int32_t ClampIndex(float at, int64_t in) {
  return static_cast<int32_t>(std::clamp(at, 0.0f, static_cast<float>(in - 1)));
}

// LiteRT's reference kernel of float32 and uint8.
struct FloatForm {
  static TapTable Table(const ResizeOptions& options, int64_t in, int64_t out) {
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

  template <class T>
  static void Mix(const Corners<T>& from, const Tap& y, const Tap& x, int64_t channels, T* out) {
    constexpr float kRound = std::is_integral_v<T> ? 0.5f : 0.0f;
    const float fy = y.part, fx = x.part;
    for (int64_t c = 0; c < channels; ++c) {
      const float value = from.top_left[c] * (1 - fy) * (1 - fx) +
                          from.bottom_left[c] * fy * (1 - fx) + from.top_right[c] * (1 - fy) * fx +
                          from.bottom_right[c] * fy * fx;
      out[c] = static_cast<T>(value + kRound);
    }
  }
};

// LiteRT's reference kernel of int8 and int16: 10 fractional bits.
struct IntForm {
  static TapTable Table(const ResizeOptions& options, int64_t in, int64_t out) {
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

  template <class T>
  static void Mix(const Corners<T>& from, const Tap& y, const Tap& x, int64_t channels, T* out) {
    const int64_t fy = y.fixed, fx = x.fixed;
    const int64_t w00 = (1024 - fy) * (1024 - fx), w10 = fy * (1024 - fx);
    const int64_t w01 = (1024 - fy) * fx, w11 = fy * fx;
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t sum = from.top_left[c] * w00 + from.bottom_left[c] * w10 +
                          from.top_right[c] * w01 + from.bottom_right[c] * w11;
      const int64_t half = int64_t{1} << 19;
      out[c] = static_cast<T>((sum > 0 ? sum + half : sum - half) / (int64_t{1} << 20));
    }
  }
};

// XNNPACK: the position is held inside the image; 8-bit values with 11 fractional bits.
struct XnnForm {
  static TapTable Table(const ResizeOptions& options, int64_t in, int64_t out) {
    const float scale = ResizeScale(in, out, options.align_corners);
    const float offset = options.half_pixel_centers ? 0.5f * scale - 0.5f : 0.0f;
    TapTable table(static_cast<size_t>(out));
    for (int64_t i = 0; i < out; ++i) {
      const float at =
          std::clamp(static_cast<float>(i) * scale + offset, 0.0f, static_cast<float>(in - 1));
      Tap& tap = table[i];
      tap.low = static_cast<int32_t>(at);
      tap.high = std::min(tap.low + 1, static_cast<int32_t>(in - 1));
      tap.part = at - static_cast<float>(tap.low);
      tap.fixed = static_cast<int32_t>(RoundEven(tap.part * 2048.0f));
    }
    return table;
  }

  static void Mix(const Corners<float>& from, const Tap& y, const Tap& x, int64_t channels,
                  float* out) {
    for (int64_t c = 0; c < channels; ++c) {
      const float top = from.top_left[c] + (from.top_right[c] - from.top_left[c]) * x.part;
      const float bottom =
          from.bottom_left[c] + (from.bottom_right[c] - from.bottom_left[c]) * x.part;
      out[c] = top + (bottom - top) * y.part;
    }
  }

  template <class T>
  static void Mix(const Corners<T>& from, const Tap& y, const Tap& x, int64_t channels, T* out) {
    for (int64_t c = 0; c < channels; ++c) {
      const int32_t tl = from.top_left[c], bl = from.bottom_left[c];
      const int32_t top = tl * 2048 + x.fixed * (from.top_right[c] - tl);
      const int32_t bottom = bl * 2048 + x.fixed * (from.bottom_right[c] - bl);
      out[c] = static_cast<T>((top * 2048 + y.fixed * (bottom - top) + (1 << 21)) >> 22);
    }
  }
};

struct BilinearParams {
  TapTable y, x;
  int64_t in_rows = 0, in_row = 0, channels = 0;  // in_row: elements of an input row
  int64_t rows = 0, rows_per_tile = 1;
};

template <class T, class Form>
TileCode BilinearTiles(const BilinearParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t end = std::min(p.rows, tiles.end * p.rows_per_tile);
  const int64_t height = static_cast<int64_t>(p.y.size());
  T* out = static_cast<T*>(args.outputs[0]) +
           tiles.begin * p.rows_per_tile * static_cast<int64_t>(p.x.size()) * p.channels;
  for (int64_t row = tiles.begin * p.rows_per_tile; row < end; ++row) {
    const Tap& y = p.y[row % height];
    const T* image = static_cast<const T*>(args.inputs[0]) + row / height * p.in_rows * p.in_row;
    const T* top = image + y.low * p.in_row;
    const T* bottom = image + y.high * p.in_row;
    for (const Tap& x : p.x) {
      const int64_t left = x.low * p.channels, right = x.high * p.channels;
      Form::Mix(Corners<T>{top + left, top + right, bottom + left, bottom + right}, y, x,
                p.channels, out);
      out += p.channels;
    }
  }
  return TileCode::kOk;
}

class ResizeBilinear final : public Operation {
 public:
  ResizeBilinear(ResizeOptions options, Numerics numerics)
      : options_(options), numerics_(numerics) {}

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
    switch (inputs[0].type) {
      case Type::kFloat32:
        xnn ? Set<float, XnnForm>(from, to, "bilinear_f32", step)
            : Set<float, FloatForm>(from, to, "bilinear_f32", step);
        return Status();
      case Type::kInt8:
        xnn ? Set<int8_t, XnnForm>(from, to, "bilinear_i8", step)
            : Set<int8_t, IntForm>(from, to, "bilinear_i8", step);
        return Status();
      case Type::kUInt8:
        xnn ? Set<uint8_t, XnnForm>(from, to, "bilinear_u8", step)
            : Set<uint8_t, FloatForm>(from, to, "bilinear_u8", step);
        return Status();
      default:
        Set<int16_t, IntForm>(from, to, "bilinear_i16", step);
        return Status();
    }
  }

 private:
  template <class T, class Form>
  void Set(const Shape& from, const Shape& to, const char* name, Step& step) const {
    BilinearParams p;
    if (to.elements() > 0) {
      p.y = Form::Table(options_, from[1], to[1]);
      p.x = Form::Table(options_, from[2], to[2]);
      p.rows = int64_t{to[0]} * to[1];
    }
    p.in_rows = from[1];
    p.channels = from[3];
    p.in_row = from[2] * p.channels;
    const int64_t row = to[2] * p.channels;
    p.rows_per_tile = std::max<int64_t>(1, 4096 / std::max<int64_t>(row, 1));
    const float row_ns = 3 * static_cast<float>(to[2]) + 0.5f * static_cast<float>(row);
    const int64_t tiles = (p.rows + p.rows_per_tile - 1) / p.rows_per_tile;
    const float tile_ns = row_ns * static_cast<float>(p.rows_per_tile);
    SetTiled<&BilinearTiles<T, Form>>(step, std::move(p), tiles, tile_ns);
    step.kernel = name;
  }

  ResizeOptions options_;
  Numerics numerics_;
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
  return MadeOperation(std::make_unique<ResizeBilinear>(options, args.numerics));
}

}  // namespace heddle::core
