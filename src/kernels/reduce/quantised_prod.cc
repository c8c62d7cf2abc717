// SPDX-License-Identifier: Apache-2.0
// REDUCE_PROD of quantised tensors: every product is scaled back before the next, by the n-th part
// of what n elements ask for, so the order is the memory's.
#include "kernels/reduce/quantised_prod.h"

#include <algorithm>
#include <limits>

#include "kernels/elementwise/check.h"
#include "kernels/math.h"
#include "kernels/reduce/layout.h"

namespace heddle::core {
namespace {

struct ProdParams : ReduceUnits {
  Multiplier k;
  int32_t in_zero = 0, out_zero = 0;
  int32_t empty = 0;  // one, quantised: the product of nothing
};

template <class T>
T Product(const ProdParams& p, const T* in, int64_t base) {
  using Limits = std::numeric_limits<T>;
  if (p.layout.count == 0) return static_cast<T>(p.empty);
  const int64_t run = p.layout.inner_kept ? 1 : p.layout.inner;
  int64_t product = 0;
  bool first = true;
  p.layout.ForEachRun(base, [&](int64_t offset, int64_t rows, int64_t stride) {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < run; ++i) {
        const int64_t x = int64_t{in[offset + r * stride + i]} - p.in_zero;
        product = first ? x : Mbqm64(product * x, p.k);
        first = false;
      }
    }
  });
  const int64_t q = int64_t{Mbqm64(product, p.k)} + p.out_zero;
  return static_cast<T>(std::clamp<int64_t>(q, Limits::min(), Limits::max()));
}

template <class T>
TileCode ProdTiles(const ProdParams& p, const TileArgs& args, TileRange tiles) {
  const T* in = static_cast<const T*>(args.inputs[0]);
  T* out = static_cast<T*>(args.outputs[0]);
  const ReduceLayout& l = p.layout;
  const int64_t end = std::min(p.units, tiles.end * p.units_per_tile);
  for (int64_t unit = tiles.begin * p.units_per_tile; unit < end; ++unit) {
    if (!l.inner_kept) {
      out[unit] = Product(p, in, l.kept.Offset(unit));
      continue;
    }
    const int64_t outer = unit / p.blocks, first = unit % p.blocks * kReduceBlock;
    const int64_t n = std::min(kReduceBlock, l.inner - first), base = l.kept.Offset(outer) + first;
    for (int64_t c = 0; c < n; ++c) out[outer * l.inner + first + c] = Product(p, in, base + c);
  }
  return TileCode::kOk;
}

class QuantisedProd final : public Operation {
 public:
  explicit QuantisedProd(const MakeArgs& args)
      : keep_dims_(args.op.OptionsOr<ReduceOptions>().keep_dims) {}

  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const uint32_t axes, ReadReducedAxes(inputs));
    outputs[0] = ReducedShape(inputs[0].shape, axes, keep_dims_);
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_ASSIGN(const uint32_t axes, ReadReducedAxes(inputs));
    const Quantization &in = *inputs[0].quant, &out = *outputs[0].quant;
    ProdParams p;
    static_cast<ReduceUnits&>(p) = MakeReduceUnits(inputs[0].shape, axes, outputs[0].shape);
    const double out_scale = static_cast<double>(out.Scale());
    const double count = static_cast<double>(std::max<int64_t>(1, p.layout.count));
    // The n-th root of the output's scale.
    const double root = count == 1 ? out_scale : Exp(Log(out_scale) / count);
    p.k = MakeMultiplier(static_cast<double>(in.Scale()) / root);
    p.in_zero = in.ZeroPoint();
    p.out_zero = out.ZeroPoint();
    const IntRange range = RangeOf(outputs[0].type);
    p.empty = static_cast<int32_t>(
        std::clamp<int64_t>(RoundHalfAway(1 / out_scale) + p.out_zero, range.lo, range.hi));
    const float ns =
        (10 + 3 * static_cast<float>(p.unit_elements())) * static_cast<float>(p.units_per_tile);
    if (inputs[0].type == Type::kInt8) {
      SetTiled<&ProdTiles<int8_t>>(step, p, p.tiles(), ns);
    } else {
      SetTiled<&ProdTiles<int16_t>>(step, p, p.tiles(), ns);
    }
    step.kernel = "reduce_quantised";
    return Status();
  }

 private:
  const bool keep_dims_;
};

}  // namespace

MadeOperation MakeQuantisedProd(const MakeArgs& args) {
  HEDDLE_TRY(CheckQuantised({&args.inputs[0], &args.outputs[0]}));
  return MadeOperation(std::make_unique<QuantisedProd>(args));
}

}  // namespace heddle::core
