// SPDX-License-Identifier: Apache-2.0
// TFLite_Detection_PostProcess: boxes from their encodings and anchors, thinned out by non-maximum
// suppression, over all classes at once (fast) or for each class (regular).
#include <algorithm>

#include "kernels/custom/flex_options.h"
#include "kernels/custom/shape_error.h"
#include "kernels/elementwise/check.h"
#include "kernels/math.h"
#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

struct DetectionOptions {
  int64_t max_detections, classes_per_detection, detections_per_class, classes;
  bool regular;
  float score_threshold, iou_threshold;
  float scale[4];  // y, x, h, w

  static Result<DetectionOptions> Read(std::span<const std::byte> bytes) {
    constexpr int64_t kMost = 1 << 20;
    HEDDLE_ASSIGN(const FlexOptions flex, FlexOptions::Read(bytes));
    DetectionOptions o;
    HEDDLE_ASSIGN(o.max_detections, flex.Int("max_detections", 0, kMost));
    HEDDLE_ASSIGN(o.classes_per_detection, flex.Int("max_classes_per_detection", 1, kMost));
    HEDDLE_ASSIGN(o.detections_per_class, flex.Int("detections_per_class", 100, 0, INT32_MAX));
    HEDDLE_ASSIGN(o.regular, flex.Bool("use_regular_nms", false));
    HEDDLE_ASSIGN(o.score_threshold, flex.Float("nms_score_threshold"));
    HEDDLE_ASSIGN(o.iou_threshold, flex.Float("nms_iou_threshold"));
    HEDDLE_ASSIGN(o.classes, flex.Int("num_classes", 1, INT32_MAX));
    constexpr const char* kScales[] = {"y_scale", "x_scale", "h_scale", "w_scale"};
    for (int i = 0; i < 4; ++i) {
      HEDDLE_ASSIGN(o.scale[i], flex.Float(kScales[i]));
      if (!(o.scale[i] > 0))
        return InvalidModel("custom option '{}' is {}, expected a positive number", kScales[i],
                            o.scale[i]);
    }
    if (o.max_detections * o.classes_per_detection > kMost)
      return Unsupported("{} detections of {} classes each, expected at most {} together",
                         o.max_detections, o.classes_per_detection, kMost);
    if (!(o.iou_threshold > 0) || o.iou_threshold > 1)
      return InvalidModel("custom option 'nms_iou_threshold' is {}, expected a number in (0, 1]",
                          o.iou_threshold);
    return o;
  }
};

// Floats, or what uint8 stands for.
struct Values {
  bool bytes = false;
  float scale = 1;
  float zero = 0;

  explicit Values(const Operand& o)
      : bytes(o.type == Type::kUInt8),
        scale(o.quant->Scale()),
        zero(static_cast<float>(o.quant->ZeroPoint())) {}
  float Get(const void* data, int64_t i) const {
    if (!bytes) return static_cast<const float*>(data)[i];
    return (static_cast<float>(static_cast<const uint8_t*>(data)[i]) - zero) * scale;
  }
};

struct Box {
  float ymin, xmin, ymax, xmax;
};

float Area(const Box& b) { return (b.ymax - b.ymin) * (b.xmax - b.xmin); }

// Intersection over union; 0 where a box is empty.
float Overlap(const Box& a, const Box& b) {
  const float area_a = Area(a), area_b = Area(b);
  if (area_a <= 0 || area_b <= 0) return 0;
  const float height = std::max(std::min(a.ymax, b.ymax) - std::max(a.ymin, b.ymin), 0.0f);
  const float width = std::max(std::min(a.xmax, b.xmax) - std::max(a.xmin, b.xmin), 0.0f);
  const float both = height * width;
  return both / (area_a + area_b - both);
}

struct Detection {
  float score;
  int32_t box, class_index;
};

