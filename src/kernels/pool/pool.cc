// SPDX-License-Identifier: Apache-2.0
// MAX_POOL_2D, AVERAGE_POOL_2D. The work is cut into blocks of channels of one output pixel; every
// loop over a block runs over contiguous channels. Float averages add the taps of a window in a
// fixed order: `reference` and windows that XNNPACK refuses row by row, then divided by their
// number; else XNNPACK's groups of nine, column by column, times the reciprocal.
#include <array>
#include <cfloat>
#include <limits>

#include "kernels/movement/operands.h"
#include "kernels/operators.h"
#include "kernels/pool/geometry.h"
#include "kernels/quant.h"

namespace heddle::core {
namespace {

constexpr int64_t kBlock = 64;  // channels

struct PoolParams {
  PoolGeometry g;
  int64_t blocks = 1, units_per_tile = 1, units = 0;  // a unit: one block of one output pixel
  float lo = 0, hi = 0;
  bool from_first_tap = false;
  int32_t int_lo = 0, int_hi = 0;
};

// The taps of one unit.
template <class T>
struct Window {
  const T* first;  // tap (0, 0), first channel of the block
  int64_t rows, cols, row_stride, col_stride;
  int64_t channels;

  const T* Tap(int64_t y, int64_t x) const { return first + y * row_stride + x * col_stride; }
  int64_t taps() const { return rows * cols; }
};

// A NaN never wins, but for a NaN in the first tap of a window in `fast`: XNNPACK begins there and
// gives the lower bound.
struct MaxFloat {
  static void Run(const PoolParams& p, const Window<float>& w, float* out) {
    std::array<float, kBlock> acc;
    acc.fill(-FLT_MAX);
    if (p.from_first_tap) std::copy_n(w.first, w.channels, acc.begin());
    for (int64_t y = 0; y < w.rows; ++y) {
      for (int64_t x = 0; x < w.cols; ++x) {
        const float* in = w.Tap(y, x);
        for (int64_t c = 0; c < w.channels; ++c) acc[c] = std::max(acc[c], in[c]);
      }
    }
    for (int64_t c = 0; c < w.channels; ++c) out[c] = std::min(std::max(p.lo, acc[c]), p.hi);
  }
};

template <class T>
struct MaxInt {
  static void Run(const PoolParams& p, const Window<T>& w, T* out) {
    std::array<T, kBlock> acc;
    acc.fill(std::numeric_limits<T>::min());
    for (int64_t y = 0; y < w.rows; ++y) {
      for (int64_t x = 0; x < w.cols; ++x) {
        const T* in = w.Tap(y, x);
        for (int64_t c = 0; c < w.channels; ++c) acc[c] = std::max(acc[c], in[c]);
      }
    }
    for (int64_t c = 0; c < w.channels; ++c) {
      out[c] = static_cast<T>(std::clamp<int32_t>(acc[c], p.int_lo, p.int_hi));
    }
  }
};

template <class T>
struct AverageInt {
  static void Run(const PoolParams& p, const Window<T>& w, T* out) {
    std::array<int32_t, kBlock> acc{};
    for (int64_t y = 0; y < w.rows; ++y) {
      for (int64_t x = 0; x < w.cols; ++x) {
        const T* in = w.Tap(y, x);
        for (int64_t c = 0; c < w.channels; ++c) acc[c] += in[c];
      }
    }
    const int32_t half = static_cast<int32_t>(w.taps() / 2);
    const double count = static_cast<double>(w.taps());
    for (int64_t c = 0; c < w.channels; ++c) {
      const int32_t sum = acc[c] + (acc[c] > 0 ? half : -half);
      // Exact: a quotient of 31-bit integers is never rounded up to the next integer in double.
      const int32_t mean = static_cast<int32_t>(static_cast<double>(sum) / count);
      out[c] = static_cast<T>(std::min(std::max(mean, p.int_lo), p.int_hi));
    }
  }
};

template <class T>
void StoreClamped(const PoolParams& p, float value, T* out) {
  *out = static_cast<T>(std::min(std::max(value, p.lo), p.hi));
}

template <class T>
struct AverageFloat {
  static void Run(const PoolParams& p, const Window<T>& w, T* out) {
    std::array<float, kBlock> acc{};
    for (int64_t y = 0; y < w.rows; ++y) {
      for (int64_t x = 0; x < w.cols; ++x) {
        const T* in = w.Tap(y, x);
        for (int64_t c = 0; c < w.channels; ++c) acc[c] += static_cast<float>(in[c]);
      }
    }
    const float count = static_cast<float>(w.taps());
    for (int64_t c = 0; c < w.channels; ++c) StoreClamped(p, acc[c] / count, out + c);
  }
};

// XNNPACK's order. Taps outside of the image take part as zeros.
template <class T>
struct AverageFloatXnn {
  static void Run(const PoolParams& p, const Window<T>& w, T* out) {
    static constexpr std::array<T, kBlock> kZeros{};
    std::array<float, kBlock> acc;
    const int64_t taps = w.taps();
    const T* t[9];
    for (int64_t group = 0; group < taps; group += 9) {
      for (int64_t k = 0; k < 9; ++k) {
        const int64_t tap = group + k;
        t[k] = tap < taps ? w.Tap(tap % w.rows, tap / w.rows) : kZeros.data();
      }
      const bool first = group == 0;
      for (int64_t c = 0; c < w.channels; ++c) {
        const auto tap = [&](int k) { return static_cast<float>(t[k][c]); };
        const float sum = ((tap(2) + tap(3)) + (tap(4) + tap(5))) +
                          (((tap(0) + tap(1)) + tap(8)) + (tap(6) + tap(7)));
        acc[c] = first ? sum : sum + acc[c];
      }
    }
    const float scale = 1.0f / static_cast<float>(taps);
    for (int64_t c = 0; c < w.channels; ++c) StoreClamped(p, acc[c] * scale, out + c);
  }
};

template <class T, class Kernel>
TileCode PoolTiles(const PoolParams& p, const TileArgs& args, TileRange tiles) {
  const PoolGeometry& g = p.g;
  const T* in = static_cast<const T*>(args.inputs[0]);
  T* out = static_cast<T*>(args.outputs[0]);
  const int64_t begin = tiles.begin * p.units_per_tile;
  const int64_t end = std::min(p.units, tiles.end * p.units_per_tile);
  int64_t block = begin % p.blocks, pixel = begin / p.blocks;
  int64_t ox = pixel % g.x.out, oy = pixel / g.x.out % g.y.out, b = pixel / g.x.out / g.y.out;
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t y = g.y.Begin(oy), x = g.x.Begin(ox), c = block * kBlock;
    Window<T> w;
    w.first = in + ((b * g.y.in + y) * g.x.in + x) * g.channels + c;
    w.rows = g.y.End(oy) - y;
    w.cols = g.x.End(ox) - x;
    w.row_stride = g.x.in * g.channels;
    w.col_stride = g.channels;
    w.channels = std::min(kBlock, g.channels - c);
    Kernel::Run(p, w, out + pixel * g.channels + c);
    if (++block < p.blocks) continue;
    block = 0;
    ++pixel;
    if (++ox < g.x.out) continue;
    ox = 0;
    if (++oy < g.y.out) continue;
    oy = 0;
    ++b;
  }
  return TileCode::kOk;
}

// What XNNPACK asks of a window.
bool XnnTakesWindow(const PoolOptions& o) {
  const bool one = o.filter_h == 1 && o.filter_w == 1;
  return o.stride_h <= o.filter_h && o.stride_w <= o.filter_w &&
         !(one && (o.stride_h > 1 || o.stride_w > 1));
}

class Pool : public Operation {
 public:
  Pool(const PoolOptions& options, Numerics numerics) : options_(options), numerics_(numerics) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const final {
    HEDDLE_ASSIGN(const PoolGeometry g, MakePoolGeometry(options_, inputs[0].shape));
    outputs[0] = {static_cast<int32_t>(g.batch), static_cast<int32_t>(g.y.out),
                  static_cast<int32_t>(g.x.out), static_cast<int32_t>(g.channels)};
    return Status();
  }

