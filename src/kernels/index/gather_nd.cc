// SPDX-License-Identifier: Apache-2.0
// GATHER_ND: rows of the parameters, each named by a tuple of indices.
#include <algorithm>

#include "kernels/index/nd_index.h"
#include "kernels/movement/indexed_rows.h"
#include "kernels/movement/strings.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

struct GatherNdParams {
  NdIndex index;
  size_t row_bytes = 0;
  int64_t rows = 0, rows_per_tile = 1;
  Shape output;       // of strings
  int64_t inner = 1;  // strings in a row
};

TileCode GatherNdTiles(const GatherNdParams& p, const TileArgs& args, TileRange tiles) {
  const auto* params = static_cast<const std::byte*>(args.inputs[0]);
  const int64_t begin = tiles.begin * p.rows_per_tile;
  const int64_t end = std::min(p.rows, tiles.end * p.rows_per_tile);
  auto* out = static_cast<std::byte*>(args.outputs[0]) + static_cast<size_t>(begin) * p.row_bytes;
  const bool ok = CopyRows(out, end - begin, p.row_bytes, [&](int64_t i) -> const std::byte* {
    const int64_t row = p.index.RowOf(args.inputs[1], begin + i);
    return row < 0 ? nullptr : params + static_cast<size_t>(row) * p.row_bytes;
  });
  return ok ? TileCode::kOk : TileCode::kIndexOutOfRange;
}

Fault GatherNdFault(const GatherNdParams& p, const TileArgs& args) {
  return p.index.FindFault(1, args.inputs[1], p.rows);
}

Status GatherNdStrings(const void* params, SerialCall& call) {
  const auto& p = *static_cast<const GatherNdParams*>(params);
  const Fault fault = GatherNdFault(p, call.args());
  if (fault.input >= 0)
    return FaultError(TileCode::kIndexOutOfRange, fault, call.input_name(fault.input));
  return WriteStrings(call, p.output, [&](int64_t i) {
    return p.index.RowOf(call.args().inputs[1], i / p.inner) * p.inner + i % p.inner;
  });
}

class GatherNd final : public Operation {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& params = inputs[0].shape;
    const Shape& indices = inputs[1].shape;
    if (indices.rank() < 1 || indices[indices.rank() - 1] > params.rank()) {
      return InvalidModel(
          "indices '{}' have shape {}, expected a last size of at most {} (rank of '{}')",
          inputs[1].name, indices.ToString(), params.rank(), inputs[0].name);
    }
    Shape shape;
    for (int i = 0; i + 1 < indices.rank(); ++i) HEDDLE_TRY(AppendDim(shape, indices[i]));
    for (int i = indices[indices.rank() - 1]; i < params.rank(); ++i)
      HEDDLE_TRY(AppendDim(shape, params[i]));
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& params = inputs[0].shape;
    const Shape& indices = inputs[1].shape;
    const int depth = indices[indices.rank() - 1];
    GatherNdParams p;
    p.index = NdIndex::Of(inputs[1].type, params, depth);
    p.output = outputs[0].shape;
    p.inner = params.Product(depth, params.rank());
    p.rows = p.inner == 0 ? 0 : indices.Product(0, indices.rank() - 1);
    if (inputs[0].type == Type::kString) {
      step.kind = StepKind::kSerial;
      step.serial = &GatherNdStrings;
      step.sizes_outputs = true;
      step.params = std::make_shared<const GatherNdParams>(p);
      step.kernel = "strings";
      return Status();
    }
    p.row_bytes = TypeBytes(inputs[0].type, p.inner);
    constexpr int64_t kTileBytes = 16 * 1024;
    const auto row_bytes = static_cast<int64_t>(p.row_bytes);
    p.rows_per_tile = std::max<int64_t>(1, kTileBytes / std::max<int64_t>(row_bytes, 4));
    const float row_ns = 1.0f + static_cast<float>(depth + row_bytes / 10);
    SetTiled<&GatherNdTiles>(step, p, (p.rows + p.rows_per_tile - 1) / p.rows_per_tile,
                             row_ns * static_cast<float>(p.rows_per_tile));
    step.fault = EraseFault<&GatherNdFault>();
    step.kernel = "gather_nd";
    return Status();
  }
};

}  // namespace

MadeOperation MakeGatherNd(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  const Operand& params = args.inputs[0];
  if (params.type != Type::kString && (TypeBits(params.type) < 8 || TypeBits(params.type) % 8)) {
    return Unsupported("'{}' is {}, expected a type of whole bytes", params.name,
                       TypeName(params.type));
  }
  HEDDLE_TRY(CheckType(args.inputs[1], "indices", {Type::kInt16, Type::kInt32, Type::kInt64}));
  return MadeOperation(std::make_unique<GatherNd>());
}

}  // namespace heddle::core
