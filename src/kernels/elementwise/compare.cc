// SPDX-License-Identifier: Apache-2.0
// EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL.
#include <functional>
#include <string_view>

#include "kernels/elementwise/binary.h"
#include "kernels/elementwise/types.h"
#include "kernels/movement/strings.h"
#include "kernels/quant.h"

namespace heddle::core {
namespace {

struct String {
  using Value = std::string_view;
  static std::string_view Load(const void* p, int64_t i) {
    const StringTensor strings(p);
    return {reinterpret_cast<const char*>(strings.bytes(i)),
            static_cast<size_t>(strings.length(i))};
  }
};

using FloatRun = PairFn<Unbounded> ArithmeticKernels::*;

// Half floats by their bits: no thread that flushes denormals takes them for zeros.
template <class F>
struct Compare {
  template <class T>
  bool operator()(T a, T b) const {
    return F{}(a, b);
  }
  bool operator()(float a, float b) const {
    const bool ordered = F{}(FloatKey(a), FloatKey(b));
    return a != a || b != b ? std::is_same_v<F, std::not_equal_to<>> : ordered;
  }
};

// Both operands on a scale of 2^-8, rounded.
template <class T, class F>
struct CompareScaled {
  int32_t zero_a, zero_b;
  Multiplier ka, kb;
  bool operator()(T a, T b) const {
    return F{}(Mbqm((a - zero_a) * (1 << 8), ka), Mbqm((b - zero_b) * (1 << 8), kb));
  }
};

template <class T, class F>
MadeOperation MakeScaled(const MakeArgs& args) {
  const Operand &a = args.inputs[0], &b = args.inputs[1];
  HEDDLE_TRY(CheckQuantised({&a, &b}));
  return MakePairs<Plain<T>, Plain<T>, Bool>(
      CompareScaled<T, F>{a.quant->ZeroPoint(), b.quant->ZeroPoint(),
                          MakeMultiplier(static_cast<double>(a.quant->Scale())),
                          MakeMultiplier(static_cast<double>(b.quant->Scale()))},
      4);
}

template <class F, Type... more>
MadeOperation MakeComparison(const MakeArgs& args, bool scales_int16, FloatRun run) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  const Operand &a = args.inputs[0], &b = args.inputs[1], &out = args.outputs[0];
  if (a.type != b.type)
    return InvalidModel("input '{}' is {}, expected {} (type of '{}')", b.name, TypeName(b.type),
                        TypeName(a.type), a.name);
  if (out.type != Type::kBool)
    return InvalidModel("output '{}' is {}, expected bool", out.name, TypeName(out.type));
  if (a.quant->quantised() && b.quant->quantised()) {
    if (a.type == Type::kInt8) return MakeScaled<int8_t, F>(args);
    if (a.type == Type::kUInt8) return MakeScaled<uint8_t, F>(args);
    if (a.type == Type::kInt16 && scales_int16) return MakeScaled<int16_t, F>(args);
  }
  if (a.type == Type::kFloat32) {
    const ArithmeticKernels kernels = ArithmeticKernelsFor(args.isa);
    return MakePairs<Plain<float>, Plain<float>, Bool>(
        KernelRun<Unbounded>{{}, kernels.name, kernels.*run}, 0.5f / kernels.speed);
  }
  return MakeForType<Type::kInt32, Type::kInt64, Type::kFloat16, Type::kInt16, Type::kInt8,
                     Type::kUInt8, more...>(
      a, []<class E>() { return MakePairs<E, E, Bool>(Compare<F>{}, 0.5f); });
}

template <class F>
MadeOperation MakeEquality(const MakeArgs& args, FloatRun run) {
  if (args.inputs.size() == 2 && args.inputs[0].type == Type::kString &&
      args.inputs[1].type == Type::kString)
    return MakePairs<String, String, Bool>(F{}, 20);
  return MakeComparison<F, Type::kBool>(args, true, run);
}
// The order of int16 is that of the stored numbers, whatever their scales.
template <class F>
MadeOperation MakeOrder(const MakeArgs& args, FloatRun run) {
  return MakeComparison<F, Type::kBFloat16>(args, false, run);
}

}  // namespace

MadeOperation MakeEqual(const MakeArgs& args) {
  return MakeEquality<std::equal_to<>>(args, &ArithmeticKernels::equal_f32);
}
MadeOperation MakeNotEqual(const MakeArgs& args) {
  return MakeEquality<std::not_equal_to<>>(args, &ArithmeticKernels::not_equal_f32);
}
MadeOperation MakeLess(const MakeArgs& args) {
  return MakeOrder<std::less<>>(args, &ArithmeticKernels::less_f32);
}
MadeOperation MakeLessEqual(const MakeArgs& args) {
  return MakeOrder<std::less_equal<>>(args, &ArithmeticKernels::less_equal_f32);
}
MadeOperation MakeGreater(const MakeArgs& args) {
  return MakeOrder<std::greater<>>(args, &ArithmeticKernels::greater_f32);
}
MadeOperation MakeGreaterEqual(const MakeArgs& args) {
  return MakeOrder<std::greater_equal<>>(args, &ArithmeticKernels::greater_equal_f32);
}

}  // namespace heddle::core
