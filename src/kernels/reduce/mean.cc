// SPDX-License-Identifier: Apache-2.0
// MEAN and SUM, which divides by one. The order of float sums is fixed: where the innermost axis is
// kept (the mean over H and W of NHWC), each output adds its elements in memory order, in both
// numerics, and the loop runs over outputs. Where it is reduced, `reference` adds in memory order
// too; `fast` adds element i of each contiguous run to lane i mod 16, and then lane j + 8 to lane
// j, j + 4, j + 2, j + 1.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/movement/operands.h"
#include "kernels/operators.h"
#include "kernels/quant.h"
#include "kernels/reduce/layout.h"
#include "kernels/reduce/sums.h"

namespace heddle::core {
namespace {

struct MeanParams : ReduceUnits {
  int64_t divisor = 1;  // how many elements make one output; of SUM always 1
  bool lanes = false;
  bool multiplies = false;  // float: times 1/divisor, as XNNPACK; else divided
  // Quantised, builtin kernels: (sum - count * zero) * k + out_zero.
  Multiplier k;
  int64_t zero_sum = 0;
  int32_t out_zero = 0;
  // Quantised, XNNPACK: nearest even of sum * scale + offset.
  float scale = 0, offset = 0;
};

// What a tile reads: T decides which of the sums.
template <class T>
struct TypedParams : MeanParams {
  SumFns<T> sums;
};

struct FinishFloat {
  template <class T>
  static void Run(const MeanParams& p, float sum, T* out) {
    const float divisor = static_cast<float>(p.divisor);
    *out = static_cast<T>(p.multiplies ? sum * (1.0f / divisor) : sum / divisor);
  }
};
struct FinishInt {
  template <class T, class S>
  static void Run(const MeanParams& p, S sum, T* out) {
    *out = p.divisor == 0 ? T{} : static_cast<T>(static_cast<int64_t>(sum) / p.divisor);
  }
};
struct FinishBuiltin {
  template <class T, class S>
  static void Run(const MeanParams& p, S sum, T* out) {
    using Limits = std::numeric_limits<T>;
    using Wide = std::numeric_limits<int32_t>;
    const int64_t shifted = std::clamp<int64_t>(sum - p.zero_sum, Wide::min(), Wide::max());
    const int64_t q = int64_t{Mbqm(static_cast<int32_t>(shifted), p.k)} + p.out_zero;
    *out =
        p.divisor == 0 ? T{} : static_cast<T>(std::clamp<int64_t>(q, Limits::min(), Limits::max()));
  }
};
struct FinishXnn {
  template <class T, class S>
  static void Run(const MeanParams& p, S sum, T* out) {
    using Limits = std::numeric_limits<T>;
    const float scaled = static_cast<float>(sum) * p.scale;
    const float q = std::min(std::max(static_cast<float>(Limits::min()), scaled + p.offset),
                             static_cast<float>(Limits::max()));
    constexpr float kShift = 0x1.8p23f;  // adding it rounds: the sum has no fraction bits
    *out = static_cast<T>(static_cast<int32_t>((q + kShift) - kShift));
  }
};

// Sums of the `n` outputs that begin at `base`, side by side.
template <class T>
void SumBlock(const TypedParams<T>& p, const T* in, int64_t base, int64_t n, Sum<T>* sums) {
  std::fill_n(sums, n, Sum<T>{});
  p.layout.ForEachRun(base, [&](int64_t offset, int64_t rows, int64_t stride) {
    p.sums.rows(in + offset, rows, stride, n, sums);
  });
}

template <class T>
Sum<T> SumRuns(const TypedParams<T>& p, const T* in, int64_t base) {
  Sum<T> sum{};
  p.layout.ForEachRun(base, [&](int64_t offset, int64_t rows, int64_t stride) {
    for (int64_t r = 0; r < rows; ++r) p.sums.run(in + offset + r * stride, p.layout.inner, &sum);
  });
  return sum;
}

template <class T>
float SumLanes(const TypedParams<T>& p, const T* in, int64_t base) {
  float lane[kSumLanes] = {};
  p.layout.ForEachRun(base, [&](int64_t offset, int64_t rows, int64_t stride) {
    for (int64_t r = 0; r < rows; ++r) p.sums.lanes(in + offset + r * stride, p.layout.inner, lane);
  });
  for (int width = kSumLanes / 2; width > 0; width /= 2) {
    for (int j = 0; j < width; ++j) lane[j] += lane[j + width];
  }
  return lane[0];
}

template <class T, class Finish>
void MeanUnit(const TypedParams<T>& p, const T* in, T* out, int64_t unit) {
  const ReduceLayout& l = p.layout;
  if (l.inner_kept) {
    const int64_t outer = unit / p.blocks, first = unit % p.blocks * kReduceBlock;
    const int64_t n = std::min(kReduceBlock, l.inner - first);
    Sum<T> sums[kReduceBlock];
    SumBlock(p, in, l.kept.Offset(outer) + first, n, sums);
    for (int64_t c = 0; c < n; ++c) Finish::Run(p, sums[c], out + outer * l.inner + first + c);
    return;
  }
  const int64_t base = l.kept.Offset(unit);
  if constexpr (std::is_same_v<Sum<T>, float>) {
    if (p.lanes) return Finish::Run(p, SumLanes(p, in, base), out + unit);
  }
  Finish::Run(p, SumRuns(p, in, base), out + unit);
}

// REQUIRES: the layout is of_runs.
template <class T, class Finish>
void MeanOfRuns(const TypedParams<T>& p, const T* in, T* out, int64_t begin, int64_t end) {
  float sums[kReduceBlock];
  for (; begin < end; begin += kReduceBlock) {
    const int64_t n = std::min(kReduceBlock, end - begin);
    p.sums.run_lanes(in + begin * p.layout.inner, n, p.layout.inner, sums);
    for (int64_t i = 0; i < n; ++i) Finish::Run(p, sums[i], out + begin + i);
  }
}

template <class T, class Finish>
TileCode MeanTiles(const TypedParams<T>& p, const TileArgs& args, TileRange tiles) {
  const T* in = static_cast<const T*>(args.inputs[0]);
  T* out = static_cast<T*>(args.outputs[0]);
  const int64_t begin = tiles.begin * p.units_per_tile;
  const int64_t end = std::min(p.units, tiles.end * p.units_per_tile);
  if constexpr (std::is_same_v<Sum<T>, float>) {
    if (p.lanes && p.layout.of_runs()) {
      MeanOfRuns<T, Finish>(p, in, out, begin, end);
      return TileCode::kOk;
    }
  }
  for (int64_t unit = begin; unit < end; ++unit) MeanUnit<T, Finish>(p, in, out, unit);
  return TileCode::kOk;
}

class Mean final : public Operation {
 public:
  Mean(const MakeArgs& args, bool divides)
      : divides_(divides),
        keep_dims_(args.op.OptionsOr<ReduceOptions>().keep_dims),
        numerics_(args.numerics),
        kernels_(SumKernelsFor(args.isa)) {}