 protected:
  bool ByXnn(const Operand& input) const {
    return numerics_ == Numerics::kFast && XnnTakesWindow(options_) && XnnTakes(input);
  }

  Result<PoolParams> Params(const Operand& input, const Operand& output) const {
    PoolParams p;
    HEDDLE_ASSIGN(p.g, MakePoolGeometry(options_, input.shape));
    p.blocks = std::max<int64_t>(1, (p.g.channels + kBlock - 1) / kBlock);
    p.units = output.shape.elements() == 0 ? 0 : p.g.batch * p.g.y.out * p.g.x.out * p.blocks;
    p.units_per_tile = std::max<int64_t>(1, 16 * 1024 / UnitBytes(p.g, output));
    const FloatRange range = ActivationRange(options_.activation);
    p.lo = range.lo;
    p.hi = range.hi;
    p.from_first_tap = numerics_ == Numerics::kFast;
    if (numerics_ == Numerics::kReference) {  // the builtin kernels know no infinity
      p.lo = std::max(p.lo, -FLT_MAX);
      p.hi = std::min(p.hi, FLT_MAX);
    }
    const bool integer = output.type != Type::kFloat32 && output.type != Type::kFloat16;
    if (integer) SetBounds(&BuiltinActivationRange, output, p);
    return p;
  }

  using RangeFn = IntRange (*)(Activation, Type, float, int32_t);
  void SetBounds(RangeFn range, const Operand& output, PoolParams& p) const {
    const IntRange bounds =
        range(options_.activation, output.type, output.quant->Scale(), output.quant->ZeroPoint());
    p.int_lo = bounds.lo;
    p.int_hi = bounds.hi;
  }

  template <class T, class Kernel>
  void SetPool(const PoolParams& p, const Operand& output, const char* name, Step& step) const {
    const float unit_ns = 5 + static_cast<float>(UnitBytes(p.g, output)) / 8;
    SetTiled<&PoolTiles<T, Kernel>>(step, p, (p.units + p.units_per_tile - 1) / p.units_per_tile,
                                    unit_ns * static_cast<float>(p.units_per_tile));
    step.kernel = name;
  }

