// SPDX-License-Identifier: Apache-2.0
// PosenetDecoderOp: poses of several persons from heatmaps of their keypoints and offsets between
// them (PersonLab, arXiv 1803.08225, as Coral decodes it).
#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/custom/flex_options.h"
#include "kernels/custom/shape_error.h"
#include "kernels/custom/tie_heap.h"
#include "kernels/elementwise/check.h"
#include "kernels/math.h"
#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

constexpr int kKeypoints = 17, kEdges = 16;
constexpr int64_t kMaskSide = 33;

// From the nose outwards. Edge kEdges + i is edge i the other way round.
constexpr uint8_t kEdgeList[kEdges][2] = {{0, 1},  {1, 3},  {0, 2},   {2, 4},   {0, 5}, {5, 7},
                                          {7, 9},  {5, 11}, {11, 13}, {13, 15}, {0, 6}, {6, 8},
                                          {8, 10}, {6, 12}, {12, 14}, {14, 16}};

struct Point {
  float y, x;
};

// NaN becomes the lower limit.
float Clamp(float v, float high) { return !(v >= 0.0f) ? 0.0f : v > high ? high : v; }

float SquaredDistance(Point a, Point b) {
  const float dy = b.y - a.y, dx = b.x - a.x;
  return dy * dy + dx * dx;
}

// A map [height, width, channels] of floats or of what uint8 stands for, times a factor.
struct Map {
  int input = 0;
  bool bytes = false;
  float scale = 1, zero = 0;
  int64_t height = 0, width = 0, channels = 0;

  Map() = default;
  Map(std::span<const Operand> in, int index, float factor)
      : input(index), bytes(in[index].type == Type::kUInt8), scale(factor) {
    if (bytes) {
      scale *= in[index].quant->Scale();
      zero = static_cast<float>(in[index].quant->ZeroPoint());
    }
    const Shape& shape = in[index].shape;
    height = shape[1], width = shape[2], channels = shape[3];
  }
  float Get(const TileArgs& args, int64_t i) const {
    const void* data = args.inputs[input];
    if (!bytes) return static_cast<const float*>(data)[i] * scale;
    return (static_cast<float>(static_cast<const uint8_t*>(data)[i]) - zero) * scale;
  }
  Point Inside(float y, float x) const {
    return {Clamp(y, static_cast<float>(height) - 1.0f),
            Clamp(x, static_cast<float>(width) - 1.0f)};
  }
  // Between the four values around a point. REQUIRES: the point is Inside.
  float Sample(const TileArgs& args, Point p, int64_t channel) const {
    const float top = std::floor(p.y), left = std::floor(p.x);
    const float y = p.y - top, x = p.x - left;
    const auto at = [&](float row, float column) {
      const auto r = static_cast<int64_t>(row), c = static_cast<int64_t>(column);
      return Get(args, (r * width + c) * channels + channel);
    };
    const float bottom = std::ceil(p.y), right = std::ceil(p.x);
    return (1 - y) * ((1 - x) * at(top, left) + x * at(top, right)) +
           y * ((1 - x) * at(bottom, left) + x * at(bottom, right));
  }
  // The point moved by the offsets there.
  Point Move(const TileArgs& args, Point p, int64_t y_channel, int64_t x_channel) const {
    return Inside(p.y + Sample(args, p, y_channel), p.x + Sample(args, p, x_channel));
  }
};

struct Keypoint {
  Point point;
  int id;
  float score;
};

// A place of the heatmaps: the root that a pose may grow from.
struct Root {
  float score;
  int32_t at;
};

struct Pose {
  std::array<Point, kKeypoints> points;
  std::array<float, kKeypoints> scores;  // at first logits
  float score;
};

struct PosenetParams {
  Map scores, near, middle, far;  // far: only with masks
  int64_t most = 0;               // poses
  float stride = 1, radius = 0;   // squared, in places of the maps
  float threshold = 0, least_logit = 0;
  size_t poses_at = 0, order_at = 0;  // in `shared`, behind the roots

  Root* Roots(const TileArgs& args) const { return reinterpret_cast<Root*>(args.shared); }
  Pose* Poses(const TileArgs& args) const {
    return reinterpret_cast<Pose*>(args.shared + poses_at);
  }
  int32_t* Order(const TileArgs& args) const {
    return reinterpret_cast<int32_t*>(args.shared + order_at);
  }
};

