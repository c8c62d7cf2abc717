// SPDX-License-Identifier: Apache-2.0
// SVDF: every filter keeps a memory of its last products, which weights over time then sum.
#include <cmath>

#include "kernels/gemm/dot.h"
#include "kernels/operators.h"
#include "kernels/recurrent/rows.h"

namespace heddle::core {
namespace {

enum Input { kX, kFeatures, kTime, kBias, kState };

struct Svdf {
  RowMath math;
  bool integer = false, has_bias = false;
  Type time_type = Type::kFloat32;
  int32_t inputs = 0, filters = 0, memory = 0, units = 0, rank = 1;
  int64_t batch = 0;
  Matrix features;
  float time_scale = 1;  // of integer weights over time
  // Integers.
  int32_t input_zero = 0, output_zero = 0;
  Multiplier newest, summed;
};

template <class T>
void Shift(T* memory, int64_t filters, int64_t length) {
  for (int64_t f = 0; f < filters; ++f, memory += length)
    std::copy(memory + 1, memory + length, memory);
}

void FloatItem(const Svdf& p, const TileArgs& args, int64_t item) {
  auto* newest = reinterpret_cast<float*>(args.scratch);
  auto* weights = newest + p.filters;  // of one filter, as floats
  auto* room = reinterpret_cast<int8_t*>(weights + p.memory);
  float* state = StateRow<float>(args, kState, item, int64_t{p.filters} * p.memory);
  const Row x =
      p.math.Make(static_cast<const float*>(args.inputs[kX]) + item * p.inputs, p.inputs, room);
  std::fill_n(newest, p.filters, 0.0f);
  p.math.AddProduct(p.features, args, x, newest);
  Shift(state, p.filters, p.memory);
  for (int64_t f = 0; f < p.filters; ++f) state[(f + 1) * p.memory - 1] = newest[f];
  float* out = static_cast<float*>(args.outputs[0]) + item * p.units;
  for (int64_t u = 0; u < p.units; ++u) {
    float sum = p.has_bias ? static_cast<const float*>(args.inputs[kBias])[u] : 0.0f;
    for (int64_t f = u * p.rank; f < (u + 1) * p.rank; ++f) {
      const float* w = static_cast<const float*>(args.inputs[kTime]) + f * p.memory;
      if (p.time_type != Type::kFloat32) {
        const auto* q = static_cast<const int8_t*>(args.inputs[kTime]) + f * p.memory;
        for (int32_t i = 0; i < p.memory; ++i) weights[i] = static_cast<float>(q[i]) * p.time_scale;
        w = weights;
      }
      sum += Dot(w, state + f * p.memory, p.memory);
    }
    out[u] = sum;
  }
  p.math.Activate(out, p.units);
}

template <class T>
void IntegerItem(const Svdf& p, const TileArgs& args, int64_t item) {
  T* state = StateRow<T>(args, kState, item, int64_t{p.filters} * p.memory);
  const auto* x = static_cast<const int8_t*>(args.inputs[kX]) + item * p.inputs;
  const auto* features = static_cast<const int8_t*>(args.inputs[kFeatures]);
  auto* newest = reinterpret_cast<int32_t*>(args.scratch);
  const auto* weights = static_cast<const T*>(args.inputs[kTime]);
  constexpr int32_t kLow = std::numeric_limits<T>::min(), kHigh = std::numeric_limits<T>::max();
  Shift(state, p.filters, p.memory);
  p.math.products->sums(features, p.filters, p.inputs, x, p.input_zero, newest);
  for (int64_t f = 0; f < p.filters; ++f)
    state[(f + 1) * p.memory - 1] =
        static_cast<T>(std::clamp<int32_t>(Mbqm(newest[f], p.newest), kLow, kHigh));
  auto* out = static_cast<int8_t*>(args.outputs[0]) + item * p.units;
  for (int64_t u = 0; u < p.units; ++u) {
    uint32_t sum = p.has_bias ? static_cast<const int32_t*>(args.inputs[kBias])[u] : 0;
    const int64_t begin = u * p.rank * p.memory, end = (u + 1) * p.rank * p.memory;
    for (int64_t i = begin; i < end; ++i)
      sum += static_cast<uint32_t>(int32_t{weights[i]} * state[i]);
    const int64_t y = int64_t{Mbqm(static_cast<int32_t>(sum), p.summed)} + p.output_zero;
    out[u] = static_cast<int8_t>(std::clamp<int64_t>(y, -128, 127));
  }
}

// A tile is a batch item.
TileCode SvdfTile(const Svdf& p, const TileArgs& args, TileRange tiles) {
  for (int64_t item = tiles.begin; item < tiles.end; ++item) {
    if (!p.integer) {
      FloatItem(p, args, item);
    } else if (p.time_type == Type::kInt16) {
      IntegerItem<int16_t>(p, args, item);
    } else {
      IntegerItem<int8_t>(p, args, item);
    }
  }
  return TileCode::kOk;
}

class SvdfOperation final : public Operation {
 public:
  explicit SvdfOperation(Svdf svdf) : svdf_(std::move(svdf)) {}

  uint64_t WrittenInputs() const override { return uint64_t{1} << kState; }
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(const Svdf p, Sized(inputs));
    outputs[0] = {static_cast<int32_t>(p.batch), p.units};
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    HEDDLE_ASSIGN(Svdf p, Sized(inputs));
    step.macs = p.batch * p.filters * (int64_t{p.inputs} + p.memory);
    step.scratch_bytes = p.integer ? size_t{4} * p.filters
                                   : (size_t{0} + p.filters + p.memory) * sizeof(float) + p.inputs;
    step.kernel = p.integer ? "svdf_int8" : p.math.hybrid ? "svdf_hybrid" : "svdf_f32";
    const int64_t tiles = p.batch;
    const float ns =
        0.5f * static_cast<float>(step.macs) / static_cast<float>(std::max<int64_t>(1, tiles));
    SetTiled<&SvdfTile>(step, std::move(p), tiles, ns);
    return Status();
  }