// Inputs: encodings, scores, anchors; outputs: boxes, classes, scores, count.
struct DetectionParams {
  DetectionOptions options;
  Values encodings, scores, anchors;
  int64_t boxes = 0, box_width = 0, columns = 0;  // sizes of the inputs
  int64_t first_class = 0;                        // 1: the first column is the background
  int64_t kept = 0;                               // classes kept of each box (fast)
  int64_t per_class = 0;                          // most detections of one class (regular)
  // In `shared`, after the boxes: the best classes of each box (fast), or for each class how many
  // were selected, the selected boxes, and two lists of detections (regular).
  size_t lists_at = 0, merge_at = 0;

  float Score(const TileArgs& args, int64_t box, int64_t c) const {
    return scores.Get(args.inputs[1], box * columns + first_class + c);
  }
  static Box* Boxes(const TileArgs& args) { return reinterpret_cast<Box*>(args.shared); }
  int32_t* Lists(const TileArgs& args) const {
    return reinterpret_cast<int32_t*>(args.shared + lists_at);
  }
};

constexpr int64_t kBoxesPerTile = 64;

Box Decode(const DetectionParams& p, const TileArgs& args, int64_t i) {
  double code[4], anchor[4];
  for (int k = 0; k < 4; ++k) {
    code[k] = p.encodings.Get(args.inputs[0], i * p.box_width + k);
    code[k] /= static_cast<double>(p.options.scale[k]);
    anchor[k] = p.anchors.Get(args.inputs[2], i * 4 + k);
  }
  const auto y = static_cast<float>(code[0] * anchor[2] + anchor[0]);
  const auto x = static_cast<float>(code[1] * anchor[3] + anchor[1]);
  const auto h = static_cast<float>(0.5 * Exp(code[2]) * anchor[2]);
  const auto w = static_cast<float>(0.5 * Exp(code[3]) * anchor[3]);
  return {y - h, x - w, y + h, x + w};
}

// The `kept` classes of the highest scores, the first of equal ones first.
void BestClasses(const DetectionParams& p, const TileArgs& args, int64_t box, int32_t* best) {
  int64_t count = 0;
  for (int64_t c = 0; c < p.options.classes; ++c) {
    const float score = p.Score(args, box, c);
    int64_t at = count;
    while (at > 0 && score > p.Score(args, box, best[at - 1])) --at;
    if (at == p.kept) continue;
    count = std::min(count + 1, p.kept);
    for (int64_t k = count - 1; k > at; --k) best[k] = best[k - 1];
    best[at] = static_cast<int32_t>(c);
  }
}

bool Inverted(const Box& box) { return box.ymin > box.ymax || box.xmin > box.xmax; }

Fault DecodeFault(const DetectionParams& p, const TileArgs& args) {
  for (int64_t i = 0; i < p.boxes; ++i) {
    const Box b = Decode(p, args, i);
    if (!Inverted(b)) continue;
    return {0, i * p.box_width,
            fmt::format("of a box from {}, {} to {}, {}", b.ymin, b.xmin, b.ymax, b.xmax),
            "edges in ascending order"};
  }
  return {};
}

TileCode DecodeTiles(const DetectionParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t end = std::min(tiles.end * kBoxesPerTile, p.boxes);
  for (int64_t i = tiles.begin * kBoxesPerTile; i < end; ++i) {
    const Box box = Decode(p, args, i);
    if (Inverted(box)) return TileCode::kBadValue;
    DetectionParams::Boxes(args)[i] = box;
    if (!p.options.regular) BestClasses(p, args, i, p.Lists(args) + i * p.kept);
  }
  return TileCode::kOk;
}

// Selects at most `most` boxes, the highest scores first; returns how many. Scratch: a score and an
// index for each box.
template <class F>
int64_t Suppress(const DetectionParams& p, const TileArgs& args, int64_t most, const F& score_of,
                 int32_t* selected) {
  auto* scores = reinterpret_cast<float*>(args.scratch);
  auto* order = reinterpret_cast<int32_t*>(args.scratch) + p.boxes;
  int64_t candidates = 0;
  for (int64_t i = 0; i < p.boxes; ++i) {
    scores[i] = score_of(i);
    if (scores[i] >= p.options.score_threshold) order[candidates++] = static_cast<int32_t>(i);
  }
  std::sort(order, order + candidates, [scores](int32_t a, int32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  });
  const Box* boxes = DetectionParams::Boxes(args);
  int64_t count = 0;
  for (int64_t i = 0; i < candidates && count < most; ++i) {
    bool kept = true;
    for (int64_t k = 0; k < count && kept; ++k)
      kept = !(Overlap(boxes[selected[k]], boxes[order[i]]) > p.options.iou_threshold);
    if (kept) selected[count++] = order[i];
  }
  return count;
}

