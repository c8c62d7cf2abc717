// SPDX-License-Identifier: Apache-2.0
// STABLEHLO_GATHER: slices of one size, each where a vector of indices says, moved back inside the
// operand where they would stand out.
#include <algorithm>
#include <cstring>

#include "kernels/index/slices.h"
#include "kernels/operators.h"

namespace heddle::core {
namespace {

struct GatherParams {
  SliceIndex index;
  int64_t element = 0;                          // bytes
  std::array<int64_t, Shape::kMaxRank> last{};  // the last start that a slice fits in, by axis
  int slice_rank = 0;                           // axes that the output keeps
  std::array<int64_t, Shape::kMaxRank> sizes{}, in_stride{}, out_stride{};  // of the slice
  int64_t slice_elements = 1, slices = 0, slices_per_tile = 1;
  int batch_rank = 0;
  std::array<int64_t, Shape::kMaxRank> batch_sizes{}, batch_out_stride{};
};

int64_t StartOf(const GatherParams& p, const void* indices, int64_t slice) {
  int64_t offset = 0;
  for (int i = 0; i < p.index.depth; ++i) {
    const int axis = p.index.axis[i];
    const int64_t start = std::clamp<int64_t>(p.index.At(indices, slice, i), 0, p.last[axis]);
    offset += start * p.index.stride[axis];
  }
  return offset;
}

int64_t PlaceOf(const GatherParams& p, int64_t slice) {
  int64_t offset = 0;
  for (int d = p.batch_rank - 1; d >= 0; --d) {
    offset += slice % p.batch_sizes[d] * p.batch_out_stride[d];
    slice /= p.batch_sizes[d];
  }
  return offset;
}

void CopySlice(const GatherParams& p, const std::byte* from, std::byte* to) {
  const int last = p.slice_rank - 1;
  const int64_t run = p.slice_rank == 0 ? 1 : p.sizes[last];
  const bool whole = p.slice_rank == 0 || (p.in_stride[last] == 1 && p.out_stride[last] == 1);
  for (int64_t line = 0; line < p.slice_elements; line += run) {
    int64_t rest = line / run, in = 0, out = 0;
    for (int d = last - 1; d >= 0; --d) {
      const int64_t at = rest % p.sizes[d];
      in += at * p.in_stride[d];
      out += at * p.out_stride[d];
      rest /= p.sizes[d];
    }
    if (whole) {
      std::memcpy(to + out * p.element, from + in * p.element,
                  static_cast<size_t>(run * p.element));
      continue;
    }
    for (int64_t i = 0; i < run; ++i)
      std::memcpy(to + (out + i * p.out_stride[last]) * p.element,
                  from + (in + i * p.in_stride[last]) * p.element, static_cast<size_t>(p.element));
  }
}

TileCode GatherTiles(const GatherParams& p, const TileArgs& args, TileRange tiles) {
  const auto* operand = static_cast<const std::byte*>(args.inputs[0]);
  auto* out = static_cast<std::byte*>(args.outputs[0]);
  const int64_t end = std::min(p.slices, tiles.end * p.slices_per_tile);
  for (int64_t slice = tiles.begin * p.slices_per_tile; slice < end; ++slice)
    CopySlice(p, operand + StartOf(p, args.inputs[1], slice) * p.element,
              out + PlaceOf(p, slice) * p.element);
  return TileCode::kOk;
}

class StablehloGather final : public Operation {
 public:
  explicit StablehloGather(StablehloGatherOptions options) : options_(std::move(options)) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    const Shape& operand = inputs[0].shape;
    HEDDLE_TRY(CheckSlices(operand));
    HEDDLE_TRY(CheckAxes(options_.start_index_map, operand.rank(), "start_index_map"));
    HEDDLE_TRY(CheckAxes(options_.collapsed_slice_dims, operand.rank(), "collapsed_slice_dims"));
    HEDDLE_ASSIGN(const Shape batch,
                  BatchOf(inputs[1], options_.index_vector_dim, options_.start_index_map.size()));
    const int kept = operand.rank() - static_cast<int>(options_.collapsed_slice_dims.size());
    if (static_cast<int>(options_.offset_dims.size()) != kept) {
      return InvalidModel("{} offset_dims, expected {} (slice axes that stay)",
                          options_.offset_dims.size(), kept);
    }
    if (batch.rank() + kept > Shape::kMaxRank)
      return Unsupported("the output has more than {} dimensions", Shape::kMaxRank);
    HEDDLE_TRY(CheckAxes(options_.offset_dims, batch.rank() + kept, "offset_dims"));
    Shape shape;
    int next_batch = 0, next_slice = 0;
    for (int d = 0; d < batch.rank() + kept; ++d) {
      if (!Holds(options_.offset_dims, d)) {
        shape.Append(batch[next_batch++]);
        continue;
      }
      while (Holds(options_.collapsed_slice_dims, next_slice)) ++next_slice;
      shape.Append(static_cast<int32_t>(options_.slice_sizes[next_slice++]));
    }
    outputs[0] = shape;
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& operand = inputs[0].shape;
    const Shape& shape = outputs[0].shape;
    GatherParams p;
    p.element = static_cast<int64_t>(TypeBits(inputs[0].type) / 8);
    p.index =
        SliceIndex::Of(inputs[1], operand, options_.index_vector_dim, options_.start_index_map);
    for (int d = 0; d < operand.rank(); ++d) p.last[d] = operand[d] - options_.slice_sizes[d];
    if (shape.elements() > 0) SetAxes(shape, p);
    const float slice_ns = 10.0f + static_cast<float>(p.slice_elements);
    p.slices_per_tile = std::max<int64_t>(1, 4096 / p.slice_elements);
    SetTiled<&GatherTiles>(step, p, (p.slices + p.slices_per_tile - 1) / p.slices_per_tile,
                           slice_ns * static_cast<float>(p.slices_per_tile));
    step.kernel = "stablehlo_gather";
    return Status();
  }

