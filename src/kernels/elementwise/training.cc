// SPDX-License-Identifier: Apache-2.0
// Operators that training and its tools leave in models: ADD_N, FAKE_QUANT, NumericVerify.
#include <algorithm>
#include <cmath>

#include "kernels/custom/flex_options.h"
#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/map.h"
#include "kernels/elementwise/types.h"
#include "kernels/quant.h"

namespace heddle::core {
namespace {

// --- ADD_N ---

struct AddNParams {
  int64_t elements;
  size_t inputs;
};

// The inputs are added in their order.
template <class T>
TileCode AddNTile(const AddNParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t begin = tiles.begin * kMapTile;
  const int64_t end = std::min(tiles.end * kMapTile, p.elements);
  T* out = static_cast<T*>(args.outputs[0]);
  std::copy(static_cast<const T*>(args.inputs[0]) + begin,
            static_cast<const T*>(args.inputs[0]) + end, out + begin);
  for (size_t k = 1; k < p.inputs; ++k) {
    const T* x = static_cast<const T*>(args.inputs[k]);
    for (int64_t i = begin; i < end; ++i) out[i] = Compute<Arithmetic::kAdd>(out[i], x[i]);
  }
  return TileCode::kOk;
}

template <class T>
class AddN final : public Operation {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    for (const Operand& o : inputs)
      if (!(o.shape == inputs[0].shape))
        return InvalidArgument("'{}' is {}, expected the shape of '{}', {}", o.name,
                               o.shape.ToString(), inputs[0].name, inputs[0].shape.ToString());
    outputs[0] = inputs[0].shape;
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    const int64_t n = inputs[0].shape.elements();
    SetTiled<&AddNTile<T>>(
        step, AddNParams{n, inputs.size()}, (n + kMapTile - 1) / kMapTile,
        0.3f * static_cast<float>(inputs.size()) * static_cast<float>(std::min(n, kMapTile)));
    step.kernel = "plain";
    return Status();
  }
};

// --- FAKE_QUANT ---

struct FakeQuant {
  float lo, hi, scale, inverse;
  float operator()(float x) const {
    const float clamped = std::min(hi, std::max(lo, x));  // NaN becomes the lower end
    return std::round((clamped - lo) * inverse) * scale + lo;
  }
};

// The range moved so that zero is one of its steps.
Result<FakeQuant> Nudge(const FakeQuantOptions& options) {
  if (options.narrow_range) return Unsupported("narrow_range, expected the full range");
  if (options.bits < 2 || options.bits > 16)
    return InvalidModel("{} bits, expected 2 to 16", options.bits);
  if (!(options.min <= 0 && options.max >= 0 && options.min < options.max) ||
      !std::isfinite(options.max - options.min))
    return InvalidModel("range {} to {}, expected one around 0", options.min, options.max);
  const float most = static_cast<float>((1 << options.bits) - 1);
  FakeQuant f;
  f.scale = (options.max - options.min) / most;
  if (!(f.scale > 0)) return InvalidModel("range {} to {} is too narrow", options.min, options.max);
  f.inverse = 1.0f / f.scale;
  const float zero = std::round(std::clamp(-options.min / f.scale, 0.0f, most));
  f.lo = -zero * f.scale;
  f.hi = (most - zero) * f.scale;
  return f;
}

// --- NumericVerify ---

struct VerifyParams {
  double scale = 1;
  int32_t zero = 0;
  float most = -1;  // differences beyond it fail the step; below zero: none does
  int64_t elements = 0;

  float Real(int32_t x) const { return static_cast<float>(scale * (x - zero)); }
  float Real(float x) const { return x; }
};

// What was computed with fewer bits, as real numbers, less what it should be.
template <class In>
TileCode VerifyTile(const VerifyParams& p, const TileArgs& args, TileRange tiles) {
  const int64_t end = std::min(tiles.end * kMapTile, p.elements);
  const float* expected = static_cast<const float*>(args.inputs[1]);
  float* out = static_cast<float*>(args.outputs[0]);
  bool far = false;
  for (int64_t i = tiles.begin * kMapTile; i < end; ++i) {
    out[i] = p.Real(In::Load(args.inputs[0], i)) - expected[i];
    far |= p.most >= 0 && std::fabs(out[i]) > p.most;
  }
  return far ? TileCode::kBadValue : TileCode::kOk;
}

template <class In>
Fault VerifyFault(const VerifyParams& p, const TileArgs& args) {
  const float* expected = static_cast<const float*>(args.inputs[1]);
  for (int64_t i = 0; i < p.elements; ++i) {
    const float real = p.Real(In::Load(args.inputs[0], i));
    if (std::fabs(real - expected[i]) > p.most)
      return {0, i, fmt::format("{}", real), fmt::format("{} within {}", expected[i], p.most)};
  }
  return {};
}

template <class In>
class NumericVerify final : public Operation {
 public:
  explicit NumericVerify(VerifyParams params) : params_(params) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    if (!(inputs[0].shape == inputs[1].shape))
      return InvalidArgument("'{}' is {}, expected the shape of '{}', {}", inputs[1].name,
                             inputs[1].shape.ToString(), inputs[0].name,
                             inputs[0].shape.ToString());
    outputs[0] = inputs[0].shape;
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    VerifyParams params = params_;
    params.elements = inputs[0].shape.elements();
    SetTiled<&VerifyTile<In>>(step, params, (params.elements + kMapTile - 1) / kMapTile,
                              static_cast<float>(std::min(params.elements, kMapTile)));
    step.fault = EraseFault<&VerifyFault<In>>();
    step.kernel = "plain";
    return Status();
  }

 private:
  VerifyParams params_;
};

}  // namespace

MadeOperation MakeAddN(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, SIZE_MAX, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, args.inputs.size()));
  return MakeForType<Type::kFloat32, Type::kInt32>(args.inputs[0], []<class E>() -> MadeOperation {
    return MadeOperation(std::make_unique<AddN<typename E::Value>>());
  });
}

MadeOperation MakeFakeQuant(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 1));
  HEDDLE_ASSIGN(const FakeQuant f, Nudge(args.op.OptionsOr<FakeQuantOptions>()));
  return MakeForType<Type::kFloat32>(args.inputs[0],
                                     [=]<class E>() { return MakeMap<E, E>(f, 1); });
}

MadeOperation MakeNumericVerify(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  const Operand& in = args.inputs[0];
  for (const Operand* o : {&args.inputs[1], &args.outputs[0]})
    if (o->type != Type::kFloat32)
      return InvalidModel("'{}' is {}, expected float32", o->name, TypeName(o->type));
  VerifyParams params;
  if (in.type != Type::kFloat16) {
    HEDDLE_TRY(CheckQuantised(in));
    params.scale = static_cast<double>(in.quant->Scale());
    params.zero = in.quant->ZeroPoint();
  }
  HEDDLE_ASSIGN(const FlexOptions options, FlexOptions::Read(args.op.custom_options));
  HEDDLE_ASSIGN(const float tolerance, options.Float("tolerance", 0));
  HEDDLE_ASSIGN(const bool fails, options.Bool("log_if_failed", false));
  if (fails && tolerance >= 0.1f) params.most = tolerance * in.quant->Scale();
  return MakeForType<Type::kInt8, Type::kUInt8, Type::kInt16, Type::kFloat16>(
      in, [&]<class E>() -> MadeOperation {
        return MadeOperation(std::make_unique<NumericVerify<E>>(params));
      });
}

}  // namespace heddle::core