  uint32_t ValueInputs() const override { return 2; }

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const uint32_t axes, ReadReducedAxes(inputs));
    outputs[0] = ReducedShape(inputs[0].shape, axes, keep_dims_);
    return Status();
  }

  Status Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
               Step& step) const override;

 private:
  bool ByXnn(std::span<const Operand> inputs, const Operand& output) const;
  static Status SetQuantisation(const Operand& input, const Operand& output, MeanParams& p);

  template <class T, class Finish>
  static void Set(const MeanParams& p, SumFns<T> sums, const char* name, Step& step) {
    const float rate =
        p.layout.inner_kept || p.lanes || !std::is_same_v<Sum<T>, float> ? 0.15f : 1.0f;
    const float ns = 10 + rate * static_cast<float>(p.unit_elements());
    SetTiled<&MeanTiles<T, Finish>>(step, TypedParams<T>{p, sums}, p.tiles(),
                                    ns * static_cast<float>(p.units_per_tile));
    step.kernel = name;
  }

  template <class T>
  static void SetQuantised(const MeanParams& p, SumFns<T> sums, bool xnn, const char* name,
                           Step& step) {
    xnn ? Set<T, FinishXnn>(p, sums, name, step) : Set<T, FinishBuiltin>(p, sums, name, step);
  }

  bool divides_;
  bool keep_dims_;
  Numerics numerics_;
  SumKernels kernels_;
};

bool Mean::ByXnn(std::span<const Operand> inputs, const Operand& output) const {
  const Operand& axes = inputs[1];
  const int64_t count = axes.shape.elements();
  return numerics_ == Numerics::kFast && axes.constant && axes.shape.rank() <= 1 && count >= 1 &&
         count <= 6 && inputs[0].shape.rank() > 0 && XnnTakes(inputs[0]) && XnnTakes(output);
}