// No neighbour has a higher score for the same keypoint.
bool IsPeak(const PosenetParams& p, const TileArgs& args, int64_t y, int64_t x, int64_t id,
            float score) {
  const Map& m = p.scores;
  for (int64_t i = std::max<int64_t>(y - 1, 0); i <= std::min(y + 1, m.height - 1); ++i)
    for (int64_t k = std::max<int64_t>(x - 1, 0); k <= std::min(x + 1, m.width - 1); ++k)
      if (m.Get(args, (i * m.width + k) * kKeypoints + id) > score) return false;
  return true;
}

// Fills the heap of roots; returns how many there are.
size_t FindRoots(const PosenetParams& p, const TileArgs& args) {
  Root* roots = p.Roots(args);
  size_t count = 0;
  int64_t at = 0;
  for (int64_t y = 0; y < p.scores.height; ++y)
    for (int64_t x = 0; x < p.scores.width; ++x)
      for (int64_t id = 0; id < kKeypoints; ++id, ++at) {
        const float score = p.scores.Get(args, at);
        if (!(score >= p.least_logit) || !IsPeak(p, args, y, x, id, score)) continue;
        roots[count++] = {score, static_cast<int32_t>(at)};
        PushHeap(roots, count);
      }
  return count;
}

Keypoint KeypointAt(const PosenetParams& p, const TileArgs& args, const Root& root) {
  const int64_t id = root.at % kKeypoints, place = root.at / kKeypoints;
  const auto y = static_cast<float>(place / p.near.width);
  const auto x = static_cast<float>(place % p.near.width);
  const int64_t offset = place * 2 * kKeypoints + id;
  const Point point =
      p.near.Inside(y + p.near.Get(args, offset), x + p.near.Get(args, offset + kKeypoints));
  return {point, static_cast<int>(id), root.score};
}

// Where edge `edge` from `source` ends: keypoint `id` there, found in smaller and smaller steps.
Point Follow(const PosenetParams& p, const TileArgs& args, Point source, int edge, int id) {
  constexpr int kRefinements = 5;
  const int first = edge < kEdges ? edge : edge + kEdges;  // y and x of the one way, then the other
  Point point = p.middle.Move(args, source, first, first + kEdges);
  for (int i = 0; i < kRefinements; ++i) point = p.near.Move(args, point, id, id + kKeypoints);
  return point;
}

// Grows a pose from its root, at every time along the edges of the keypoint of the highest score.
void Grow(const PosenetParams& p, const TileArgs& args, const Keypoint& root, Pose& pose) {
  std::array<Keypoint, 1 + 2 * kEdges> heap;
  std::array<bool, kKeypoints> known{};
  size_t count = 0;
  const auto push = [&](Point point, int id) {
    heap[count++] = {point, id, p.scores.Sample(args, point, id)};
    PushHeap(heap.data(), count);
  };
  push(root.point, root.id);
  while (count > 0) {
    const Keypoint now = PopHeap(heap.data(), count--);
    if (known[static_cast<size_t>(now.id)]) continue;
    known[static_cast<size_t>(now.id)] = true;
    pose.points[static_cast<size_t>(now.id)] = now.point;
    pose.scores[static_cast<size_t>(now.id)] = now.score;
    for (int edge = 0; edge < 2 * kEdges; ++edge) {
      const bool back = edge >= kEdges;
      const uint8_t* ends = kEdgeList[edge % kEdges];
      const int from = ends[back ? 1 : 0], to = ends[back ? 0 : 1];
      if (from == now.id && !known[static_cast<size_t>(to)])
        push(Follow(p, args, now.point, edge, to), to);
    }
  }
}

// The mean of the scores that `hidden` leaves, the highest added first.
float MeanScore(const Pose& pose, const std::array<bool, kKeypoints>& hidden) {
  std::array<float, kKeypoints> sorted{};
  size_t count = 0;
  for (size_t k = 0; k < kKeypoints; ++k) {
    if (hidden[k]) continue;
    size_t at = count++;
    for (; at > 0 && sorted[at - 1] < pose.scores[k]; --at) sorted[at] = sorted[at - 1];
    sorted[at] = pose.scores[k];
  }
  float sum = 0;
  for (size_t i = 0; i < count; ++i) sum += sorted[i];
  return sum / kKeypoints;
}

