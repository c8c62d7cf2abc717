// SPDX-License-Identifier: Apache-2.0
// GATHER: rows of the parameters, in the order of the indices.
#include <algorithm>

#include "kernels/index/nd_index.h"
#include "kernels/movement/indexed_rows.h"
#include "kernels/movement/strings.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

// params[batch, outer, axis, inner] and indices[batch, count] give [batch, outer, count, inner].
struct GatherParams {
  Type index_type = Type::kInt32;
  int64_t outer = 1, axis = 1, count = 1, indices = 0;
  size_t row_bytes = 0;  // inner
  int64_t rows = 0, rows_per_tile = 1;
  Shape output;  // of strings
};

// Rows [begin, end) of one outer position.
template <class I>
bool GatherRun(const GatherParams& p, const TileArgs& args, int64_t outer, int64_t begin,
               int64_t end) {
  const std::byte* from = static_cast<const std::byte*>(args.inputs[0]) +
                          static_cast<size_t>(outer * p.axis) * p.row_bytes;
  const I* indices = static_cast<const I*>(args.inputs[1]) + outer / p.outer * p.count + begin;
  std::byte* out = static_cast<std::byte*>(args.outputs[0]) +
                   static_cast<size_t>(outer * p.count + begin) * p.row_bytes;
  return CopyRows(out, end - begin, p.row_bytes, [&](int64_t i) -> const std::byte* {
    const int64_t index = indices[i];
    if (index < 0 || index >= p.axis) return nullptr;
    return from + static_cast<size_t>(index) * p.row_bytes;
  });
}

TileCode GatherTiles(const GatherParams& p, const TileArgs& args, TileRange tiles) {
  int64_t row = tiles.begin * p.rows_per_tile;
  const int64_t end = std::min(p.rows, tiles.end * p.rows_per_tile);
  while (row < end) {
    const int64_t outer = row / p.count, begin = row % p.count;
    const int64_t stop = std::min(p.count, begin + (end - row));
    const bool ok = p.index_type == Type::kInt16 ? GatherRun<int16_t>(p, args, outer, begin, stop)
                    : p.index_type == Type::kInt32
                        ? GatherRun<int32_t>(p, args, outer, begin, stop)
                        : GatherRun<int64_t>(p, args, outer, begin, stop);
    if (!ok) return TileCode::kIndexOutOfRange;
    row += stop - begin;
  }
  return TileCode::kOk;
}

Fault GatherFault(const GatherParams& p, const TileArgs& args) {
  return NdIndex::Of(p.index_type, {static_cast<int32_t>(p.axis)}, 1)
      .FindFault(1, args.inputs[1], p.indices);
}

Status GatherStrings(const void* params, SerialCall& call) {
  const GatherParams& p = *static_cast<const GatherParams*>(params);
  const Fault fault = GatherFault(p, call.args());
  if (fault.input >= 0)
    return FaultError(TileCode::kIndexOutOfRange, fault, call.input_name(fault.input));
  return WriteStrings(call, p.output,
                      [&](int64_t i) { return IndexAt(p.index_type, call.args().inputs[1], i); });
}

