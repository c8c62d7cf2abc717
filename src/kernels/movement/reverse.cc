// SPDX-License-Identifier: Apache-2.0
// REVERSE_V2: axes walked backwards. REVERSE_SEQUENCE: the first elements of an axis, as many as
// another operand says for each index of the batch axis.
#include <algorithm>

#include "kernels/movement/indexed_rows.h"
#include "kernels/movement/operands.h"
#include "kernels/movement/strided_copy.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

class Reverse final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_TRY(ReadAxes(inputs).status());
    outputs[0] = inputs[0].shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    HEDDLE_ASSIGN(const uint32_t axes, ReadAxes(inputs));
    CopySpec spec;
    spec.type = inputs[0].type;
    if (inputs[0].shape.elements() > 0) {
      CopyBox box;
      box.dims = inputs[0].shape;
      box.in_stride = box.out_stride = RowMajor(box.dims);
      for (int i = 0; i < box.dims.rank(); ++i) {
        if ((axes >> i & 1) == 0) continue;
        box.in_offset += (box.dims[i] - 1) * box.in_stride[i];
        box.in_stride[i] = -box.in_stride[i];
      }
      spec.boxes = {box};
    }
    LowerCopy(spec, step);
    return Status();
  }

 private:
  // Bit i: axis i is reversed.
  static Result<uint32_t> ReadAxes(std::span<const Operand> inputs) {
    const Operand& operand = inputs[1];
    HEDDLE_ASSIGN(const IntList list, ReadInts(operand, "axes"));
    const int rank = inputs[0].shape.rank();
    uint32_t axes = 0;
    for (int i = 0; i < list.size; ++i) {
      const int axis = ResolveAxis(list[i], rank);
      if (axis < 0 || (axes >> axis & 1) != 0) {
        return BadValue(operand,
                        "axis {} of '{}' is {}, expected -{} to {} and no axis twice (input shape "
                        "{})",
                        i, operand.name, list[i], rank, rank - 1, inputs[0].shape.ToString());
      }
      axes |= 1u << axis;
    }
    return axes;
  }
};

// --- REVERSE_SEQUENCE ---

// The tensor as [outer, low, middle, high, inner]; low and high are the two axes, by place.
struct SequenceParams {
  int64_t low = 1, middle = 1, high = 1;
  bool sequence_is_low = false;
  bool wide = false;  // lengths are int64
  size_t row_bytes = 0;
  int64_t rows = 0, rows_per_tile = 1;
};

int64_t LoadLength(const SequenceParams& p, const void* lengths, int64_t i) {
  return p.wide ? static_cast<const int64_t*>(lengths)[i] : static_cast<const int32_t*>(lengths)[i];
}

// The row that this row comes from; -1: its sequence has a length that is none.
int64_t SourceRow(const SequenceParams& p, const void* lengths, int64_t row) {
  const int64_t high = row % p.high, low = row / p.high / p.middle % p.low;
  const int64_t at = p.sequence_is_low ? low : high, batch = p.sequence_is_low ? high : low;
  const int64_t length = LoadLength(p, lengths, batch);
  if (length < 0 || length > (p.sequence_is_low ? p.low : p.high)) return -1;
  if (at >= length) return row;
  const int64_t step = p.sequence_is_low ? p.middle * p.high : 1;
  return row + (length - 1 - 2 * at) * step;
}

TileCode SequenceTiles(const SequenceParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t begin = tiles.begin * p.rows_per_tile;
  const int64_t end = std::min(p.rows, tiles.end * p.rows_per_tile);
  const std::byte* in = static_cast<const std::byte*>(args.inputs[0]);
  std::byte* out = static_cast<std::byte*>(args.outputs[0]) + begin * p.row_bytes;
  const bool ok = CopyRows(out, end - begin, p.row_bytes, [&](int64_t i) -> const std::byte* {
    const int64_t row = SourceRow(p, args.inputs[1], begin + i);
    return row < 0 ? nullptr : in + static_cast<size_t>(row) * p.row_bytes;
  });
  return ok ? TileCode::kOk : TileCode::kBadValue;
}

