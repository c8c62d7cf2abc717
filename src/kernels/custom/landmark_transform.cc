// SPDX-License-Identifier: Apache-2.0
// TransformLandmarks and TransformTensorBilinear: landmarks, or what a tensor holds, through a
// matrix of Landmarks2TransformMatrix.
#include <algorithm>
#include <cmath>

#include "kernels/custom/flex_options.h"
#include "kernels/custom/transform_matrix.h"
#include "kernels/elementwise/check.h"
#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

Status CheckFloats(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  for (const Operand* o : {&args.inputs[0], &args.inputs[1], &args.outputs[0]})
    if (o->type != Type::kFloat32) return UnsupportedType(*o);
  return Status();
}

// --- TransformLandmarks ---

struct LandmarkParams {
  int64_t dimensions = 0;  // of a landmark: 2 or 3
  float scale = 1;         // of the matrix's shift
  int64_t landmarks = 0;
};

constexpr int64_t kLandmarksPerTile = 1024;

// A third coordinate stays.
TileCode LandmarkTiles(const LandmarkParams& p, const TileArgs& args, TileRange tiles) {
  const auto* matrix = static_cast<const float*>(args.inputs[1]);
  MatrixRow x(matrix), y(matrix + 4);
  x.w *= p.scale;
  y.w *= p.scale;
  const int64_t end = std::min(p.landmarks, tiles.end * kLandmarksPerTile);
  for (int64_t i = tiles.begin * kLandmarksPerTile; i < end; ++i) {
    const float* in = static_cast<const float*>(args.inputs[0]) + i * p.dimensions;
    float* out = static_cast<float*>(args.outputs[0]) + i * p.dimensions;
    out[0] = x.Move(in[0], in[1]);
    out[1] = y.Move(in[0], in[1]);
    if (p.dimensions == 3) out[2] = in[2];
  }
  return TileCode::kOk;
}

class TransformLandmarks final : public Operation {
 public:
  // Version 2 has no options: `dimensions` is 0, and the last dimension says it.
  TransformLandmarks(int64_t dimensions, float scale) : dimensions_(dimensions), scale_(scale) {}

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    const Shape& shape = in[0].shape;
    const int rank = dimensions_ == 0 ? 3 : 4;
    if (shape.rank() != rank) return BadShape(in[0], fmt::format("{} dimensions", rank));
    const int64_t last = shape[rank - 1];
    if (dimensions_ == 0 ? last != 2 && last != 3 : last % dimensions_ != 0)
      return BadShape(in[0], dimensions_ == 0
                                 ? "landmarks of 2 or 3 values"
                                 : fmt::format("landmarks of {} values each", dimensions_));
    HEDDLE_TRY(CheckMatrix(in[1]));
    out[0] = shape;
    return Status();
  }
  Status Lower(std::span<const Operand> in, std::span<const Operand>, Step& step) const override {
    const Shape& shape = in[0].shape;
    LandmarkParams p{dimensions_ == 0 ? shape[2] : dimensions_, scale_, 0};
    p.landmarks = shape.elements() / p.dimensions;
    SetTiled<&LandmarkTiles>(step, p, (p.landmarks + kLandmarksPerTile - 1) / kLandmarksPerTile,
                             2 * kLandmarksPerTile);
    step.kernel = "transform_landmarks";
    return Status();
  }

 private:
  int64_t dimensions_;
  float scale_;
};

// --- TransformTensorBilinear ---

struct BilinearParams {
  bool corners = false;  // the matrix speaks of corners, not of the middles of places
  int64_t in_h = 0, in_w = 0, out_w = 0, channels = 0;
};