  const PoolOptions options_;
  const Numerics numerics_;

 private:
  // Read for one unit; of a small count of channels at least what finding the window costs.
  static int64_t UnitBytes(const PoolGeometry& g, const Operand& output) {
    const int64_t taps = std::min(g.y.filter, g.y.in) * std::min(g.x.filter, g.x.in);
    const int64_t channels = std::min(kBlock, g.channels);
    return std::max<int64_t>(32, taps * static_cast<int64_t>(TypeBytes(output.type, channels)));
  }
};

class MaxPool final : public Pool {
 public:
  using Pool::Pool;

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Operand& output = outputs[0];
    HEDDLE_ASSIGN(PoolParams p, Params(inputs[0], output));
    if (output.type != Type::kFloat32 && ByXnn(inputs[0])) {
      SetBounds(&XnnActivationRange, output, p);
    }
    switch (output.type) {
      case Type::kFloat32:
        SetPool<float, MaxFloat>(p, output, "max_f32", step);
        return Status();
      case Type::kInt8:
        SetPool<int8_t, MaxInt<int8_t>>(p, output, "max_i8", step);
        return Status();
      case Type::kUInt8:
        SetPool<uint8_t, MaxInt<uint8_t>>(p, output, "max_u8", step);
        return Status();
      default:
        SetPool<int16_t, MaxInt<int16_t>>(p, output, "max_i16", step);
        return Status();
    }
  }
};

// Sums of integers are kept in 32 bits.
Status CheckSum(const PoolGeometry& g, Type type) {
  const int64_t taps = std::min(g.y.filter, g.y.in) * std::min(g.x.filter, g.x.in);
  const int64_t most = type == Type::kInt16 ? 1 << 15 : 1 << 22;
  if (type == Type::kFloat32 || type == Type::kFloat16 || taps <= most) return Status();
  return Unsupported("windows of {} elements, expected at most {} of type {}", taps, most,
                     TypeName(type));
}

class AveragePool final : public Pool {
 public:
  using Pool::Pool;

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Operand& output = outputs[0];
    HEDDLE_ASSIGN(const PoolParams p, Params(inputs[0], output));
    HEDDLE_TRY(CheckSum(p.g, output.type));
    const bool xnn = ByXnn(inputs[0]);
    switch (output.type) {
      case Type::kFloat32:
        xnn ? SetPool<float, AverageFloatXnn<float>>(p, output, "average_f32", step)
            : SetPool<float, AverageFloat<float>>(p, output, "average_f32", step);
        return Status();
      case Type::kFloat16:
        xnn ? SetPool<_Float16, AverageFloatXnn<_Float16>>(p, output, "average_f16", step)
            : SetPool<_Float16, AverageFloat<_Float16>>(p, output, "average_f16", step);
        return Status();
      case Type::kInt8:
        SetPool<int8_t, AverageInt<int8_t>>(p, output, "average_i8", step);
        return Status();
      case Type::kUInt8:
        SetPool<uint8_t, AverageInt<uint8_t>>(p, output, "average_u8", step);
        return Status();
      default:
        SetPool<int16_t, AverageInt<int16_t>>(p, output, "average_i16", step);
        return Status();
    }
  }
};

Status CheckPool(const MakeArgs& args, bool half) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const Type type = args.inputs[0].type;
  const bool known = type == Type::kFloat32 || type == Type::kInt8 || type == Type::kUInt8 ||
                     type == Type::kInt16 || (half && type == Type::kFloat16);
  if (!known) {
    return Unsupported("input '{}' is {}, expected float32, int8, uint8 or int16{}",
                       args.inputs[0].name, TypeName(type), half ? " or float16" : "");
  }
  const PoolOptions o = args.op.OptionsOr<PoolOptions>();
  if (o.stride_h < 1 || o.stride_w < 1 || o.filter_h < 1 || o.filter_w < 1) {
    return InvalidModel("filter {}x{} and stride {}x{}, expected at least 1", o.filter_h,
                        o.filter_w, o.stride_h, o.stride_w);
  }
  if (o.activation == Activation::kTanh || o.activation == Activation::kSignBit) {
    return Unsupported("activation {}, expected none or one of the RELU family",
                       static_cast<int>(o.activation));
  }
  return Status();
}

}  // namespace

MadeOperation MakeMaxPool2d(const MakeArgs& args) {
  HEDDLE_TRY(CheckPool(args, false));
  return MadeOperation(std::make_unique<MaxPool>(args.op.OptionsOr<PoolOptions>(), args.numerics));
}

MadeOperation MakeAveragePool2d(const MakeArgs& args) {
  HEDDLE_TRY(CheckPool(args, true));
  return MadeOperation(
      std::make_unique<AveragePool>(args.op.OptionsOr<PoolOptions>(), args.numerics));
}

}  // namespace heddle::core