Fault SequenceFault(const SequenceParams& p, const TileArgs& args) {
  const int64_t most = p.sequence_is_low ? p.low : p.high;
  for (int64_t i = 0; i < (p.sequence_is_low ? p.high : p.low); ++i) {
    const int64_t length = LoadLength(p, args.inputs[1], i);
    if (length >= 0 && length <= most) continue;
    return {1, i, fmt::format("{}", length), fmt::format("0 to {}", most)};
  }
  return {};
}

class ReverseSequence final : public Operation {
 public:
  explicit ReverseSequence(ReverseSequenceOptions options) : options_(options) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape &shape = inputs[0].shape, &lengths = inputs[1].shape;
    if (options_.seq_dim >= shape.rank() || options_.batch_dim >= shape.rank()) {
      return InvalidModel("sequence axis {} and batch axis {}, expected less than {} (input '{}')",
                          options_.seq_dim, options_.batch_dim, shape.rank(), inputs[0].name);
    }
    if (!(lengths == Shape{shape[options_.batch_dim]})) {
      return InvalidModel("lengths '{}' have shape {}, expected {} (batch axis {} of {})",
                          inputs[1].name, lengths.ToString(), shape[options_.batch_dim],
                          options_.batch_dim, shape.ToString());
    }
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    const Shape& shape = inputs[0].shape;
    const int low = std::min(options_.seq_dim, options_.batch_dim);
    const int high = std::max(options_.seq_dim, options_.batch_dim);
    SequenceParams p;
    p.low = shape[low];
    p.middle = shape.Product(low + 1, high);
    p.high = shape[high];
    p.sequence_is_low = options_.seq_dim == low;
    p.wide = inputs[1].type == Type::kInt64;
    p.row_bytes = TypeBytes(inputs[0].type, shape.Product(high + 1, shape.rank()));
    p.rows = shape.elements() == 0 ? 0 : shape.Product(0, high + 1);
    constexpr int64_t kTileBytes = 16 * 1024;
    const int64_t row_bytes = static_cast<int64_t>(p.row_bytes);
    p.rows_per_tile = std::max<int64_t>(1, kTileBytes / std::max<int64_t>(row_bytes, 8));
    const float row_ns = 5.0f + static_cast<float>(row_bytes) / 10;
    const int64_t tiles = (p.rows + p.rows_per_tile - 1) / p.rows_per_tile;
    SetTiled<&SequenceTiles>(step, p, tiles, row_ns * static_cast<float>(p.rows_per_tile));
    step.fault = EraseFault<&SequenceFault>();
    step.kernel = "reverse_sequence";
    return Status();
  }

 private:
  const ReverseSequenceOptions options_;
};

}  // namespace

MadeOperation MakeReverseV2(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  if (args.inputs[1].type != Type::kInt32) {
    return InvalidModel("axes '{}' are {}, expected int32", args.inputs[1].name,
                        TypeName(args.inputs[1].type));
  }
  return MadeOperation(std::make_unique<Reverse>());
}

MadeOperation MakeReverseSequence(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  if (TypeBits(args.inputs[0].type) < 8) {
    return Unsupported("input '{}' is {}, expected a type of whole bytes", args.inputs[0].name,
                       TypeName(args.inputs[0].type));
  }
  HEDDLE_TRY(CheckIndexType(args.inputs[1]));
  const auto options = args.op.OptionsOr<ReverseSequenceOptions>();
  if (options.seq_dim < 0 || options.batch_dim < 0 || options.seq_dim == options.batch_dim) {
    return InvalidModel("sequence axis {} and batch axis {}, expected two axes of 0 and more",
                        options.seq_dim, options.batch_dim);
  }
  return MadeOperation(std::make_unique<ReverseSequence>(options));
}

}  // namespace heddle::core
