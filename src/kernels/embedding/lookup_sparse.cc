// SPDX-License-Identifier: Apache-2.0
// EMBEDDING_LOOKUP_SPARSE: weighted rows of a table, summed into the rows of a dense tensor that a
// sparse one names.
#include <algorithm>
#include <cmath>

#include "kernels/index/nd_index.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

constexpr int64_t kColumns = 512;

struct SparseParams {
  Combiner combiner = Combiner::kSum;
  int64_t lookups = 0, depth = 0;  // indices [lookups, depth]; the last of a tuple is not read
  int64_t rows = 0, inner = 0, table_rows = 0;
  std::array<int64_t, Shape::kMaxRank> sizes{};  // of the tuples' other axes
};

// What the current row of the output is made of so far.
struct Bucket {
  int64_t row = 0, elements = 0;
  float weight = 0, squares = 0;
};

void Finish(Combiner combiner, const Bucket& bucket, float* out, int64_t count) {
  if (combiner == Combiner::kSum || bucket.elements == 0) return;
  const float divisor = combiner == Combiner::kMean ? bucket.weight : std::sqrt(bucket.squares);
  for (int64_t i = 0; i < count; ++i) out[i] /= divisor;
}

int64_t RowOf(const SparseParams& p, const int32_t* tuple) {
  int64_t row = 0;
  for (int64_t d = 0; d + 1 < p.depth; ++d) {
    if (tuple[d] < 0 || tuple[d] >= p.sizes[d]) return -1;
    row = row * p.sizes[d] + tuple[d];
  }
  return row;
}

// A tile owns some columns of every row. A row ends where the next lookup is another row's.
TileCode SparseTiles(const SparseParams& p, const TileArgs& args, TileRange tiles) {
  const auto* ids = static_cast<const int32_t*>(args.inputs[0]);
  const auto* tuples = static_cast<const int32_t*>(args.inputs[1]);
  const auto* weights = static_cast<const float*>(args.inputs[3]);
  const int64_t begin = tiles.begin * kColumns;
  const int64_t count = std::min(p.inner, tiles.end * kColumns) - begin;
  const float* table = static_cast<const float*>(args.inputs[4]) + begin;
  float* out = static_cast<float*>(args.outputs[0]) + begin;
  for (int64_t row = 0; row < p.rows; ++row)
    std::fill(out + row * p.inner, out + row * p.inner + count, 0.0f);
  Bucket bucket;
  for (int64_t i = 0; i < p.lookups; ++i) {
    const int64_t row = RowOf(p, tuples + i * p.depth);
    if (row < 0 || ids[i] < 0 || ids[i] >= p.table_rows) return TileCode::kIndexOutOfRange;
    if (row != bucket.row) {
      Finish(p.combiner, bucket, out + bucket.row * p.inner, count);
      bucket = {row, 0, 0, 0};
    }
    const float w = weights[i];
    ++bucket.elements;
    bucket.squares += w * w;
    bucket.weight += w;
    const float* from = table + ids[i] * p.inner;
    float* to = out + row * p.inner;
    for (int64_t k = 0; k < count; ++k) to[k] += from[k] * w;
  }
  Finish(p.combiner, bucket, out + bucket.row * p.inner, count);
  return TileCode::kOk;
}

Fault SparseFault(const SparseParams& p, const TileArgs& args) {
  const auto* ids = static_cast<const int32_t*>(args.inputs[0]);
  const auto* tuples = static_cast<const int32_t*>(args.inputs[1]);
  for (int64_t i = 0; i < p.lookups; ++i) {
    for (int64_t d = 0; d + 1 < p.depth; ++d) {
      const int32_t index = tuples[i * p.depth + d];
      if (index < 0 || index >= p.sizes[d])
        return IndexFault(1, i * p.depth + d, index, p.sizes[d]);
    }
    if (ids[i] < 0 || ids[i] >= p.table_rows) return IndexFault(0, i, ids[i], p.table_rows);
  }
  return {};
}

class LookupSparse final : public Operation {
 public:
  explicit LookupSparse(Combiner combiner) : combiner_(combiner) {}

  uint32_t ValueInputs() const override { return 1u << 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& tuples = inputs[1].shape;
    const Shape& table = inputs[4].shape;
    HEDDLE_ASSIGN(const Shape dense, ReadShape(inputs[2], "dense shape"));
    if (tuples.rank() != 2 || tuples[1] != dense.rank() || dense.rank() < 1) {
      return InvalidModel("indices '{}' have shape {}, expected tuples of {} (dense shape {})",
                          inputs[1].name, tuples.ToString(), dense.rank(), dense.ToString());
    }
    for (const int i : {0, 3}) {
      if (inputs[i].shape == Shape{tuples[0]}) continue;
      return InvalidModel("input {} '{}' has shape {}, expected {} (indices {})", i, inputs[i].name,
                          inputs[i].shape.ToString(), tuples[0], tuples.ToString());
    }
    if (table.rank() < 2) {
      return InvalidModel("table '{}' has shape {}, expected rows", inputs[4].name,
                          table.ToString());
    }
    Shape shape;
    for (int i = 0; i + 1 < dense.rank(); ++i) HEDDLE_TRY(AppendDim(shape, dense[i]));
    for (int i = 1; i < table.rank(); ++i) HEDDLE_TRY(AppendDim(shape, table[i]));
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& table = inputs[4].shape;
    const Shape& shape = outputs[0].shape;
    SparseParams p;
    p.combiner = combiner_;
    p.lookups = inputs[0].shape[0];
    p.depth = inputs[1].shape[1];
    p.table_rows = table[0];
    p.inner = table.Product(1, table.rank());
    p.rows = shape.Product(0, static_cast<int>(p.depth) - 1);
    for (int d = 0; d + 1 < p.depth; ++d) p.sizes[d] = shape[d];
    const int64_t tiles = p.rows == 0 ? 0 : (p.inner + kColumns - 1) / kColumns;
    const float columns = static_cast<float>(std::min(p.inner, kColumns));
    SetTiled<&SparseTiles>(step, p, tiles, 0.2f * columns * static_cast<float>(p.lookups + p.rows));
    step.macs = p.lookups * p.inner;
    step.fault = EraseFault<&SparseFault>();
    step.kernel = "lookup_sparse";
    return Status();
  }

 private:
  Combiner combiner_;
};

}  // namespace

MadeOperation MakeEmbeddingLookupSparse(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 5, 5, 1));
  HEDDLE_TRY(CheckType(args.inputs[0], "ids", {Type::kInt32}));
  HEDDLE_TRY(CheckType(args.inputs[1], "indices", {Type::kInt32}));
  HEDDLE_TRY(CheckType(args.inputs[2], "dense shape", {Type::kInt32}));
  HEDDLE_TRY(CheckType(args.inputs[3], "weights", {Type::kFloat32}));
  HEDDLE_TRY(CheckType(args.inputs[4], "table", {Type::kFloat32}));
  HEDDLE_TRY(CheckType(args.outputs[0], "output", {Type::kFloat32}));
  return MadeOperation(
      std::make_unique<LookupSparse>(args.op.OptionsOr<EmbeddingSparseOptions>().combiner));
}

}  // namespace heddle::core