// The poses as they are found: the best root first, and none close to the same keypoint of an
// earlier pose.
int64_t FindPoses(const PosenetParams& p, const TileArgs& args) {
  Pose* poses = p.Poses(args);
  size_t roots = FindRoots(p, args);
  int64_t count = 0;
  while (count < p.most && roots > 0) {
    const Keypoint root = KeypointAt(p, args, PopHeap(p.Roots(args), roots--));
    const auto id = static_cast<size_t>(root.id);
    const auto close = [&](const Pose& pose) {
      return SquaredDistance(root.point, pose.points[id]) <= p.radius;
    };
    if (std::any_of(poses, poses + count, close)) continue;
    Pose& pose = poses[count];
    Grow(p, args, root, pose);
    for (float& score : pose.scores) score = 1.0f / (1.0f + ExpF(-score));
    pose.score = MeanScore(pose, {});
    if (pose.score >= p.threshold) ++count;
  }
  return count;
}

void SortPoses(const PosenetParams& p, const TileArgs& args, int64_t count) {
  const Pose* poses = p.Poses(args);
  std::sort(p.Order(args), p.Order(args) + count, [poses](int32_t a, int32_t b) {
    return poses[a].score != poses[b].score ? poses[a].score > poses[b].score : a < b;
  });
}

// A keypoint that a better pose has in the same place counts for nothing.
void ScoreAgain(const PosenetParams& p, const TileArgs& args, int64_t count) {
  Pose* poses = p.Poses(args);
  const int32_t* order = p.Order(args);
  for (int64_t i = 0; i < count; ++i) {
    Pose& pose = poses[order[i]];
    std::array<bool, kKeypoints> hidden{};
    for (int64_t j = 0; j < i; ++j)
      for (size_t k = 0; k < kKeypoints; ++k)
        if (SquaredDistance(pose.points[k], poses[order[j]].points[k]) <= p.radius)
          hidden[k] = true;
    pose.score = MeanScore(pose, hidden);
  }
}

// One tile. Rows past the last pose are zeros.
TileCode DecodeTile(const PosenetParams& p, const TileArgs& args, TileRange) {
  auto* points = static_cast<Point*>(args.outputs[0]);
  auto* scores = static_cast<float*>(args.outputs[1]);
  auto* pose_scores = static_cast<float*>(args.outputs[2]);
  const int64_t found = FindPoses(p, args);
  int32_t* order = p.Order(args);
  for (int64_t i = 0; i < found; ++i) order[i] = static_cast<int32_t>(i);
  SortPoses(p, args, found);
  ScoreAgain(p, args, found);
  SortPoses(p, args, found);
  int64_t count = 0;
  for (; count < found; ++count) {
    const Pose& pose = p.Poses(args)[order[count]];
    if (pose.score < p.threshold) break;
    for (const Point& point : pose.points) *points++ = {point.y * p.stride, point.x * p.stride};
    scores = std::copy(pose.scores.begin(), pose.scores.end(), scores);
    *pose_scores++ = pose.score;
  }
  std::fill_n(points, (p.most - count) * kKeypoints, Point{0, 0});
  std::fill_n(scores, (p.most - count) * kKeypoints, 0.0f);
  std::fill_n(pose_scores, p.most - count, 0.0f);
  *static_cast<float*>(args.outputs[3]) = static_cast<float>(count);
  return TileCode::kOk;
}

// The pose whose keypoints lie closest to those that a place points to.
int64_t OwnerOf(const PosenetParams& p, const TileArgs& args, int64_t y, int64_t x, int64_t count) {
  constexpr int kSteps = 3;
  std::array<Point, kKeypoints> ends;
  for (size_t k = 0; k < kKeypoints; ++k) {
    Point point = {static_cast<float>(y), static_cast<float>(x)};
    const auto id = static_cast<int64_t>(k);
    for (int i = 0; i < kSteps; ++i) point = p.far.Move(args, point, id, id + kKeypoints);
    ends[k] = {point.y * p.stride, point.x * p.stride};
  }
  const auto* points = static_cast<const Point*>(args.outputs[0]);
  int64_t best = 0;
  float least = 0;
  for (int64_t i = 0; i < count; ++i) {
    float distance = 0;
    for (size_t k = 0; k < kKeypoints; ++k)
      distance += SquaredDistance(ends[k], points[i * kKeypoints + static_cast<int64_t>(k)]);
    if (i > 0 && !(distance < least)) continue;
    best = i;
    least = distance;
  }
  return best;
}

// One tile for each row of the masks.
TileCode MaskRows(const PosenetParams& p, const TileArgs& args, TileRange tiles) {
  auto* masks = static_cast<float*>(args.outputs[4]);
  const auto count = static_cast<int64_t>(*static_cast<const float*>(args.outputs[3]));
  for (int64_t y = tiles.begin; y < tiles.end; ++y) {
    for (int64_t i = 0; i < p.most; ++i)
      std::fill_n(masks + (i * kMaskSide + y) * kMaskSide, kMaskSide, 0.0f);
    for (int64_t x = 0; x < kMaskSide && count > 0; ++x)
      masks[(OwnerOf(p, args, y, x, count) * kMaskSide + y) * kMaskSide + x] = 1;
  }
  return TileCode::kOk;
}

