// SPDX-License-Identifier: Apache-2.0
// REDUCE_MAX, REDUCE_MIN, REDUCE_PROD of floats and wide integers, REDUCE_ANY, REDUCE_ALL: one loop
// over units for all types; what joins two elements is a function of fold.h. Where the innermost
// axis is reduced, element i of each contiguous run joins lane i mod 16, and then lane j + 8 lane
// j, j + 4, j + 2, j + 1; only `reference` multiplies floats in memory order.
#include "kernels/reduce/fold.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/movement/operands.h"
#include "kernels/operators.h"
#include "kernels/reduce/layout.h"
#include "kernels/reduce/quantised_prod.h"

namespace heddle::core {
namespace {

struct FoldParams : ReduceUnits {
  FoldFns fns;
  int64_t size = 1;  // bytes of an element
  alignas(8) std::array<std::byte, 8> identity{};
  bool lanes = true;
};

// What one accumulator or all of a block begin with.
void SetIdentity(const FoldParams& p, int64_t n, std::byte* acc) {
  for (int64_t i = 0; i < n; ++i) {
    std::memcpy(acc + i * p.size, p.identity.data(), static_cast<size_t>(p.size));
  }
}

void FoldBlock(const FoldParams& p, const std::byte* in, std::byte* out, int64_t unit) {
  alignas(64) std::byte acc[kReduceBlock * 8];
  const ReduceLayout& l = p.layout;
  const int64_t outer = unit / p.blocks, first = unit % p.blocks * kReduceBlock;
  const int64_t n = l.inner - first < kReduceBlock ? l.inner - first : kReduceBlock;
  SetIdentity(p, n, acc);
  l.ForEachRun(l.kept.Offset(outer) + first, [&](int64_t offset, int64_t rows, int64_t stride) {
    p.fns.rows(in + offset * p.size, rows, stride, n, acc);
  });
  std::memcpy(out + (outer * l.inner + first) * p.size, acc, static_cast<size_t>(n * p.size));
}

void FoldRun(const FoldParams& p, const std::byte* in, std::byte* out, int64_t unit) {
  alignas(64) std::byte acc[kFoldLanes * 8];
  const ReduceLayout& l = p.layout;
  SetIdentity(p, p.lanes ? kFoldLanes : 1, acc);
  l.ForEachRun(l.kept.Offset(unit), [&](int64_t offset, int64_t rows, int64_t stride) {
    for (int64_t r = 0; r < rows; ++r) {
      const std::byte* run = in + (offset + r * stride) * p.size;
      p.lanes ? p.fns.lanes(run, l.inner, acc) : p.fns.rows(run, l.inner, 1, 1, acc);
    }
  });
  for (int width = kFoldLanes / 2; p.lanes && width > 0; width /= 2) {
    p.fns.rows(acc + width * p.size, 1, 0, width, acc);
  }
  std::memcpy(out + unit * p.size, acc, static_cast<size_t>(p.size));
}

TileCode FoldTiles(const FoldParams& p, const TileArgs& args, TileRange tiles) {
  const std::byte* in = static_cast<const std::byte*>(args.inputs[0]);
  std::byte* out = static_cast<std::byte*>(args.outputs[0]);
  const int64_t begin = tiles.begin * p.units_per_tile;
  const int64_t end = std::min(p.units, tiles.end * p.units_per_tile);
  if (p.lanes && p.layout.of_runs()) {
    p.fns.runs(in + begin * p.layout.inner * p.size, end - begin, p.layout.inner, p.identity.data(),
               out + begin * p.size);
    return TileCode::kOk;
  }
  for (int64_t unit = begin; unit < end; ++unit) {
    p.layout.inner_kept ? FoldBlock(p, in, out, unit) : FoldRun(p, in, out, unit);
  }
  return TileCode::kOk;
}

// What a reduction is made of: chosen once, by operator and type.
struct Fold {
  FoldFns fns;
  std::array<std::byte, 8> identity{};
  bool lanes = true;
};

class FoldOperation final : public Operation {
 public:
  FoldOperation(const MakeArgs& args, const Fold& fold)
      : keep_dims_(args.op.OptionsOr<ReduceOptions>().keep_dims), fold_(fold) {}

  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const uint32_t axes, ReadReducedAxes(inputs));
    outputs[0] = ReducedShape(inputs[0].shape, axes, keep_dims_);
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override {
    HEDDLE_ASSIGN(const uint32_t axes, ReadReducedAxes(inputs));
    FoldParams p;
    static_cast<ReduceUnits&>(p) = MakeReduceUnits(inputs[0].shape, axes, outputs[0].shape);
    p.fns = fold_.fns;
    p.size = static_cast<int64_t>(TypeBytes(inputs[0].type, 1));
    p.identity = fold_.identity;
    p.lanes = fold_.lanes;
    const float rate = p.layout.inner_kept || p.lanes ? 0.15f : 1.0f;
    const float ns = 10 + rate * static_cast<float>(p.unit_elements());
    SetTiled<&FoldTiles>(step, p, p.tiles(), ns * static_cast<float>(p.units_per_tile));
    step.kernel = "reduce";
    return Status();
  }