 private:
  Status CheckSlices(const Shape& operand) const {
    if (static_cast<int>(options_.slice_sizes.size()) != operand.rank()) {
      return InvalidModel("{} slice_sizes, expected {} (rank of the operand)",
                          options_.slice_sizes.size(), operand.rank());
    }
    for (int d = 0; d < operand.rank(); ++d) {
      const int64_t size = options_.slice_sizes[d];
      const bool collapsed = Holds(options_.collapsed_slice_dims, d);
      if (size >= 0 && size <= operand[d] && (!collapsed || size == 1)) continue;
      return InvalidModel("slice size of axis {} is {}, expected {} (operand of shape {})", d, size,
                          collapsed ? "1" : fmt::format("0 to {}", operand[d]), operand.ToString());
    }
    return Status();
  }

  void SetAxes(const Shape& shape, GatherParams& p) const {
    const Strides strides = RowMajor(shape);
    p.slices = 1;
    int axis = 0;
    for (int d = 0; d < shape.rank(); ++d) {
      if (!Holds(options_.offset_dims, d)) {
        p.batch_sizes[p.batch_rank] = shape[d];
        p.batch_out_stride[p.batch_rank++] = strides[d];
        p.slices *= shape[d];
        continue;
      }
      while (Holds(options_.collapsed_slice_dims, axis)) ++axis;
      p.sizes[p.slice_rank] = shape[d];
      p.in_stride[p.slice_rank] = p.index.stride[axis++];
      p.out_stride[p.slice_rank++] = strides[d];
      p.slice_elements *= shape[d];
    }
  }

  StablehloGatherOptions options_;
};

}  // namespace

MadeOperation MakeStablehloGather(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckType(args.inputs[1], "start indices", {Type::kInt32, Type::kInt64}));
  const Operand& operand = args.inputs[0];
  if (TypeBits(operand.type) < 8 || TypeBits(operand.type) % 8 != 0) {
    return Unsupported("operand '{}' is {}, expected a type of whole bytes", operand.name,
                       TypeName(operand.type));
  }
  return MadeOperation(
      std::make_unique<StablehloGather>(args.op.OptionsOr<StablehloGatherOptions>()));
}

}  // namespace heddle::core
