// SPDX-License-Identifier: Apache-2.0
// A function of real numbers as an operator on floats and on quantised integers.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_FUNCTION_H_
#define HEDDLE_KERNELS_ELEMENTWISE_FUNCTION_H_

#include <algorithm>
#include <cmath>
#include <memory>

#include "kernels/elementwise/float_runs.h"
#include "kernels/elementwise/map.h"
#include "kernels/elementwise/types.h"
#include "kernels/quant.h"
#include "kernels/softmax/table16.h"

namespace heddle::core {

// A function of float_runs.h as the map of a tensor.
template <class F, class In, class Out>
struct FloatRunMap {
  F f;
  FloatRunOf<F, In, Out> run;
  const char* isa;
  const char* name() const { return isa; }
  void Run(const void* in, void* out, int64_t begin, int64_t end) const {
    run(f, static_cast<const In*>(in) + begin, static_cast<Out*>(out) + begin, end - begin);
  }
};
template <class F, class In, class Out>
MadeOperation MakeFloatRun(const MakeArgs& args, F f, FloatRunOf<F, In, Out> FloatRuns::* run,
                           float plain_ns) {
  const FloatRuns runs = FloatRunsFor(args.isa);
  return MakeMap<Plain<In>, Plain<Out>>(FloatRunMap<F, In, Out>{f, runs.*run, runs.name},
                                        plain_ns / runs.speed);
}

template <class F>
MadeOperation MakeFloatFunction(const Operand& input, F f, float element_ns) {
  return MakeForType<Type::kFloat32, Type::kFloat16, Type::kBFloat16>(
      input, [=]<class E>() { return MakeMap<E, E>(f, element_ns); });
}
// The same, float32 by the instruction set's own form.
template <class F>
MadeOperation MakeFloatFunction(const MakeArgs& args, F f, FloatRunOf<F> FloatRuns::* run,
                                float plain_ns) {
  if (args.inputs[0].type == Type::kFloat32) return MakeFloatRun(args, f, run, plain_ns);
  return MakeFloatFunction(args.inputs[0], f, plain_ns);
}

// XNNPACK rounds ties to even after adding the zero point, the builtin kernels away from zero
// before.
enum class ByteRounding { kBuiltin, kXnn };

// int8 or uint8, by a table of 256. REQUIRES: both operands passed CheckQuantised.
template <class F>
MadeOperation MakeByteFunction(const MakeArgs& args, F f, ByteRounding rounding) {
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  const float scale = in.quant->Scale(), inverse = 1.0f / out.quant->Scale();
  const int32_t zero_in = in.quant->ZeroPoint();
  const float zero_out = static_cast<float>(out.quant->ZeroPoint());
  const IntRange range = RangeOf(out.type);
  const float lo = static_cast<float>(range.lo), hi = static_cast<float>(range.hi);
  return MakeByteMap(args.isa, in.type, [=](int32_t x) {
    const float y = f(static_cast<float>(x - zero_in) * scale) * inverse;
    const float q = rounding == ByteRounding::kXnn ? RoundEven(std::clamp(y + zero_out, lo, hi))
                                                   : std::clamp(std::round(y) + zero_out, lo, hi);
    return q != q ? 0 : static_cast<int32_t>(q);
  });
}

struct Function16 {
  std::shared_ptr<const Table16> table;
  int16_t operator()(int16_t x) const { return static_cast<int16_t>((*table)(x)); }
};
// REQUIRES: both operands passed CheckQuantised.
template <class F>
Function16 Tabulate16(const MakeArgs& args, F f) {
  const Quantization &in = *args.inputs[0].quant, &out = *args.outputs[0].quant;
  return {std::make_shared<const Table16>(Affine16<float>{in.Scale(), in.ZeroPoint()},
                                          Affine16<float>{out.Scale(), out.ZeroPoint()}, f)};
}
template <class F>
MadeOperation MakeFunction16(const MakeArgs& args, F f) {
  return MakeMap<Plain<int16_t>, Plain<int16_t>>(Tabulate16(args, f), 1);
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_FUNCTION_H_
