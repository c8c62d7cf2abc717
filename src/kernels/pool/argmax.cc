// SPDX-License-Identifier: Apache-2.0
// MaxPoolingWithArgmax2D and its opposite, MaxUnpooling2D. An index is the place of the largest
// value in its window, rows first.
#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/elementwise/check.h"
#include "kernels/movement/operands.h"
#include "kernels/operators.h"
#include "kernels/pool/geometry.h"

namespace heddle::core {
namespace {

// The options are the bytes of six int32: padding (1 SAME, 2 VALID), stride and filter, width
// before height, and the activation.
Result<PoolOptions> ReadOptions(std::span<const std::byte> bytes) {
  int32_t words[6];
  if (bytes.size() < sizeof(words))
    return InvalidModel("custom options have {} bytes, expected at least {}", bytes.size(),
                        sizeof(words));
  std::memcpy(words, bytes.data(), sizeof(words));
  if (words[0] != 1 && words[0] != 2)
    return InvalidModel("custom options say padding {}, expected 1 or 2", words[0]);
  constexpr int32_t kMost = 1 << 15;  // a place in a window is an int32
  for (int i = 1; i <= 4; ++i)
    if (words[i] < 1 || words[i] > kMost)
      return InvalidModel("custom options say a filter or stride of {}, expected 1 to {}", words[i],
                          kMost);
  if (words[5] != 0) return Unsupported("activation {} in custom options, expected none", words[5]);
  PoolOptions options;
  options.padding = words[0] == 1 ? Padding::kSame : Padding::kValid;
  options.stride_w = words[1];
  options.stride_h = words[2];
  options.filter_w = words[3];
  options.filter_h = words[4];
  return options;
}

// Indices are int32, or floats a tenth above the place as MediaPipe has them.
template <class T>
T IndexOf(int64_t place) {
  if constexpr (std::is_same_v<T, float>) return static_cast<float>(place) + 0.1f;
  return static_cast<T>(place);
}

// --- MaxPoolingWithArgmax2D ---

// One tile for each row of the output.
template <class Index>
TileCode ArgmaxTiles(const PoolGeometry& g, const TileArgs& args, TileRange tiles) {
  const int64_t c = g.channels;
  for (int64_t t = tiles.begin; t < tiles.end; ++t) {
    const int64_t top = t % g.y.out * g.y.stride - g.y.before;
    const float* image =
        static_cast<const float*>(args.inputs[0]) + t / g.y.out * g.y.in * g.x.in * c;
    float* out = static_cast<float*>(args.outputs[0]) + t * g.x.out * c;
    Index* index = static_cast<Index*>(args.outputs[1]) + t * g.x.out * c;
    for (int64_t x = 0; x < g.x.out; ++x, out += c, index += c) {
      const int64_t left = x * g.x.stride - g.x.before;
      std::fill(out, out + c, std::numeric_limits<float>::lowest());
      std::fill(index, index + c, IndexOf<Index>(0));
      for (int64_t y = std::max<int64_t>(0, -top); y < std::min(g.y.filter, g.y.in - top); ++y) {
        for (int64_t k = std::max<int64_t>(0, -left); k < std::min(g.x.filter, g.x.in - left);
             ++k) {
          const float* in = image + ((top + y) * g.x.in + left + k) * c;
          const Index place = IndexOf<Index>(y * g.x.filter + k);
          for (int64_t i = 0; i < c; ++i) {
            const bool larger = in[i] > out[i];
            out[i] = larger ? in[i] : out[i];
            index[i] = larger ? place : index[i];
          }
        }
      }
    }
  }
  return TileCode::kOk;
}

class MaxPoolArgmax final : public Operation {
 public:
  explicit MaxPoolArgmax(const PoolOptions& options) : options_(options) {}

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    HEDDLE_ASSIGN(const PoolGeometry g, MakePoolGeometry(options_, in[0].shape));
    out[0] = out[1] = {in[0].shape[0], static_cast<int32_t>(g.y.out), static_cast<int32_t>(g.x.out),
                       in[0].shape[3]};
    return Status();
  }
  Status Lower(std::span<const Operand> in, std::span<const Operand> out,
               Step& step) const override {
    HEDDLE_ASSIGN(const PoolGeometry g, MakePoolGeometry(options_, in[0].shape));
    const auto ns = static_cast<float>(g.x.out * g.channels * g.y.filter * g.x.filter);
    if (out[1].type == Type::kFloat32) {
      SetTiled<&ArgmaxTiles<float>>(step, g, g.batch * g.y.out, ns);
    } else {
      SetTiled<&ArgmaxTiles<int32_t>>(step, g, g.batch * g.y.out, ns);
    }
    step.kernel = "max_pool_argmax";
    return Status();
  }