struct PosenetOptions {
  int64_t most, stride;
  float threshold, radius;

  static Result<PosenetOptions> Read(std::span<const std::byte> bytes) {
    PosenetOptions o{};
    HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(bytes));
    HEDDLE_ASSIGN(o.most, flex.Int("max_detections", 1, 1 << 10));
    HEDDLE_ASSIGN(o.stride, flex.Int("stride", 1, 1 << 15));
    HEDDLE_ASSIGN(o.threshold, flex.Float("score_threshold"));
    HEDDLE_ASSIGN(o.radius, flex.Float("nms_radius"));
    return o;
  }
};

class PosenetDecoder final : public Operation {
 public:
  explicit PosenetDecoder(const PosenetOptions& options) : options_(options) {}

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    const Shape& scores = in[0].shape;
    if (scores.rank() != 4 || scores[0] != 1 || scores[3] != kKeypoints || scores[1] < 1 ||
        scores[2] < 1 || scores.elements() > INT32_MAX)
      return BadShape(in[0], "1xHxWx17");
    for (const auto& [i, channels] : {std::pair(1, 2 * kKeypoints), std::pair(2, 4 * kEdges)}) {
      const Shape expected = {1, scores[1], scores[2], channels};
      if (in[i].shape != expected) return BadShape(in[i], expected.ToString());
    }
    const auto most = static_cast<int32_t>(options_.most);
    out[0] = {1, most, kKeypoints, 2};
    out[1] = {1, most, kKeypoints};
    out[2] = {1, most};
    out[3] = {1};
    if (out.size() == 4) return Status();
    // The original writes masks of other sizes across one another.
    if (in[3].shape != Shape{1, kMaskSide, kMaskSide, 2 * kKeypoints})
      return BadShape(in[3], "1x33x33x34");
    out[4] = {1, most, kMaskSide, kMaskSide};
    return Status();
  }

  Status Lower(std::span<const Operand> in, std::span<const Operand>, Step& step) const override {
    const auto stride = static_cast<float>(options_.stride);
    const auto factor = static_cast<float>(1.0 / static_cast<double>(options_.stride));
    PosenetParams p;
    p.scores = Map(in, 0, 1);
    p.near = Map(in, 1, factor);
    p.middle = Map(in, 2, factor);
    if (in.size() > 3) p.far = Map(in, 3, factor);
    p.most = options_.most;
    p.stride = stride;
    p.radius = (options_.radius / stride) * (options_.radius / stride);
    p.threshold = options_.threshold;
    const double odds = 1.0 / (static_cast<double>(options_.threshold) + 1e-6) - 1.0;
    p.least_logit = static_cast<float>(-Log(odds));
    const auto places = static_cast<size_t>(in[0].shape.elements());
    p.poses_at = places * sizeof(Root);
    p.order_at = p.poses_at + static_cast<size_t>(p.most) * sizeof(Pose);
    step.shared_bytes = p.order_at + static_cast<size_t>(p.most) * sizeof(int32_t);
    SetTiled<&DecodeTile>(step, p, 1, 3 * static_cast<float>(places) + 2e4f);
    step.kind = StepKind::kPhased;
    if (in.size() > 3) step.phases.push_back({Erase<&MaskRows>(), kMaskSide, 1e5f});
    step.kernel = "posenet_decoder";
    return Status();
  }

 private:
  PosenetOptions options_;
};

}  // namespace

MadeOperation MakePosenetDecoder(const MakeArgs& args) {
  const bool masks = args.inputs.size() == 4;
  HEDDLE_TRY(CheckCounts(args, 3, 4, masks ? 5 : 4));
  for (const Operand& o : args.inputs) {
    if (o.type != Type::kFloat32 && o.type != Type::kUInt8) return UnsupportedType(o);
    if (o.type == Type::kUInt8) HEDDLE_TRY(CheckOneScale(o));
  }
  for (const Operand& o : args.outputs)
    if (o.type != Type::kFloat32) return UnsupportedType(o);
  HEDDLE_ASSIGN(const PosenetOptions options, PosenetOptions::Read(args.op.custom_options));
  return MadeOperation(std::make_unique<PosenetDecoder>(options));
}

}  // namespace heddle::core