void Write(const DetectionParams& p, const TileArgs& args, int64_t row, const Detection& d) {
  static_cast<Box*>(args.outputs[0])[row] = DetectionParams::Boxes(args)[d.box];
  static_cast<float*>(args.outputs[1])[row] = static_cast<float>(d.class_index);
  static_cast<float*>(args.outputs[2])[row] = p.Score(args, d.box, d.class_index);
}

// Zeros from detection `row` on.
void Finish(const DetectionParams& p, const TileArgs& args, int64_t row, int64_t count) {
  const int64_t rows = p.options.max_detections * p.options.classes_per_detection;
  std::fill(static_cast<Box*>(args.outputs[0]) + row, static_cast<Box*>(args.outputs[0]) + rows,
            Box());
  for (int k = 1; k <= 2; ++k) {
    float* out = static_cast<float*>(args.outputs[k]);
    std::fill(out + row, out + rows, 0.0f);
  }
  *static_cast<float*>(args.outputs[3]) = static_cast<float>(count);
}

TileCode SelectFast(const DetectionParams& p, const TileArgs& args, TileRange) {
  const int32_t* best = p.Lists(args);
  auto* selected = reinterpret_cast<int32_t*>(args.shared + p.merge_at);
  const int64_t count = Suppress(
      p, args, p.options.max_detections,
      [&](int64_t i) { return p.Score(args, i, best[i * p.kept]); }, selected);
  const int64_t rows = p.options.classes_per_detection;
  Finish(p, args, 0, count);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t k = 0; k < p.kept; ++k)
      Write(p, args, i * rows + k, {0, selected[i], best[selected[i] * p.kept + k]});
  return TileCode::kOk;
}

// One tile for each class.
TileCode SelectClasses(const DetectionParams& p, const TileArgs& args, TileRange tiles) {
  for (int64_t c = tiles.begin; c < tiles.end; ++c) {
    int32_t* list = p.Lists(args) + c * (1 + p.per_class);
    list[0] = static_cast<int32_t>(
        Suppress(p, args, p.per_class, [&](int64_t i) { return p.Score(args, i, c); }, list + 1));
  }
  return TileCode::kOk;
}

// The best of all classes; of equal scores those of the earlier class first.
TileCode MergeClasses(const DetectionParams& p, const TileArgs& args, TileRange) {
  const int64_t most = p.options.max_detections;
  auto* merged = reinterpret_cast<Detection*>(args.shared + p.merge_at);
  Detection* next = merged + most;
  int64_t count = 0;
  for (int64_t c = 0; c < p.options.classes; ++c) {
    const int32_t* list = p.Lists(args) + c * (1 + p.per_class);
    if (list[0] == 0) continue;
    int64_t from = 0, n = 0;
    for (int64_t k = 0; n < most && (from < count || k < list[0]); ++n) {
      const float score = k < list[0] ? p.Score(args, list[1 + k], c) : 0;
      const bool old = from < count && (k == list[0] || merged[from].score >= score);
      next[n] = old ? merged[from++] : Detection{score, list[1 + k++], static_cast<int32_t>(c)};
    }
    std::swap(merged, next);
    count = n;
  }
  for (int64_t i = 0; i < count; ++i) Write(p, args, i, merged[i]);
  Finish(p, args, count, count);
  return TileCode::kOk;
}

