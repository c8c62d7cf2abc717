// SPDX-License-Identifier: Apache-2.0
// Landmarks2TransformMatrix: from some landmarks of a face, the matrix that maps a crop of it to
// the whole picture. Version 1 reckons in places of a tensor, version 2 in their corners.
#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "kernels/custom/flex_options.h"
#include "kernels/custom/transform_matrix.h"
#include "kernels/elementwise/check.h"
#include "kernels/math.h"
#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

constexpr int64_t kMostIndex = 1 << 20;
constexpr int64_t kMostSize = 1 << 20;

// The options of both versions.
struct CropOptions {
  std::vector<int64_t> subset;  // the landmarks that the crop surrounds
  int64_t left = 0, right = 0;  // the landmarks that say what is level
  int64_t input_h = 0, input_w = 0, output_h = 0, output_w = 0, range = 0;  // 1: input, range
  float scale_x = 1, scale_y = 1;
  float rotation = 0;  // 2: of the crop

  int64_t MostIndex() const {
    return std::max({left, right, *std::max_element(subset.begin(), subset.end())});
  }
};

Status ReadSize(const FlexOptions& flex, const char* name, int64_t* height, int64_t* width) {
  HEDDLE_ASSIGN(const std::vector<int64_t> size, flex.Ints(name, 1, kMostSize));
  if (size.size() != 2)
    return InvalidModel("custom option '{}' has {} values, expected height and width", name,
                        size.size());
  *height = size[0], *width = size[1];
  return Status();
}

Result<CropOptions> ReadOptions(const Operator& op) {
  HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(op.custom_options));
  CropOptions o;
  const bool first = op.version == 1;
  const char* subset = first ? "subset" : "subset_idxs";
  HEDDLE_ASSIGN(o.subset, flex.Ints(subset, 0, kMostIndex));
  if (o.subset.empty()) return InvalidModel("custom option '{}' is empty", subset);
  HEDDLE_ASSIGN(o.left, flex.Int("left_rotation_idx", 0, kMostIndex));
  HEDDLE_ASSIGN(o.right, flex.Int("right_rotation_idx", 0, kMostIndex));
  if (first) {
    HEDDLE_TRY(flex.Int("dimensions", 3, 3).status());
    HEDDLE_TRY(ReadSize(flex, "input_hw", &o.input_h, &o.input_w));
    HEDDLE_TRY(ReadSize(flex, "output_hw", &o.output_h, &o.output_w));
    HEDDLE_ASSIGN(o.range, flex.Int("landmarks_range", 1, kMostSize));
    HEDDLE_ASSIGN(o.scale_x, flex.Float("bbox_size_multiplier"));
    o.scale_y = o.scale_x;
  } else {
    HEDDLE_ASSIGN(o.output_h, flex.Int("output_height", 1, kMostSize));
    HEDDLE_ASSIGN(o.output_w, flex.Int("output_width", 1, kMostSize));
    HEDDLE_ASSIGN(o.rotation, flex.Float("target_rotation_radians"));
    HEDDLE_ASSIGN(o.scale_x, flex.Float("scale_x"));
    HEDDLE_ASSIGN(o.scale_y, flex.Float("scale_y"));
  }
  if (!(o.scale_x > 0) || !(o.scale_y > 0))
    return InvalidModel("custom options say scales of {} and {}, expected positive numbers",
                        o.scale_x, o.scale_y);
  return o;
}

struct Point {
  float x, y;
};

Point Turned(Point p, float radians) {
  const float c = CosF(radians), s = SinF(radians);
  return {p.x * c - p.y * s, p.x * s + p.y * c};
}

// The smallest box around the turned landmarks.
struct Box {
  Point low, high;