// One tile for each row of the output. What lies outside is zero.
TileCode BilinearRows(const BilinearParams& p, const TileArgs& args, TileRange tiles) {
  const auto* matrix = static_cast<const float*>(args.inputs[1]);
  MatrixRow to_x(matrix), to_y(matrix + 4);
  if (p.corners)
    for (MatrixRow* row : {&to_x, &to_y})
      row->w = static_cast<float>(row->w + (row->x * 0.5 + row->y * 0.5 - 0.5));
  const auto* in = static_cast<const float*>(args.inputs[0]);
  for (int64_t oy = tiles.begin; oy < tiles.end; ++oy) {
    float* out = static_cast<float*>(args.outputs[0]) + oy * p.out_w * p.channels;
    for (int64_t ox = 0; ox < p.out_w; ++ox, out += p.channels) {
      const float x = to_x.Move(static_cast<float>(ox), static_cast<float>(oy));
      const float y = to_y.Move(static_cast<float>(ox), static_cast<float>(oy));
      const bool inside = x >= 0 && x <= static_cast<float>(p.in_w - 1) && y >= 0 &&
                          y <= static_cast<float>(p.in_h - 1);
      if (!inside) {
        std::fill_n(out, p.channels, 0.0f);
        continue;
      }
      const auto left = static_cast<int64_t>(x), top = static_cast<int64_t>(y);
      const float right_part = x - static_cast<float>(left);
      const float lower_part = y - static_cast<float>(top);
      // At the last row or column the part of the next one is 0.
      const int64_t next_x = std::min(left + 1, p.in_w - 1), next_y = std::min(top + 1, p.in_h - 1);
      const auto at = [&](int64_t row, int64_t column) {
        return in + (row * p.in_w + column) * p.channels;
      };
      const float *q11 = at(top, left), *q21 = at(top, next_x);
      const float *q12 = at(next_y, left), *q22 = at(next_y, next_x);
      const auto mix = [](float first, float second, float part) {
        return static_cast<float>((1.0 - part) * first + static_cast<double>(part * second));
      };
      for (int64_t c = 0; c < p.channels; ++c)
        out[c] = mix(mix(q11[c], q21[c], right_part), mix(q12[c], q22[c], right_part), lower_part);
    }
  }
  return TileCode::kOk;
}

class TransformTensor final : public Operation {
 public:
  TransformTensor(int64_t height, int64_t width, bool corners)
      : height_(static_cast<int32_t>(height)),
        width_(static_cast<int32_t>(width)),
        corners_(corners) {}

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    const Shape& shape = in[0].shape;
    if (shape.rank() != 4 || shape[0] != 1) return BadShape(in[0], "1xHxWxC");
    HEDDLE_TRY(CheckMatrix(in[1]));
    out[0] = {1, height_, width_, shape[3]};
    return Status();
  }
  Status Lower(std::span<const Operand> in, std::span<const Operand>, Step& step) const override {
    const Shape& shape = in[0].shape;
    const BilinearParams p{corners_, shape[1], shape[2], width_, shape[3]};
    SetTiled<&BilinearRows>(step, p, height_, 10 + static_cast<float>(3 * p.out_w * p.channels));
    step.kernel = "transform_tensor";
    return Status();
  }

 private:
  int32_t height_, width_;
  bool corners_;
};

constexpr int64_t kMostSize = 1 << 15;

}  // namespace

MadeOperation MakeTransformLandmarks(const MakeArgs& args) {
  HEDDLE_TRY(CheckFloats(args));
  if (args.op.version > 1) return MadeOperation(std::make_unique<TransformLandmarks>(0, 1.0f));
  HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(args.op.custom_options));
  HEDDLE_ASSIGN(const int64_t dimensions, flex.Int("dimensions", 2, 3));
  HEDDLE_ASSIGN(const float scale, flex.Float("scale", 1.0f));
  if (scale == 0) return InvalidModel("custom option 'scale' is 0");
  return MadeOperation(std::make_unique<TransformLandmarks>(dimensions, scale));
}

MadeOperation MakeTransformTensorBilinear(const MakeArgs& args) {
  HEDDLE_TRY(CheckFloats(args));
  HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(args.op.custom_options));
  if (args.op.version > 1) {
    HEDDLE_ASSIGN(const int64_t height, flex.Int("output_height", 1, kMostSize));
    HEDDLE_ASSIGN(const int64_t width, flex.Int("output_width", 1, kMostSize));
    return MadeOperation(std::make_unique<TransformTensor>(height, width, true));
  }
  const std::string_view mode = flex.Text("mode", "bilinear");
  if (mode != "bilinear")
    return Unsupported("custom option 'mode' is '{}', expected bilinear", mode);
  HEDDLE_ASSIGN(const std::vector<int64_t> size, flex.Ints("output_size", 1, kMostSize));
  if (size.size() != 2)
    return InvalidModel("custom option 'output_size' has {} values, expected height and width",
                        size.size());
  return MadeOperation(std::make_unique<TransformTensor>(size[0], size[1], false));
}

}  // namespace heddle::core