class DetectionPostProcess final : public Operation {
 public:
  explicit DetectionPostProcess(const DetectionOptions& options) : options_(options) {}

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    const Shape &boxes = in[0].shape, &scores = in[1].shape, &anchors = in[2].shape;
    if (boxes.rank() != 3 || boxes[0] != 1 || boxes[2] < 4)
      return BadShape(in[0], "1xNx4 or wider");
    if (scores.rank() != 3 || scores[0] != 1 || scores[1] != boxes[1])
      return BadShape(in[1], fmt::format("1x{}xC", boxes[1]));
    if (anchors != Shape{boxes[1], 4}) return BadShape(in[2], fmt::format("{}x4", boxes[1]));
    if (scores[2] != options_.classes && scores[2] != options_.classes + 1)
      return BadShape(in[1],
                      fmt::format("{0} classes, or {0} and the background", options_.classes));
    const auto rows =
        static_cast<int32_t>(options_.max_detections * options_.classes_per_detection);
    out[0] = {1, rows, 4};
    out[1] = out[2] = {1, rows};
    out[3] = {1};
    return Status();
  }

  Status Lower(std::span<const Operand> in, std::span<const Operand>, Step& step) const override {
    DetectionParams p{options_, Values(in[0]), Values(in[1]), Values(in[2])};
    p.boxes = in[0].shape[1];
    p.box_width = in[0].shape[2];
    p.columns = in[1].shape[2];
    p.first_class = p.columns - options_.classes;
    p.kept = std::min(options_.classes_per_detection, options_.classes);
    p.per_class = std::min({options_.detections_per_class, options_.max_detections, p.boxes});
    const auto boxes = static_cast<size_t>(p.boxes);
    const auto classes = static_cast<size_t>(options_.classes);
    const auto most = static_cast<size_t>(options_.max_detections);
    const bool regular = options_.regular;
    const size_t list_ints = regular ? classes * (1 + static_cast<size_t>(p.per_class))
                                     : boxes * static_cast<size_t>(p.kept);
    p.lists_at = boxes * sizeof(Box);
    p.merge_at = p.lists_at + list_ints * sizeof(int32_t);
    step.kind = StepKind::kPhased;
    step.scratch_bytes = boxes * (sizeof(float) + sizeof(int32_t));
    step.shared_bytes =
        p.merge_at + (regular ? 2 * most * sizeof(Detection) : most * sizeof(int32_t));
    const auto columns = static_cast<float>(p.columns);
    step.fault = EraseFault<&DecodeFault>();
    step.phases = {{Erase<&DecodeTiles>(), (p.boxes + kBoxesPerTile - 1) / kBoxesPerTile,
                    kBoxesPerTile * (60 + (regular ? 0 : columns))}};
    const float select_ns = 10 * static_cast<float>(p.boxes);
    if (regular) {
      step.phases.push_back({Erase<&SelectClasses>(), options_.classes, select_ns});
      step.phases.push_back({Erase<&MergeClasses>(), 1, 2 * columns * static_cast<float>(most)});
    } else {
      step.phases.push_back({Erase<&SelectFast>(), 1, select_ns});
    }
    step.params = std::make_shared<const DetectionParams>(p);
    step.kernel = regular ? "detections_regular" : "detections_fast";
    return Status();
  }

 private:
  DetectionOptions options_;
};

}  // namespace

MadeOperation MakeDetectionPostProcess(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 3, 3, 4));
  for (const Operand& in : args.inputs) {
    if (in.type == Type::kUInt8) {
      HEDDLE_TRY(CheckQuantised(in));
    } else if (in.type != Type::kFloat32) {
      return UnsupportedType(in);
    }
  }
  if (args.inputs[2].type != args.inputs[0].type)
    return InvalidModel("anchors '{}' are {}, expected {} as box encodings '{}' are",
                        args.inputs[2].name, TypeName(args.inputs[2].type),
                        TypeName(args.inputs[0].type), args.inputs[0].name);
  for (const Operand& out : args.outputs)
    if (out.type != Type::kFloat32)
      return InvalidModel("'{}' is {}, expected float32", out.name, TypeName(out.type));
  HEDDLE_ASSIGN(const DetectionOptions options, DetectionOptions::Read(args.op.custom_options));
  return MadeOperation(std::make_unique<DetectionPostProcess>(options));
}

}  // namespace heddle::core