 private:
  Result<Svdf> Sized(std::span<const Operand> in) const {
    Svdf p = svdf_;
    for (int i = 0; i < static_cast<int>(in.size()); ++i) HEDDLE_TRY(CheckSizes(in, i));
    const Shape &x = in[kX].shape, &features = in[kFeatures].shape, &time = in[kTime].shape;
    for (const int i : {kX, kFeatures, kTime}) {
      if (in[i].shape.rank() == 2) continue;
      return InvalidModel("input {} '{}' has shape {}, expected rank 2", i, in[i].name,
                          in[i].shape.ToString());
    }
    p.batch = x[0], p.inputs = x[1];
    p.filters = features[0], p.memory = time[1];
    if (p.memory < 1 || p.filters % p.rank != 0) {
      return InvalidModel(
          "weights '{}' and '{}' have shapes {} and {}, expected {} filters to each "
          "unit and a memory of at least 1",
          in[kFeatures].name, in[kTime].name, features.ToString(), time.ToString(), p.rank);
    }
    p.units = p.filters / p.rank;
    HEDDLE_TRY(ExpectShape(in, kFeatures, {p.filters, p.inputs}));
    HEDDLE_TRY(ExpectShape(in, kTime, {p.filters, p.memory}));
    HEDDLE_TRY(ExpectShape(in, kBias, {p.units}));
    const int64_t kept = int64_t{p.filters} * p.memory;
    if (kept > std::numeric_limits<int32_t>::max())
      return InvalidModel("weights '{}' have shape {}, which is too large", in[kTime].name,
                          time.ToString());
    HEDDLE_TRY(
        ExpectShape(in, kState, {static_cast<int32_t>(p.batch), static_cast<int32_t>(kept)}));
    p.features = {kFeatures, p.filters, in[kFeatures].quant->Scale()};
    return p;
  }

  Svdf svdf_;
};

Status SetIntegers(const MakeArgs& args, Svdf& p) {
  const std::span<const Operand> in = args.inputs;
  for (const Operand* o : {&in[kX], &in[kFeatures], &in[kTime], &in[kState], &args.outputs[0]}) {
    if (o->quant->scale.size() == 1 && o->quant->scale[0] > 0 && std::isfinite(o->quant->scale[0]))
      continue;
    return InvalidModel("'{}' has {} scales, expected 1 that is positive", o->name,
                        o->quant->scale.size());
  }
  if (p.math.activation != Activation::kRelu) {
    return Unsupported("fused activation other than relu with an int8 input");
  }
  const auto scale = [&](Input i) { return in[i].quant->Scale(); };
  p.input_zero = in[kX].quant->ZeroPoint();
  p.output_zero = args.outputs[0].quant->ZeroPoint();
  p.newest = MakeMultiplier(scale(kX) * scale(kFeatures) / scale(kState));
  p.summed = MakeMultiplier(scale(kState) * scale(kTime) / args.outputs[0].quant->Scale());
  return Status();
}

Status CheckTypes(const MakeArgs& args, const Svdf& p) {
  const std::span<const Operand> in = args.inputs;
  const Type fine = p.integer ? in[kTime].type : Type::kFloat32;
  if (p.integer && fine != Type::kInt16 && fine != Type::kInt8) {
    return Unsupported("weights '{}' are {}, expected int16 or int8", in[kTime].name,
                       TypeName(fine));
  }
  if (!p.integer) HEDDLE_TRY(ExpectType(in, kTime, in[kFeatures].type));
  HEDDLE_TRY(ExpectType(in, kBias, p.integer ? Type::kInt32 : Type::kFloat32));
  HEDDLE_TRY(ExpectType(in, kState, fine));
  if (args.outputs[0].type == in[kX].type) return Status();
  return InvalidModel("output '{}' is {}, expected {} (input)", args.outputs[0].name,
                      TypeName(args.outputs[0].type), TypeName(in[kX].type));
}

}  // namespace

MadeOperation MakeSvdf(const MakeArgs& args) {
  const std::span<const Operand> in = args.inputs;
  if (in.size() != 5) return InvalidModel("{} inputs, expected 5", in.size());
  if (args.outputs.size() != 1) return InvalidModel("{} outputs, expected 1", args.outputs.size());
  for (const int i : {kX, kFeatures, kTime, kState}) HEDDLE_TRY(ExpectPresent(in, i, "operand"));
  const auto options = args.op.OptionsOr<SvdfOptions>();
  if (options.rank < 1) return InvalidModel("rank is {}, expected at least 1", options.rank);
  HEDDLE_TRY(CheckActivation(options.activation));
  HEDDLE_ASSIGN(const WeightsKind weights, KindOfWeights(in[kX], in[kFeatures]));
  Svdf p;
  p.integer = weights == WeightsKind::kInteger;
  p.has_bias = in[kBias].present();
  p.time_type = in[kTime].type;
  p.time_scale = in[kTime].quant->Scale();
  p.rank = options.rank;
  p.math = RowMath(args, weights, options.asymmetric_inputs, options.activation);
  HEDDLE_TRY(CheckTypes(args, p));
  if (p.integer) HEDDLE_TRY(SetIntegers(args, p));
  return std::unique_ptr<Operation>(std::make_unique<SvdfOperation>(std::move(p)));
}

}  // namespace heddle::core
