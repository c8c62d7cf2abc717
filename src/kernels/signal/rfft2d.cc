// SPDX-License-Identifier: Apache-2.0
// RFFT2D: the transform of real matrices, cut or padded with zeros to the asked size.
#include <algorithm>

#include "kernels/elementwise/check.h"
#include "kernels/movement/operands.h"
#include "kernels/operators.h"
#include "kernels/signal/fft.h"

namespace heddle::core {
namespace {

struct Rfft2dParams {
  int64_t in_height, in_width;
  int64_t height;
  Fft columns;
  RealFft rows;
};

// One tile for each matrix. Scratch: the transformed rows, then one column.
TileCode Rfft2dTiles(const Rfft2dParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t bins = p.rows.bins();
  auto* work = reinterpret_cast<Complex*>(args.scratch);
  Complex* column = work + p.height * bins;
  const int64_t height = std::min(p.in_height, p.height);
  const int64_t width = std::min(p.in_width, p.rows.size());
  for (int64_t t = tiles.begin; t < tiles.end; ++t) {
    const float* in = static_cast<const float*>(args.inputs[0]) + t * p.in_height * p.in_width;
    float* out = static_cast<float*>(args.outputs[0]) + t * p.height * bins * 2;
    std::fill(work, work + p.height * bins, Complex());
    for (int64_t y = 0; y < height; ++y) {
      std::copy(in + y * p.in_width, in + y * p.in_width + width, &work[y * bins].re);
      p.rows.Transform(work + y * bins);
    }
    for (int64_t x = 0; x < bins; ++x) {
      for (int64_t y = 0; y < p.height; ++y) column[y] = work[y * bins + x];
      p.columns.Transform(column);
      for (int64_t y = 0; y < p.height; ++y) {
        out[(y * bins + x) * 2] = static_cast<float>(column[y].re);
        out[(y * bins + x) * 2 + 1] = static_cast<float>(column[y].im);
      }
    }
  }
  return TileCode::kOk;
}

class Rfft2d final : public Operation {
 public:
  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> in, std::span<Shape> out) const override {
    if (in[0].shape.rank() < 2)
      return InvalidModel("'{}' has shape {}, expected at least 2 dimensions", in[0].name,
                          in[0].shape.ToString());
    HEDDLE_ASSIGN(const IntList size, ReadInts(in[1], "fft_length"));
    if (size.size != 2)
      return BadValue(in[1], "fft_length '{}' has {} values, expected 2", in[1].name, size.size);
    for (int i = 0; i < 2; ++i)
      if (!IsPowerOf2(size[i]) || size[i] > kMaxFft)
        return BadValue(in[1], "fft_length '{}' holds {}, expected a power of two up to {}",
                        in[1].name, size[i], kMaxFft);
    out[0] = in[0].shape;
    const int rank = out[0].rank();
    out[0][rank - 2] = static_cast<int32_t>(size[0]);
    out[0][rank - 1] = static_cast<int32_t>(size[1] / 2 + 1);
    return Status();
  }

  Status Lower(std::span<const Operand> in, std::span<const Operand>, Step& step) const override {
    const Shape& shape = in[0].shape;
    const int rank = shape.rank();
    HEDDLE_ASSIGN(const IntList size, ReadInts(in[1], "fft_length"));
    const int64_t bins = size[1] / 2 + 1;
    step.scratch_bytes = static_cast<size_t>(size[0] * bins + size[0]) * sizeof(Complex);
    SetTiled<&Rfft2dTiles>(
        step,
        Rfft2dParams{shape[rank - 2], shape[rank - 1], size[0], Fft(size[0]), RealFft(size[1])},
        shape.Product(0, rank - 2), 40 * static_cast<float>(size[0] * bins));
    step.kernel = "rfft2d";
    return Status();
  }
};

}  // namespace

MadeOperation MakeRfft2d(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  if (args.inputs[0].type != Type::kFloat32) return UnsupportedType(args.inputs[0]);
  if (args.inputs[1].type != Type::kInt32)
    return InvalidModel("fft_length '{}' is {}, expected int32", args.inputs[1].name,
                        TypeName(args.inputs[1].type));
  if (args.outputs[0].type != Type::kComplex64)
    return InvalidModel("'{}' is {}, expected complex64", args.outputs[0].name,
                        TypeName(args.outputs[0].type));
  return MadeOperation(std::make_unique<Rfft2d>());
}

}  // namespace heddle::core
