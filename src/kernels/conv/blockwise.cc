// SPDX-License-Identifier: Apache-2.0
// FULLY_CONNECTED with float32 input and int4 weights that have a scale for every block of a row.
// XNNPACK's arithmetic in both modes: LiteRT's builtin kernels have none (they ignore the block
// scales).
#include <bit>
#include <cmath>
#include <cstring>

#include "base/errors.h"
#include "base/half.h"
#include "kernels/conv/loops.h"
#include "kernels/conv/row_quantiser.h"

namespace heddle::core {
namespace {

struct BlockTables {
  std::vector<float> scales;  // [units][blocks of a row]
  std::vector<float> offset;  // [units]: times the row's zero point, what the zero point adds
};

struct BlockwiseParams {
  FcGeometry g;
  int32_t block;
  RowLayout rows;
  std::shared_ptr<const BlockTables> tables;
  Type bias_type;
  FloatEpilogue epilogue;

  const RowLayout& layout() const { return rows; }
};

int32_t Dot(const int8_t* a, const int8_t* b, int32_t n) {
  int32_t sum = 0;
  for (int32_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// One row by the filter of one unit.
float ScaledDot(const BlockwiseParams& p, const int8_t* q, QuantisedRow row, const int8_t* w,
                int32_t unit) {
  const int32_t blocks = p.g.depth / p.block;
  const float* scales = p.tables->scales.data() + int64_t{unit} * blocks;
  float sum = p.tables->offset[unit] * static_cast<float>(row.zero);
  for (int32_t b = 0; b < blocks; ++b) {
    const int32_t dot = Dot(q + b * p.block, w + b * p.block, p.block);
    sum = std::fma(static_cast<float>(int64_t{16} * dot), scales[b] / 16.0f, sum);
  }
  return sum * row.scale;
}

// A tile is a row.
TileCode BlockwiseTile(const BlockwiseParams& p, const TileArgs& args, TileRange tiles) {
  const auto* weights = reinterpret_cast<const int8_t*>(args.packed);
  auto* output = static_cast<float*>(args.outputs[0]);
  const void* bias = BiasPointer(args, p.bias_type);
  for (int64_t row = tiles.begin; row < tiles.end; ++row) {
    const int8_t* q = p.rows.values(args.shared) + row * p.g.depth;
    const QuantisedRow parameters = p.rows.parameters(args.shared)[row];
    for (int32_t c = 0; c < p.g.units; ++c) {
      const float sum = ScaledDot(p, q, parameters, weights + int64_t{c} * p.g.depth, c);
      output[row * p.g.units + c] = p.epilogue.Clamp(sum + FloatBias(bias, p.bias_type, c));
    }
  }
  return TileCode::kOk;
}

class BlockwiseForm final : public ConvOperation {
 public:
  BlockwiseForm(ConvSpec spec, const std::byte* weights, std::shared_ptr<const BlockTables> tables)
      : ConvOperation(std::move(spec)), weights_(weights), tables_(std::move(tables)) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    HEDDLE_ASSIGN(const FcGeometry g, MakeFcGeometry(spec(), inputs));
    step.packed = weights_;
    step.macs = g.macs();
    step.kernel = "plain";
    const RowLayout rows{RowScheme::kXnn, g.rows, g.depth};
    const int64_t tiles = g.units == 0 ? 0 : g.rows;
    SetTiled<&BlockwiseTile>(step,
                             BlockwiseParams{g, spec().weights_quant->block, rows, tables_,
                                             spec().bias, MakeFloatEpilogue(spec())},
                             tiles, TileNs(step.macs, tiles, 0.5f));
    PrependQuantisation<BlockwiseParams>(rows, step);
    return Status();
  }

 private:
  const std::byte* weights_;
  std::shared_ptr<const BlockTables> tables_;
};

std::shared_ptr<const BlockTables> MakeTables(const Quantization& quant, const int8_t* weights,
                                              int32_t units, int32_t depth) {
  auto tables = std::make_shared<BlockTables>();
  const int32_t blocks = depth / quant.block;
  for (int64_t unit = 0; unit < units; ++unit) {
    float sum = 0;
    for (int64_t b = unit * blocks; b < (unit + 1) * blocks; ++b) {
      Half scale;  // the file need not align them
      std::memcpy(&scale, quant.block_scale_data.data() + b * sizeof(Half), sizeof(Half));
      // XNNPACK keeps them as bfloat16.
      tables->scales.push_back(BfloatToFloat(FloatToBfloat(ToFloat(scale))));
      int32_t block_sum = 0;
      for (int32_t i = 0; i < quant.block; ++i) block_sum += weights[b * quant.block + i];
      sum += static_cast<float>(block_sum) * tables->scales.back();
    }
    tables->offset.push_back(-sum);
  }
  return tables;
}

}  // namespace

Result<std::unique_ptr<Operation>> MakeBlockwiseForm(const MakeArgs& args, ConvSpec spec,
                                                     const std::byte* weights) {
  const Quantization& quant = *spec.weights_quant;
  const Operand& operand = args.inputs[1];
  if (operand.shape.rank() != 2 || operand.shape[1] % quant.block != 0) {
    return InvalidModel(
        "weights '{}' have shape {}, expected rank 2 and rows of a multiple of {} (block)",
        operand.name, operand.shape.ToString(), quant.block);
  }
  const int32_t units = operand.shape[0], depth = operand.shape[1];
  const int64_t expected = int64_t{units} * (depth / quant.block);
  if (quant.block_scale_data.size() != TypeBytes(Type::kFloat16, expected)) {
    return InvalidModel("weights '{}' have {} bytes of block scales, expected {} float16 values",
                        operand.name, quant.block_scale_data.size(), expected);
  }
  auto tables = MakeTables(quant, reinterpret_cast<const int8_t*>(weights), units, depth);
  return std::unique_ptr<Operation>(
      std::make_unique<BlockwiseForm>(std::move(spec), weights, std::move(tables)));
}

}  // namespace heddle::core