  Box(const CropOptions& o, const float* landmarks, float radians)
      : low{std::numeric_limits<float>::max(), std::numeric_limits<float>::max()},
        high{std::numeric_limits<float>::lowest(), std::numeric_limits<float>::lowest()} {
    for (const int64_t i : o.subset) {
      const Point p = Turned({landmarks[3 * i], landmarks[3 * i + 1]}, radians);
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
  }
  Point size() const { return {high.x - low.x, high.y - low.y}; }
  Point center() const { return {(high.x + low.x) / 2, (high.y + low.y) / 2}; }
};

Point Between(const CropOptions& o, const float* landmarks) {
  const float *left = landmarks + 3 * o.left, *right = landmarks + 3 * o.right;
  return {right[0] - left[0], right[1] - left[1]};
}

SquareMatrix<4> FirstMatrix(const CropOptions& o, const float* landmarks) {
  const Point level = Between(o, landmarks);
  const float radians = -static_cast<float>(Atan2(level.y / level.x, 1));
  const Box box(o, landmarks, radians);
  const auto range = static_cast<float>(o.range);
  const Point size = {box.size().x * o.scale_x / range, box.size().y * o.scale_y / range};
  const Point center = Turned(box.center(), -radians);
  const float c = CosF(-radians), s = SinF(-radians);
  const auto float_of = [](double v) { return static_cast<float>(v); };
  const auto last = [](int64_t n) { return static_cast<double>(n) - 1.0; };
  const auto middle = [&](float v) { return float_of(static_cast<double>(v / range) * 2.0 - 1.0); };
  const SquareMatrix<3> scale = {{{size.x, 0, 0}, {0, size.y, 0}, {0, 0, 1}}};
  const SquareMatrix<3> turn = {{{c, -s, middle(center.x)}, {s, c, middle(center.y)}, {0, 0, 1}}};
  // Places are counted from 0 to size - 1; the middle of a picture is 0 and its border 1.
  const SquareMatrix<3> relative = {{{float_of(2.0 / last(o.output_w)), 0, -1},
                                     {0, float_of(2.0 / last(o.output_h)), -1},
                                     {0, 0, 1}}};
  const float half_w = float_of(last(o.input_w) / 2.0), half_h = float_of(last(o.input_h) / 2.0);
  const SquareMatrix<3> absolute = {{{half_w, 0, half_w}, {0, half_h, half_h}, {0, 0, 1}}};
  const SquareMatrix<3> m = absolute * turn * scale * relative;
  return {{{m[0][0], m[0][1], 0, m[0][2]},
           {m[1][0], m[1][1], 0, m[1][2]},
           {m[2][0], m[2][1], m[2][2], 0},
           {0, 0, 0, 1}}};
}

SquareMatrix<4> SecondMatrix(const CropOptions& o, const float* landmarks) {
  const Point level = Between(o, landmarks);
  const float radians = o.rotation - static_cast<float>(Atan2(level.y, level.x));
  const Box box(o, landmarks, radians);
  const Point center = Turned(box.center(), -radians);
  const auto width = static_cast<float>(o.output_w), height = static_cast<float>(o.output_h);
  const Point scale = {o.scale_x * box.size().x / width, o.scale_y * box.size().y / height};
  const float c = CosF(-radians), s = SinF(-radians);
  const auto shift = [](float x, float y) {
    return SquareMatrix<4>{{{1, 0, 0, x}, {0, 1, 0, y}, {0, 0, 1, 0}, {0, 0, 0, 1}}};
  };
  const SquareMatrix<4> turn = {{{c, -s, 0, 0}, {s, c, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}};
  const SquareMatrix<4> grow = {
      {{scale.x, 0, 0, 0}, {0, scale.y, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}};
  return shift(center.x, center.y) * turn * grow * shift(-width / 2, -height / 2);
}

struct MatrixParams {
  CropOptions options;
  bool first;
};

TileCode MatrixTile(const MatrixParams& p, const TileArgs& args, TileRange) {
  const auto* landmarks = static_cast<const float*>(args.inputs[0]);
  *static_cast<SquareMatrix<4>*>(args.outputs[0]) =
      p.first ? FirstMatrix(p.options, landmarks) : SecondMatrix(p.options, landmarks);
  return TileCode::kOk;
}

class LandmarkMatrix final : public Operation {
 public:
  explicit LandmarkMatrix(MatrixParams params) : params_(std::move(params)) {}

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    const int64_t least = 3 * (params_.options.MostIndex() + 1);
    const int rank = params_.first ? 4 : 3;
    if (in[0].shape.rank() != rank || in[0].shape.elements() < least)
      return BadShape(in[0], fmt::format("{} dimensions and at least {} values: three for each of "
                                         "the landmarks",
                                         rank, least));
    out[0] = {1, 4, 4};
    return Status();
  }
  Status Lower(std::span<const Operand>, std::span<const Operand>, Step& step) const override {
    SetTiled<&MatrixTile>(step, params_, 1, 500);
    step.kernel = "landmark_matrix";
    return Status();
  }

 private:
  MatrixParams params_;
};

}  // namespace

MadeOperation MakeLandmarkMatrix(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  for (const Operand* o : {&args.inputs[0], &args.outputs[0]})
    if (o->type != Type::kFloat32) return UnsupportedType(*o);
  HEDDLE_ASSIGN(CropOptions options, ReadOptions(args.op));
  return MadeOperation(
      std::make_unique<LandmarkMatrix>(MatrixParams{std::move(options), args.op.version == 1}));
}

}  // namespace heddle::core