 private:
  const bool keep_dims_;
  const Fold fold_;
};

template <class T>
Fold MakeFold(FoldFns fns, T identity) {
  Fold fold;
  fold.fns = fns;
  std::memcpy(fold.identity.data(), &identity, sizeof(identity));
  return fold;
}

// The extreme that any element replaces. As in LiteRT's kernels the reference begins at the largest
// finite float.
template <class T>
T WorstOf(const MakeArgs&, bool max) {
  using Limits = std::numeric_limits<T>;
  return max ? Limits::lowest() : Limits::max();
}
template <>
float WorstOf<float>(const MakeArgs& args, bool max) {
  using Limits = std::numeric_limits<float>;
  const float most = args.numerics == Numerics::kReference ? Limits::max() : Limits::infinity();
  return max ? -most : most;
}

Result<Fold> MinMaxFold(const MakeArgs& args, bool max) {
  const FoldKernels all = FoldKernelsFor(args.isa);
  const FoldKernels::Ordered& k = max ? all.max : all.min;
  constexpr uint16_t kHalfInfinity = 0x7C00;
  switch (args.inputs[0].type) {
    case Type::kFloat32:
      return MakeFold(k.f32, WorstOf<float>(args, max));
    case Type::kFloat16:
      return MakeFold<uint16_t>(k.f16, max ? kHalfInfinity | 0x8000 : kHalfInfinity);
    case Type::kInt8:
      return MakeFold(k.i8, WorstOf<int8_t>(args, max));
    case Type::kUInt8:
      return MakeFold(k.u8, WorstOf<uint8_t>(args, max));
    case Type::kInt16:
      return MakeFold(k.i16, WorstOf<int16_t>(args, max));
    case Type::kInt32:
      return MakeFold(k.i32, WorstOf<int32_t>(args, max));
    case Type::kInt64:
      return MakeFold(k.i64, WorstOf<int64_t>(args, max));
    default:
      return Unsupported("input '{}' is {}, expected float32, float16 or a signed or 8-bit integer",
                         args.inputs[0].name, TypeName(args.inputs[0].type));
  }
}

Result<Fold> ProdFold(const MakeArgs& args) {
  const FoldKernels k = FoldKernelsFor(args.isa);
  switch (args.inputs[0].type) {
    case Type::kFloat32: {
      Fold fold = MakeFold(k.prod_f32, 1.0f);
      fold.lanes = args.numerics == Numerics::kFast;
      return fold;
    }
    case Type::kInt32:
      return MakeFold<int32_t>(k.prod_i32, 1);
    case Type::kInt64:
      return MakeFold<int64_t>(k.prod_i64, 1);
    default:
      return Unsupported("input '{}' is {}, expected float32, int8, int16, int32 or int64",
                         args.inputs[0].name, TypeName(args.inputs[0].type));
  }
}

Status CheckReduction(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  return CheckReducedAxes(args);
}

MadeOperation MakeMinMax(const MakeArgs& args, bool max) {
  HEDDLE_TRY(CheckReduction(args));
  HEDDLE_ASSIGN(const Fold fold, MinMaxFold(args, max));
  return MadeOperation(std::make_unique<FoldOperation>(args, fold));
}

MadeOperation MakeBoolean(const MakeArgs& args, bool all) {
  HEDDLE_TRY(CheckReduction(args));
  if (args.inputs[0].type != Type::kBool) {
    return InvalidModel("input '{}' is {}, expected bool", args.inputs[0].name,
                        TypeName(args.inputs[0].type));
  }
  const FoldKernels k = FoldKernelsFor(args.isa);
  const Fold fold = all ? MakeFold<uint8_t>(k.all, 1) : MakeFold<uint8_t>(k.any, 0);
  return MadeOperation(std::make_unique<FoldOperation>(args, fold));
}

}  // namespace

MadeOperation MakeReduceMax(const MakeArgs& args) { return MakeMinMax(args, true); }

MadeOperation MakeReduceMin(const MakeArgs& args) { return MakeMinMax(args, false); }

MadeOperation MakeReduceAny(const MakeArgs& args) { return MakeBoolean(args, false); }

MadeOperation MakeReduceAll(const MakeArgs& args) { return MakeBoolean(args, true); }

MadeOperation MakeReduceProd(const MakeArgs& args) {
  HEDDLE_TRY(CheckReduction(args));
  const Type type = args.inputs[0].type;
  if (type == Type::kInt8 || type == Type::kInt16) return MakeQuantisedProd(args);
  HEDDLE_ASSIGN(const Fold fold, ProdFold(args));
  return MadeOperation(std::make_unique<FoldOperation>(args, fold));
}

}  // namespace heddle::core
