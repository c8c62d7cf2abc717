// SPDX-License-Identifier: Apache-2.0
// BATCH_MATMUL: both operands are brought into the layout of the packed products (kernels/gemm),
// then multiplied by them. What all three phases know.
#ifndef HEDDLE_KERNELS_MATMUL_PLAN_H_
#define HEDDLE_KERNELS_MATMUL_PLAN_H_

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/conv/fast_product.h"
#include "kernels/conv/row_quantiser.h"
#include "kernels/conv/spec.h"
#include "kernels/gemm/gemm.h"

namespace heddle::core {

enum class MatMulForm : uint8_t { kFloat, kHalf, kInt8, kHybrid, kInt16, kInt16By8 };

// Sums of stored bytes u (less the kernels' row_offset) and weights w become those of values by
//   sum(u w) - column * sum of the column's w + constant.
struct RowTerms {
  int32_t column = 0, constant = 0;
  float scale = 1;  // hybrid
};

// Batches of the output and where each operand's lie: 0 strides where an operand is repeated.
struct BatchMap {
  int rank = 0;
  std::array<int32_t, Shape::kMaxRank> size{};
  std::array<int64_t, Shape::kMaxRank> lhs{}, rhs{};

  int64_t count = 1, lhs_count = 1, rhs_count = 1;
};

// Output [batch][m][n] = lhs [batch][m][k] times rhs [batch][k][n], each maybe stored transposed.
struct MatMulPlan {
  MatMulForm form = MatMulForm::kFloat;
  int64_t m = 0, n = 0, k = 0;
  bool adj_x = false, adj_y = false;
  BatchMap batches;

  // The product.
  const GemmKernels* kernels = nullptr;
  GemmFn run = nullptr;
  Division division;           // of one batch
  std::vector<int32_t> zeros;  // what sums start from
  int64_t sum_bytes = 4;       // of a sum in scratch

  // Rows of the lhs: in place or in shared memory, padded to whole groups.
  bool rows_in_place = false;
  int64_t row_bytes = 0, groups = 0;
  size_t rows_at = 0, terms_at = 0;
  // Panels of the rhs: in shared memory or packed when the operator was made; each batch ends with
  // the sums of its columns.
  bool packed = false;
  int64_t panel_bytes = 0, rhs_bytes = 0;
  size_t panels_at = 0;

  // The epilogue.
  int32_t lhs_zero = 0, rhs_zero = 0;
  Type output = Type::kFloat32;
  IntEpilogue epilogue;
  RowScheme scheme = RowScheme::kSymmetric;  // hybrid
  const Quantization* rhs_quant = nullptr;

  int64_t lhs_rows() const { return batches.lhs_count * m; }
  int64_t rhs_panels() const { return batches.rhs_count * division.panels; }
  int64_t sums_offset() const { return division.panels * panel_bytes; }
};

// Bytes of scratch for RowTile and ProductTile.
size_t MatMulScratch(const MatMulPlan& p);

// A tile is a row of the lhs.
TileCode RowTile(const MatMulPlan& p, const TileArgs& args, TileRange tiles);
// A tile is a panel of the rhs.
TileCode PanelTile(const MatMulPlan& p, const TileArgs& args, TileRange tiles);
TileCode ProductTile(const MatMulPlan& p, const TileArgs& args, TileRange tiles);

// Writes one panel with the sums of its columns; `rhs`: the operand, `to`: of all its batches.
void PackPanel(const MatMulPlan& p, const void* rhs, int64_t panel, std::byte* to);

// Portable kernels: of float32, bytes by int8, and int16 (by int16, 64-bit sums).
extern const GemmKernels kPlainFloatGemm, kPlainIntGemm, kPlainInt16Gemm;

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_MATMUL_PLAN_H_