Status Mean::SetQuantisation(const Operand& input, const Operand& output, MeanParams& p) {
  const float in_scale = input.quant->Scale(), out_scale = output.quant->Scale();
  if (!(in_scale > 0) || !(out_scale > 0)) {
    return InvalidModel("input '{}' has scale {} and output '{}' {}, expected positive ones",
                        input.name, in_scale, output.name, out_scale);
  }
  const int64_t count = p.layout.count;
  if (input.type != Type::kInt16 && count > 1 << 23) {
    return Unsupported("{} elements make one output, expected at most 2^23 of type {}", count,
                       TypeName(input.type));
  }
  const int32_t zero = input.quant->ZeroPoint();
  if (input.type == Type::kInt16 && (zero != 0 || output.quant->ZeroPoint() != 0)) {
    return InvalidModel("input '{}' has zero point {} and output '{}' {}, expected 0 of type int16",
                        input.name, zero, output.name, output.quant->ZeroPoint());
  }
  p.zero_sum = count * zero;
  p.out_zero = output.quant->ZeroPoint();
  // The builtin kernels fold 1/divisor into the multiplier, with as many more bits as that takes.
  p.k = MakeMultiplier(static_cast<double>(in_scale) / static_cast<double>(out_scale));
  if (p.divisor > 0) {
    const int log2 = 63 - __builtin_clzll(static_cast<uint64_t>(p.divisor));
    const int shift = std::min({log2, 32, 31 + p.k.e});
    p.k.m = static_cast<int32_t>((int64_t{p.k.m} << shift) / p.divisor);
    p.k.e -= shift;
  }
  // XNNPACK folds the zero points into an offset.
  p.scale = in_scale / out_scale * (1.0f / static_cast<float>(p.divisor));
  const float zeros = static_cast<float>(p.zero_sum) * p.scale;
  p.offset = static_cast<float>(p.out_zero) - zeros;
  return Status();
}

Status Mean::Lower(std::span<const Operand> inputs, std::span<const Operand> outputs,
                   Step& step) const {
  HEDDLE_ASSIGN(const uint32_t axes, ReadReducedAxes(inputs));
  const Operand& input = inputs[0];
  const bool xnn = ByXnn(inputs, outputs[0]);
  MeanParams p;
  static_cast<ReduceUnits&>(p) = MakeReduceUnits(input.shape, axes, outputs[0].shape);
  p.divisor = divides_ ? p.layout.count : 1;
  p.lanes = numerics_ == Numerics::kFast;
  p.multiplies = xnn;
  switch (input.type) {
    case Type::kFloat32:
      Set<float, FinishFloat>(p, kernels_.f32, "sum_f32", step);
      return Status();
    case Type::kFloat16:
      Set<_Float16, FinishFloat>(p, kernels_.f16, "sum_f16", step);
      return Status();
    case Type::kInt32:
      Set<int32_t, FinishInt>(p, kernels_.i32, "sum_i32", step);
      return Status();
    case Type::kInt64:
      Set<int64_t, FinishInt>(p, kernels_.i64, "sum_i64", step);
      return Status();
    default:
      break;
  }
  HEDDLE_TRY(SetQuantisation(input, outputs[0], p));
  switch (input.type) {
    case Type::kInt8:
      SetQuantised<int8_t>(p, kernels_.i8, xnn, "sum_i8", step);
      return Status();
    case Type::kUInt8:
      SetQuantised<uint8_t>(p, kernels_.u8, xnn, "sum_u8", step);
      return Status();
    default:
      Set<int16_t, FinishBuiltin>(p, kernels_.i16, "sum_i16", step);
      return Status();
  }
}

MadeOperation MakeMeanOrSum(const MakeArgs& args, bool divides) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_TRY(CheckReducedAxes(args));
  switch (args.inputs[0].type) {
    case Type::kFloat32:
    case Type::kFloat16:
    case Type::kInt8:
    case Type::kUInt8:
    case Type::kInt16:
    case Type::kInt32:
    case Type::kInt64:
      return MadeOperation(std::make_unique<Mean>(args, divides));
    default:
      return Unsupported("input '{}' is {}, expected float32, float16 or a signed or 8-bit integer",
                         args.inputs[0].name, TypeName(args.inputs[0].type));
  }
}

}  // namespace

MadeOperation MakeMean(const MakeArgs& args) { return MakeMeanOrSum(args, true); }

MadeOperation MakeSum(const MakeArgs& args) { return MakeMeanOrSum(args, false); }

}  // namespace heddle::core