class Gather final : public Operation {
 public:
  explicit Gather(GatherOptions options) : options_(options) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& params = inputs[0].shape;
    const Shape& indices = inputs[1].shape;
    HEDDLE_ASSIGN(const Axes axes, Resolve(inputs));
    Shape shape;
    for (int i = 0; i < axes.axis; ++i) HEDDLE_TRY(AppendDim(shape, params[i]));
    for (int i = axes.batch; i < indices.rank(); ++i) HEDDLE_TRY(AppendDim(shape, indices[i]));
    for (int i = axes.axis + 1; i < params.rank(); ++i) HEDDLE_TRY(AppendDim(shape, params[i]));
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_ASSIGN(const Axes axes, Resolve(inputs));
    GatherParams p;
    p.index_type = inputs[1].type;
    p.output = outputs[0].shape;
    p.axis = inputs[0].shape[axes.axis];
    p.indices = inputs[1].shape.elements();
    if (inputs[0].type == Type::kString) {
      step.kind = StepKind::kSerial;
      step.serial = &GatherStrings;
      step.sizes_outputs = true;
      step.params = std::make_shared<const GatherParams>(p);
      step.kernel = "strings";
      return Status();
    }
    if (p.output.elements() > 0) {
      HEDDLE_TRY(SetRows(inputs, axes, p));
      HEDDLE_TRY(CheckConstantIndices(inputs, p));
    }
    constexpr int64_t kTileBytes = 16 * 1024;
    const int64_t row_bytes = static_cast<int64_t>(p.row_bytes);
    p.rows_per_tile = std::max<int64_t>(1, kTileBytes / std::max<int64_t>(row_bytes, 4));
    const float row_ns = 1.0f + static_cast<float>(row_bytes) / 10;
    const int64_t tiles = (p.rows + p.rows_per_tile - 1) / p.rows_per_tile;
    SetTiled<&GatherTiles>(step, p, tiles, row_ns * static_cast<float>(p.rows_per_tile));
    step.fault = EraseFault<&GatherFault>();
    step.kernel = "gather";
    return Status();
  }

 private:
  struct Axes {
    int axis, batch;
  };

  static Status SetRows(std::span<const Operand> inputs, Axes axes, GatherParams& p) {
    const Shape& shape = inputs[0].shape;
    const int64_t inner = shape.Product(axes.axis + 1, shape.rank());
    if (inner * static_cast<int64_t>(TypeBits(inputs[0].type)) % 8 != 0) {
      return Unsupported("rows of {} elements of type {}, expected whole bytes", inner,
                         TypeName(inputs[0].type));
    }
    p.row_bytes = TypeBytes(inputs[0].type, inner);
    p.outer = shape.Product(axes.batch, axes.axis);
    p.count = inputs[1].shape.Product(axes.batch, inputs[1].shape.rank());
    p.rows = shape.Product(0, axes.axis) * p.count;
    return Status();
  }

  // Those that the file holds are known before any call.
  static Status CheckConstantIndices(std::span<const Operand> inputs, const GatherParams& p) {
    if (!inputs[1].constant || inputs[1].data == nullptr) return Status();
    const void* const data[] = {inputs[0].data, inputs[1].data};
    const Fault fault = GatherFault(p, TileArgs{data, nullptr, nullptr, nullptr, nullptr});
    if (fault.input < 0) return Status();
    return FaultError(TileCode::kIndexOutOfRange, fault, inputs[1].name);
  }

  Result<Axes> Resolve(std::span<const Operand> inputs) const {
    const Shape& params = inputs[0].shape;
    const Shape& indices = inputs[1].shape;
    const int axis = ResolveAxis(options_.axis, params.rank());
    if (axis < 0) {
      return InvalidModel("axis {} is outside of the shape {} of '{}'", options_.axis,
                          params.ToString(), inputs[0].name);
    }
    const int batch = options_.batch_dims + (options_.batch_dims < 0 ? indices.rank() : 0);
    if (batch < 0 || batch > indices.rank() || batch > axis) {
      return InvalidModel("batch_dims is {}, expected at most axis {} and rank {} of the indices",
                          options_.batch_dims, axis, indices.rank());
    }
    for (int i = 0; i < batch; ++i) {
      if (params[i] == indices[i]) continue;
      return InvalidModel(
          "indices '{}' have shape {}, expected {} for batch axis {} (shape {} of '{}')",
          inputs[1].name, indices.ToString(), params[i], i, params.ToString(), inputs[0].name);
    }
    if (inputs[0].type == Type::kString && params.rank() != 1) {
      return Unsupported("strings '{}' of shape {}, expected one dimension", inputs[0].name,
                         params.ToString());
    }
    return Axes{axis, batch};
  }

  GatherOptions options_;
};

}  // namespace

MadeOperation MakeGather(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  if (args.inputs[0].type != Type::kString) HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  const Type index = args.inputs[1].type;
  if (index != Type::kInt16 && index != Type::kInt32 && index != Type::kInt64) {
    return InvalidModel("indices '{}' are {}, expected int16, int32 or int64", args.inputs[1].name,
                        TypeName(index));
  }
  return MadeOperation(std::make_unique<Gather>(args.op.OptionsOr<GatherOptions>()));
}

}  // namespace heddle::core