 private:
  PoolOptions options_;
};

// --- MaxUnpooling2D ---

// The geometry of the pooling that this takes back: its input is our output.
struct UnpoolParams {
  PoolGeometry g;
};

// One tile for each image: windows may overlap, and then the last one's value stays.
template <class Index>
TileCode UnpoolTiles(const UnpoolParams& p, const TileArgs& args, TileRange tiles) {
  const PoolGeometry& g = p.g;
  const int64_t pooled = g.y.out * g.x.out * g.channels, whole = g.y.in * g.x.in * g.channels;
  const auto places = static_cast<double>(g.y.filter * g.x.filter);
  for (int64_t image = tiles.begin; image < tiles.end; ++image) {
    const float* in = static_cast<const float*>(args.inputs[0]) + image * pooled;
    const Index* index = static_cast<const Index*>(args.inputs[1]) + image * pooled;
    float* out = static_cast<float*>(args.outputs[0]) + image * whole;
    std::fill(out, out + whole, 0.0f);
    for (int64_t i = 0; i < pooled; ++i) {
      const auto value = static_cast<double>(index[i]);
      if (!(value >= 0 && value < places)) return TileCode::kIndexOutOfRange;
      const auto place = static_cast<int64_t>(value);
      const int64_t pixel = i / g.channels;
      const int64_t y = pixel / g.x.out * g.y.stride - g.y.before + place / g.x.filter;
      const int64_t x = pixel % g.x.out * g.x.stride - g.x.before + place % g.x.filter;
      if (y < 0 || y >= g.y.in || x < 0 || x >= g.x.in) continue;  // a window over the edge
      out[(y * g.x.in + x) * g.channels + i % g.channels] = in[i];
    }
  }
  return TileCode::kOk;
}

template <class Index>
Fault UnpoolFault(const UnpoolParams& p, const TileArgs& args) {
  const PoolGeometry& g = p.g;
  const Index* index = static_cast<const Index*>(args.inputs[1]);
  const int64_t places = g.y.filter * g.x.filter;
  for (int64_t i = 0; i < g.batch * g.y.out * g.x.out * g.channels; ++i) {
    const auto value = static_cast<double>(index[i]);
    if (!(value >= 0 && value < static_cast<double>(places)))
      return {1, i, fmt::format("{}", index[i]), fmt::format("0 or more and less than {}", places)};
  }
  return {};
}

class MaxUnpool final : public Operation {
 public:
  explicit MaxUnpool(const PoolOptions& options) : options_(options) {}

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    HEDDLE_ASSIGN(const PoolGeometry g, Geometry(in));
    out[0] = {in[0].shape[0], static_cast<int32_t>(g.y.in), static_cast<int32_t>(g.x.in),
              in[0].shape[3]};
    return Status();
  }
  Status Lower(std::span<const Operand> in, std::span<const Operand>, Step& step) const override {
    HEDDLE_ASSIGN(const PoolGeometry g, Geometry(in));
    const auto ns = static_cast<float>(4 * g.y.out * g.x.out * g.channels);
    if (in[1].type == Type::kFloat32) {
      SetTiled<&UnpoolTiles<float>>(step, UnpoolParams{g}, g.batch, ns);
      step.fault = EraseFault<&UnpoolFault<float>>();
    } else {
      SetTiled<&UnpoolTiles<int32_t>>(step, UnpoolParams{g}, g.batch, ns);
      step.fault = EraseFault<&UnpoolFault<int32_t>>();
    }
    step.kernel = "max_unpool";
    return Status();
  }

 private:
  // With int32 indices LiteRT's operator, whose output is what the windows cover or, of SAME, as
  // many strides; with float ones MediaPipe's, whose output is as many filters.
  PoolAxis Axis(int64_t pooled, int64_t filter, int64_t stride, Type index) const {
    const int64_t covered = (pooled - 1) * stride + filter;
    const bool same = options_.padding == Padding::kSame;
    const int64_t whole = index == Type::kFloat32 ? pooled * filter
                          : same                  ? pooled * stride
                                                  : covered;
    return {whole, pooled, filter, stride, std::max<int64_t>(0, covered - whole) / 2};
  }
  Result<PoolGeometry> Geometry(std::span<const Operand> in) const {
    const Shape& shape = in[0].shape;
    if (shape.rank() != 4 || shape[1] < 1 || shape[2] < 1)
      return InvalidModel("'{}' has shape {}, expected four dimensions, none of the image's 0",
                          in[0].name, shape.ToString());
    if (in[1].shape != shape)
      return InvalidModel("indices '{}' have shape {}, expected {}", in[1].name,
                          in[1].shape.ToString(), shape.ToString());
    const PoolGeometry g{Axis(shape[1], options_.filter_h, options_.stride_h, in[1].type),
                         Axis(shape[2], options_.filter_w, options_.stride_w, in[1].type), shape[0],
                         shape[3]};
    if (g.y.in > INT32_MAX || g.x.in > INT32_MAX)
      return InvalidArgument("the output of input shape {} is {}x{}", shape.ToString(), g.y.in,
                             g.x.in);
    return g;
  }

  PoolOptions options_;
};

Status CheckOperands(const Operand& values, const Operand& indices, const Operand& other) {
  for (const Operand* o : {&values, &other})
    if (o->type != Type::kFloat32) return UnsupportedType(*o);
  if (indices.type == Type::kInt32 || indices.type == Type::kFloat32) return Status();
  return InvalidModel("indices '{}' are {}, expected int32 or float32", indices.name,
                      TypeName(indices.type));
}

}  // namespace

MadeOperation MakeMaxPoolArgmax(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 2));
  HEDDLE_TRY(CheckOperands(args.inputs[0], args.outputs[1], args.outputs[0]));
  HEDDLE_ASSIGN(const PoolOptions options, ReadOptions(args.op.custom_options));
  return MadeOperation(std::make_unique<MaxPoolArgmax>(options));
}

MadeOperation MakeMaxUnpool(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckOperands(args.inputs[0], args.inputs[1], args.outputs[0]));
  HEDDLE_ASSIGN(const PoolOptions options, ReadOptions(args.op.custom_options));
  return MadeOperation(std::make_unique<MaxUnpool>(options));
}

}  // namespace heddle::core
