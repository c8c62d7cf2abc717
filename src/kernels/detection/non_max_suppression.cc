// SPDX-License-Identifier: Apache-2.0
// NON_MAX_SUPPRESSION_V4 and V5: boxes by falling score that overlap no box chosen before; V5 may
// lower a score instead of dropping its box.
#include <algorithm>

#include "kernels/index/nd_index.h"
#include "kernels/math.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

struct NmsParams {
  int64_t boxes = 0, most = 0;
  bool soft = false;  // V5
};

struct Candidate {
  float score;
  int32_t box;
  int32_t compared;  // chosen boxes that this one has been compared with

  // In a heap: the highest score first, of equal ones the lowest box.
  bool operator<(const Candidate& other) const {
    return score < other.score || (score == other.score && box > other.box);
  }
};

struct Corners {
  float y1, x1, y2, x2;
  explicit Corners(const float* box)
      : y1(std::min(box[0], box[2])),
        x1(std::min(box[1], box[3])),
        y2(std::max(box[0], box[2])),
        x2(std::max(box[1], box[3])) {}
  float area() const { return (y2 - y1) * (x2 - x1); }
};

float Overlap(const float* boxes, int32_t i, int32_t j) {
  const Corners a(boxes + 4 * int64_t{i}), b(boxes + 4 * int64_t{j});
  if (a.area() <= 0 || b.area() <= 0) return 0;
  const float height = std::max(std::min(a.y2, b.y2) - std::max(a.y1, b.y1), 0.0f);
  const float width = std::max(std::min(a.x2, b.x2) - std::max(a.x1, b.x1), 0.0f);
  const float both = height * width;
  return both / (a.area() + b.area() - both);
}

struct Thresholds {
  float overlap, score, sigma;
};

// False: the candidate is dropped for good. Its score may have fallen.
bool Compare(const float* boxes, const Thresholds& t, const int32_t* chosen, int32_t count,
             Candidate& c) {
  const float factor = t.sigma > 0 ? -0.5f / t.sigma : 0.0f;
  for (int32_t i = count - 1; i >= c.compared; --i) {
    const float overlap = Overlap(boxes, c.box, chosen[i]);
    if (overlap >= t.overlap) return false;
    if (t.sigma > 0) c.score *= ExpF(factor * overlap * overlap);
    if (c.score <= t.score) break;
  }
  c.compared = count;
  return true;
}

Status Suppress(const void* params, SerialCall& call) {
  const auto& p = *static_cast<const NmsParams*>(params);
  const TileArgs& args = call.args();
  const auto scalar = [&](int input) { return *static_cast<const float*>(args.inputs[input]); };
  const Thresholds t{scalar(3), scalar(4), p.soft ? scalar(5) : 0.0f};
  if (t.sigma < 0)
    return InvalidArgument("sigma '{}' is {}, expected at least 0", call.input_name(5), t.sigma);
  const float* scores = static_cast<const float*>(args.inputs[1]);
  auto* heap = reinterpret_cast<Candidate*>(args.scratch);
  int64_t size = 0;
  for (int32_t i = 0; i < p.boxes; ++i)
    if (scores[i] > t.score) heap[size++] = {scores[i], i, 0};
  std::make_heap(heap, heap + size);

  auto* chosen = static_cast<int32_t*>(args.outputs[0]);
  auto* chosen_scores = p.soft ? static_cast<float*>(args.outputs[1]) : nullptr;
  int32_t count = 0;
  while (count < p.most && size > 0) {
    std::pop_heap(heap, heap + size);
    Candidate next = heap[--size];
    const float before = next.score;
    if (!Compare(static_cast<const float*>(args.inputs[0]), t, chosen, count, next)) continue;
    if (next.score == before) {
      chosen[count] = next.box;
      if (p.soft) chosen_scores[count] = next.score;
      ++count;
    } else if (next.score > t.score) {
      heap[size++] = next;
      std::push_heap(heap, heap + size);
    }
  }
  std::fill(chosen + count, chosen + p.most, 0);
  if (p.soft) std::fill(chosen_scores + count, chosen_scores + p.most, 0.0f);
  *static_cast<int32_t*>(args.outputs[p.soft ? 2 : 1]) = count;
  return Status();
}

class NonMaxSuppression final : public Operation {
 public:
  explicit NonMaxSuppression(bool soft) : soft_(soft) {}

  uint32_t ValueInputs() const override { return 1u << 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& boxes = inputs[0].shape;
    if (boxes.rank() != 2 || boxes[1] != 4) {
      return InvalidModel("boxes '{}' have shape {}, expected Nx4", inputs[0].name,
                          boxes.ToString());
    }
    if (!(inputs[1].shape == Shape{boxes[0]})) {
      return InvalidModel("scores '{}' have shape {}, expected {} (boxes)", inputs[1].name,
                          inputs[1].shape.ToString(), boxes[0]);
    }
    for (size_t i = 2; i < inputs.size(); ++i) {
      if (inputs[i].shape.rank() == 0) continue;
      return InvalidModel("input {} '{}' has shape {}, expected a scalar", i, inputs[i].name,
                          inputs[i].shape.ToString());
    }
    HEDDLE_ASSIGN(const IntList most, ReadInts(inputs[2], "output size"));
    if (most[0] < 0) return BadValue(inputs[2], "output size is {}, expected at least 0", most[0]);
    for (int i = 0; i <= (soft_ ? 1 : 0); ++i) outputs[i] = Shape{static_cast<int32_t>(most[0])};
    outputs[soft_ ? 2 : 1] = Shape{};
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const NmsParams p{inputs[0].shape[0], outputs[0].shape[0], soft_};
    step.kind = StepKind::kSerial;
    step.serial = &Suppress;
    step.params = std::make_shared<const NmsParams>(p);
    step.scratch_bytes = static_cast<size_t>(p.boxes) * sizeof(Candidate);
    step.kernel = "non_max_suppression";
    return Status();
  }

 private:
  bool soft_;
};

MadeOperation MakeSuppression(const MakeArgs& args, bool soft) {
  const size_t inputs = soft ? 6 : 5;
  HEDDLE_TRY(CheckCounts(args, inputs, inputs, soft ? 3 : 2));
  constexpr const char* kRoles[] = {"boxes",         "scores",          "output size",
                                    "IoU threshold", "score threshold", "sigma"};
  for (size_t i = 0; i < inputs; ++i)
    HEDDLE_TRY(CheckType(args.inputs[i], kRoles[i], {i == 2 ? Type::kInt32 : Type::kFloat32}));
  HEDDLE_TRY(CheckType(args.outputs[0], "index output", {Type::kInt32}));
  if (soft) HEDDLE_TRY(CheckType(args.outputs[1], "score output", {Type::kFloat32}));
  HEDDLE_TRY(CheckType(args.outputs[soft ? 2 : 1], "count output", {Type::kInt32}));
  return MadeOperation(std::make_unique<NonMaxSuppression>(soft));
}

}  // namespace

MadeOperation MakeNonMaxSuppressionV4(const MakeArgs& args) { return MakeSuppression(args, false); }
MadeOperation MakeNonMaxSuppressionV5(const MakeArgs& args) { return MakeSuppression(args, true); }

}  // namespace heddle::core
