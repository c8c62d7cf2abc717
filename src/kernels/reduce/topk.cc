// SPDX-License-Identifier: Apache-2.0
// TOPK_V2: the k largest elements of each row of the last axis, in descending order, with their
// indices. Of equals the first comes first; a NaN comes after every number.
#include <algorithm>

#include "kernels/movement/operands.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

struct TopkParams {
  int64_t row = 1, k = 0;
  int64_t rows = 0, rows_per_tile = 1;
};

// Which of two places of a row comes first.
template <class T>
struct ComesFirst {
  const T* row;
  bool operator()(int32_t a, int32_t b) const {
    const T x = row[a], y = row[b];
    if (x > y) return true;
    if (x < y) return false;
    const bool x_nan = x != x, y_nan = y != y;
    return x_nan == y_nan ? a < b : y_nan;
  }
};

// A heap of the k first places, the last of them on top; `places` has room for k.
template <class T>
void SelectTop(const TopkParams& p, const T* row, int32_t* places) {
  const ComesFirst<T> first{row};
  for (int32_t i = 0; i < p.k; ++i) places[i] = i;
  std::make_heap(places, places + p.k, first);
  for (int64_t i = p.k; i < p.row && p.k > 0; ++i) {
    const int32_t place = static_cast<int32_t>(i);
    if (!first(place, places[0])) continue;
    std::pop_heap(places, places + p.k, first);
    places[p.k - 1] = place;
    std::push_heap(places, places + p.k, first);
  }
  std::sort_heap(places, places + p.k, first);
}

template <class T, class I>
TileCode TopkTiles(const TopkParams& p, const TileArgs& args, TileRange tiles) {
  int32_t* places = reinterpret_cast<int32_t*>(args.scratch);
  const int64_t end = std::min(p.rows, tiles.end * p.rows_per_tile);
  for (int64_t r = tiles.begin * p.rows_per_tile; r < end; ++r) {
    const T* row = static_cast<const T*>(args.inputs[0]) + r * p.row;
    T* values = static_cast<T*>(args.outputs[0]) + r * p.k;
    I* indices = static_cast<I*>(args.outputs[1]) + r * p.k;
    SelectTop(p, row, places);
    for (int64_t i = 0; i < p.k; ++i) {
      values[i] = row[places[i]];
      indices[i] = static_cast<I>(places[i]);
    }
  }
  return TileCode::kOk;
}

using SetFn = void (*)(Step& step, const TopkParams& p, int64_t tiles, float ns);

template <class T, class I>
void SetTopk(Step& step, const TopkParams& p, int64_t tiles, float ns) {
  SetTiled<&TopkTiles<T, I>>(step, p, tiles, ns);
}

template <class I>
SetFn SetFnOf(Type type) {
  switch (type) {
    case Type::kFloat32:
      return &SetTopk<float, I>;
    case Type::kInt8:
      return &SetTopk<int8_t, I>;
    case Type::kUInt8:
      return &SetTopk<uint8_t, I>;
    case Type::kInt16:
      return &SetTopk<int16_t, I>;
    case Type::kInt32:
      return &SetTopk<int32_t, I>;
    case Type::kInt64:
      return &SetTopk<int64_t, I>;
    default:
      return nullptr;
  }
}

class Topk final : public Operation {
 public:
  explicit Topk(SetFn set) : set_(set) {}

  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& shape = inputs[0].shape;
    const Operand& operand = inputs[1];
    HEDDLE_ASSIGN(const IntList k, ReadInts(operand, "k"));
    if (shape.rank() < 1) {
      return InvalidModel("input '{}' is a scalar, expected one dimension or more", inputs[0].name);
    }
    const int last = shape.rank() - 1;
    if (k.size != 1 || k[0] < 0 || k[0] > shape[last]) {
      return BadValue(operand, "k '{}' is {} ({} values), expected 0 to {} (input shape {})",
                      operand.name, k.size > 0 ? k[0] : 0, k.size, shape[last], shape.ToString());
    }
    outputs[0] = shape;
    outputs[0][last] = static_cast<int32_t>(k[0]);
    outputs[1] = outputs[0];
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape &in = inputs[0].shape, &out = outputs[0].shape;
    TopkParams p;
    p.row = in[in.rank() - 1];
    p.k = out[out.rank() - 1];
    if (outputs[1].type == Type::kInt16 && p.row > 1 << 15) {
      return Unsupported("rows of {} elements, expected at most 2^15 (indices '{}' are int16)",
                         p.row, outputs[1].name);
    }
    p.rows = out.elements() == 0 ? 0 : in.Product(0, in.rank() - 1);
    p.rows_per_tile = std::max<int64_t>(1, 2 * 1024 / std::max<int64_t>(p.row, 1));
    step.scratch_bytes = static_cast<size_t>(p.k) * sizeof(int32_t);
    const float ns = 10 + 2 * static_cast<float>(p.row) + 20 * static_cast<float>(p.k);
    set_(step, p, (p.rows + p.rows_per_tile - 1) / p.rows_per_tile,
         ns * static_cast<float>(p.rows_per_tile));
    step.kernel = "topk";
    return Status();
  }

 private:
  const SetFn set_;
};

}  // namespace

MadeOperation MakeTopkV2(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 2));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const Operand &input = args.inputs[0], &k = args.inputs[1], &indices = args.outputs[1];
  for (const Operand* o : {&k, &indices}) {
    if (o->type == Type::kInt16 || o->type == Type::kInt32) continue;
    return InvalidModel("{} '{}' is {}, expected int16 or int32", o == &k ? "k" : "output", o->name,
                        TypeName(o->type));
  }
  const SetFn set =
      indices.type == Type::kInt32 ? SetFnOf<int32_t>(input.type) : SetFnOf<int16_t>(input.type);
  if (set == nullptr) {
    return Unsupported("input '{}' is {}, expected float32 or a signed or 8-bit integer",
                       input.name, TypeName(input.type));
  }
  return MadeOperation(std::make_unique<Topk>(set));
}

}  // namespace heddle::core
