// SPDX-License-Identifier: Apache-2.0
// RESIZE_NEAREST_NEIGHBOR: whole pixels copied from tables of rows and columns.
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/movement/indexed_rows.h"
#include "kernels/operators.h"
#include "kernels/resize/size.h"

namespace heddle::core {
namespace {

struct NearestParams {
  std::vector<int32_t> y, x;  // source of every output row and column
  int64_t in_rows = 0;
  size_t in_row_bytes = 0, pixel_bytes = 0;
  int64_t rows = 0, rows_per_tile = 1;
};

std::vector<int32_t> NearestTable(const ResizeOptions& options, int64_t in, int64_t out) {
  const float scale = ResizeScale(in, out, options.align_corners);
  const float offset = options.half_pixel_centers ? 0.5f : 0.0f;
  std::vector<int32_t> table(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const float at = (static_cast<float>(i) + offset) * scale;
    const float nearest = options.align_corners ? std::round(at) : std::floor(at);
    table[i] = static_cast<int32_t>(std::clamp<int64_t>(static_cast<int64_t>(nearest), 0, in - 1));
  }
  return table;
}

TileCode NearestTiles(const NearestParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t end = std::min(p.rows, tiles.end * p.rows_per_tile);
  const int64_t height = static_cast<int64_t>(p.y.size()), width = static_cast<int64_t>(p.x.size());
  for (int64_t row = tiles.begin * p.rows_per_tile; row < end; ++row) {
    const int64_t source = row / height * p.in_rows + p.y[row % height];
    const std::byte* in = static_cast<const std::byte*>(args.inputs[0]) +
                          static_cast<size_t>(source) * p.in_row_bytes;
    std::byte* out =
        static_cast<std::byte*>(args.outputs[0]) + static_cast<size_t>(row * width) * p.pixel_bytes;
    CopyRows(out, width, p.pixel_bytes,
             [&](int64_t i) { return in + static_cast<size_t>(p.x[i]) * p.pixel_bytes; });
  }
  return TileCode::kOk;
}

class ResizeNearest final : public Operation {
 public:
  explicit ResizeNearest(ResizeOptions options) : options_(options) {}

  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(outputs[0], ResizedShape(inputs, 0));
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    const Shape& from = inputs[0].shape;
    const Shape& to = outputs[0].shape;
    NearestParams p;
    if (to.elements() > 0) {
      p.y = NearestTable(options_, from[1], to[1]);
      p.x = NearestTable(options_, from[2], to[2]);
      p.rows = int64_t{to[0]} * to[1];
    }
    p.in_rows = from[1];
    p.pixel_bytes = TypeBytes(inputs[0].type, from[3]);
    p.in_row_bytes = p.pixel_bytes * static_cast<size_t>(from[2]);
    const int64_t row_bytes = to[2] * static_cast<int64_t>(p.pixel_bytes);
    p.rows_per_tile = std::max<int64_t>(1, 16 * 1024 / std::max<int64_t>(row_bytes, 1));
    const float row_ns = static_cast<float>(to[2]) + static_cast<float>(row_bytes) / 10;
    const int64_t tiles = (p.rows + p.rows_per_tile - 1) / p.rows_per_tile;
    const float tile_ns = row_ns * static_cast<float>(p.rows_per_tile);
    SetTiled<&NearestTiles>(step, std::move(p), tiles, tile_ns);
    step.kernel = "nearest";
    return Status();
  }

 private:
  ResizeOptions options_;
};

}  // namespace

MadeOperation MakeResizeNearestNeighbor(const MakeArgs& args) {
  HEDDLE_TRY(CheckResize(args));
  HEDDLE_TRY(CheckCopyable(args.inputs[0]));
  if (TypeBits(args.inputs[0].type) < 8) {
    return Unsupported("input '{}' is {}, expected a type of whole bytes", args.inputs[0].name,
                       TypeName(args.inputs[0].type));
  }
  return MadeOperation(std::make_unique<ResizeNearest>(args.op.OptionsOr<ResizeOptions>()));
}

}  // namespace heddle::core
