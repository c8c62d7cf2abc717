// SPDX-License-Identifier: Apache-2.0
// A tile of the product: blocks of rows by panels, then the epilogue from sums in scratch.
#include <limits>

#include "base/half.h"
#include "kernels/matmul/plan.h"

namespace heddle::core {
namespace {

struct Place {  // of a block in the output
  int64_t lhs_row, out_row, column, columns;
  int32_t rows;
  const int32_t* column_sums;  // of its first column
};

struct Batch {
  int64_t lhs = 0, rhs = 0;
};
Batch OperandsOf(const BatchMap& map, int64_t batch) {
  Batch b;
  for (int axis = map.rank - 1; axis >= 0; --axis) {
    const int64_t i = batch % map.size[axis];
    batch /= map.size[axis];
    b.lhs += i * map.lhs[axis];
    b.rhs += i * map.rhs[axis];
  }
  return b;
}

void FinishHybrid(const MatMulPlan& p, const RowTerms& row, const Place& place, const int32_t* acc,
                  float* out) {
  const bool fast = p.scheme == RowScheme::kXnn;
  for (int64_t c = 0; c < place.columns; ++c) {
    const float w = p.rhs_quant->Scale(place.column + c);
    const auto v = static_cast<float>(acc[c]);
    out[c] = fast ? v * row.scale * w : v * (row.scale * w);
  }
}

void FinishBytes(const MatMulPlan& p, const RowTerms& row, const Place& place, int32_t* acc,
                 std::byte* out) {
  for (int64_t c = 0; c < place.columns; ++c) {
    const uint32_t taken = static_cast<uint32_t>(row.column) * place.column_sums[c];
    acc[c] = static_cast<int32_t>(acc[c] - taken + static_cast<uint32_t>(row.constant));
  }
  if (p.form == MatMulForm::kHybrid) {
    return FinishHybrid(p, row, place, acc, reinterpret_cast<float*>(out));
  }
  for (int64_t c = 0; c < place.columns; ++c) {
    if (p.output == Type::kInt32) {
      reinterpret_cast<int32_t*>(out)[c] = acc[c];
    } else {
      out[c] = static_cast<std::byte>(p.epilogue.Requantise(acc[c], 0));
    }
  }
}

void Finish(const MatMulPlan& p, const TileArgs& args, const Place& place, std::byte* sums) {
  const int64_t element = TypeBytes(p.output, 1);
  const auto* terms = reinterpret_cast<const RowTerms*>(args.shared + p.terms_at);
  for (int32_t r = 0; r < place.rows; ++r) {
    std::byte* from = sums + r * place.columns * p.sum_bytes;
    std::byte* out = static_cast<std::byte*>(args.outputs[0]) +
                     ((place.out_row + r) * p.n + place.column) * element;
    switch (p.form) {
      case MatMulForm::kHalf:
        for (int64_t c = 0; c < place.columns; ++c)
          reinterpret_cast<Half*>(out)[c] = ToHalf(reinterpret_cast<const float*>(from)[c]);
        break;
      case MatMulForm::kInt16:
      case MatMulForm::kInt16By8:
        for (int64_t c = 0; c < place.columns; ++c)
          reinterpret_cast<int16_t*>(out)[c] = static_cast<int16_t>(
              p.epilogue.Requantise(reinterpret_cast<const int64_t*>(from)[c], 0));
        break;
      default:
        FinishBytes(p, terms[place.lhs_row + r], place, reinterpret_cast<int32_t*>(from), out);
    }
  }
}

size_t PointersBytes(const MatMulPlan& p) {
  return CeilDiv(p.division.block_rows * int64_t{sizeof(void*)}, 64) * 64;
}

size_t KernelBytes(const MatMulPlan& p) {
  return CeilDiv(p.kernels->ScratchBytes(p.groups), 64) * 64;
}

void RunTile(const MatMulPlan& p, const TileArgs& args, int64_t tile) {
  const Division& d = p.division;
  const int64_t batch = tile / d.tiles(), part = tile % d.tiles();
  const int64_t first = part % d.row_tiles * d.tile_rows;
  const int64_t panel = part / d.row_tiles * d.tile_panels;
  const Batch operands = OperandsOf(p.batches, batch);
  const std::byte* lhs =
      p.rows_in_place ? static_cast<const std::byte*>(args.inputs[0]) : args.shared + p.rows_at;
  const std::byte* rhs =
      (p.packed ? args.packed : args.shared + p.panels_at) + operands.rhs * p.rhs_bytes;
  Place place;
  place.column = panel * p.kernels->lanes;
  place.columns = std::min(d.tile_panels * p.kernels->lanes, p.n - place.column);
  place.column_sums = reinterpret_cast<const int32_t*>(rhs + p.sums_offset()) + place.column;
  const auto** a = reinterpret_cast<const std::byte**>(args.scratch);
  std::byte* sums = args.scratch + PointersBytes(p) + KernelBytes(p);
  constexpr float kInf = std::numeric_limits<float>::infinity();
  GemmCall call;
  call.a = a;
  call.groups = p.groups;
  call.weights = rhs + panel * p.panel_bytes;
  call.panel_bytes = p.panel_bytes;
  call.columns = place.columns;
  call.init = p.zeros.data();
  call.lo = -kInf, call.hi = kInf;
  call.scratch = args.scratch + PointersBytes(p);
  for (int64_t row = first; row < std::min(first + d.tile_rows, p.m); row += d.block_rows) {
    place.rows = call.rows = static_cast<int32_t>(std::min(d.block_rows, p.m - row));
    place.lhs_row = operands.lhs * p.m + row;
    place.out_row = batch * p.m + row;
    for (int32_t r = 0; r < place.rows; ++r) a[r] = lhs + (place.lhs_row + r) * p.row_bytes;
    const bool direct = p.form == MatMulForm::kFloat;
    call.out = direct ? static_cast<std::byte*>(args.outputs[0]) +
                            (place.out_row * p.n + place.column) * int64_t{sizeof(float)}
                      : sums;
    call.out_stride = direct ? p.n * int64_t{sizeof(float)} : place.columns * p.sum_bytes;
    p.run(call);
    if (!direct) Finish(p, args, place, sums);
  }
}

}  // namespace

size_t MatMulScratch(const MatMulPlan& p) {
  const size_t columns = p.division.tile_panels * p.kernels->lanes;
  const size_t product =
      PointersBytes(p) + KernelBytes(p) + p.division.block_rows * columns * p.sum_bytes;
  const size_t row = p.form == MatMulForm::kHybrid ? p.k * (sizeof(float) + 1) : 0;
  return std::max(product, row);
}

TileCode ProductTile(const MatMulPlan& p, const TileArgs& args, TileRange tiles) {
  for (int64_t tile = tiles.begin; tile < tiles.end; ++tile) RunTile(p, args, tile);
  return TileCode::kOk;
}

}  // namespace heddle::core
