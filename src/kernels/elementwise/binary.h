// SPDX-License-Identifier: Apache-2.0
// Binary element-wise operators: one broadcasting loop for all of them, given the element type and
// its arithmetic.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_BINARY_H_
#define HEDDLE_KERNELS_ELEMENTWISE_BINARY_H_

#include <limits>
#include <memory>
#include <type_traits>

#include "kernels/elementwise/arithmetic.h"
#include "kernels/elementwise/broadcast.h"
#include "kernels/elementwise/bytes.h"
#include "kernels/elementwise/check.h"
#include "kernels/elementwise/element.h"
#include "kernels/operators.h"

namespace heddle::core {

template <class F>
struct BinaryParams {
  F f;
  Broadcast<2> walk;
};

// `f` comes by value: a byte-sized output may alias anything else.
template <class A, class B, class Out, class F>
void BinaryRun(const F f, const Broadcast<2>& walk, const TileArgs& args,
               const Broadcast<2>::Indices& at, int64_t out, int64_t n) {
  const void *pa = args.inputs[0], *pb = args.inputs[1];
  void* po = args.outputs[0];
  const auto [a, b] = at;
  const auto store = [&](int64_t i, typename A::Value x, typename B::Value y) {
    Out::Store(po, out + i, static_cast<typename Out::Value>(f(x, y)));
  };
  if (walk.moves(0) && walk.moves(1)) {
    for (int64_t i = 0; i < n; ++i) store(i, A::Load(pa, a + i), B::Load(pb, b + i));
  } else if (walk.moves(0)) {
    const typename B::Value y = B::Load(pb, b);
    for (int64_t i = 0; i < n; ++i) store(i, A::Load(pa, a + i), y);
  } else {
    const typename A::Value x = A::Load(pa, a);
    for (int64_t i = 0; i < n; ++i) store(i, x, B::Load(pb, b + i));
  }
}

// An F with a Run of its own computes whole runs, and has a name; else F computes one element.
template <class F>
concept RunsPairs = requires(const F& f, const PairRun& run) { f.Run(run); };
// An F with a Check refuses values of the second operand.
template <class F, class Value>
concept ChecksSecond = requires(const F& f, Value b) { f.Check(b); };

template <class B, class F>
TileCode CheckSecond(const F& f, const void* b, int64_t begin, int64_t n) {
  if constexpr (ChecksSecond<F, typename B::Value>) {
    for (int64_t i = begin; i < begin + n; ++i) {
      const TileCode code = f.Check(B::Load(b, i));
      if (code != TileCode::kOk) return code;
    }
  }
  return TileCode::kOk;
}

constexpr int64_t kRepeated = 1024;  // elements: some copies of an operand that repeats itself

// REQUIRES: the walk has joined its repeats.
template <class T, class Out, class F>
TileCode RepeatedTile(const BinaryParams<F>& p, const TileArgs& args, TileRange tiles) {
  T copies[kRepeated];
  const T* copied = nullptr;
  int64_t filled = 0;
  const int k = p.walk.repeated();
  const int64_t period = p.walk.period();
  const T* operands[2] = {static_cast<const T*>(args.inputs[0]),
                          static_cast<const T*>(args.inputs[1])};
  p.walk.ForRuns(tiles, [&](const Broadcast<2>::Indices& at, int64_t out, int64_t n) {
    const int64_t first = out % period, most = (kRepeated - first) / period * period;
    const int64_t needed = std::min(kRepeated, first + n);
    if (copied != operands[k] + at[k] || filled < needed) {
      copied = operands[k] + at[k];
      std::copy_n(copied, period, copies);
      for (filled = period; filled < needed; filled = std::min(2 * filled, kRepeated))
        std::copy_n(copies, std::min(filled, kRepeated - filled), copies + filled);
    }
    for (int64_t i = 0; i < n; i += most) {
      const T* from[2] = {operands[0] + at[0] + i, operands[1] + at[1] + i};
      from[k] = copies + first;
      p.f.Run({from[0], from[1], static_cast<Out*>(args.outputs[0]) + out + i,
               std::min(most, n - i), true, true});
    }
  });
  return TileCode::kOk;
}

template <class A, class B, class Out, class F>
TileCode BinaryTile(const BinaryParams<F>& p, const TileArgs& args, TileRange tiles) {
  TileCode code = TileCode::kOk;
  p.walk.ForRuns(tiles, [&](const Broadcast<2>::Indices& at, int64_t out, int64_t n) {
    if constexpr (RunsPairs<F>) {
      p.f.Run({static_cast<const typename A::Value*>(args.inputs[0]) + at[0],
               static_cast<const typename B::Value*>(args.inputs[1]) + at[1],
               static_cast<typename Out::Value*>(args.outputs[0]) + out, n, p.walk.moves(0),
               p.walk.moves(1)});
    } else {
      if (code == TileCode::kOk)
        code = CheckSecond<B>(p.f, args.inputs[1], at[1], p.walk.moves(1) ? n : 1);
      if (code == TileCode::kOk) BinaryRun<A, B, Out>(p.f, p.walk, args, at, out, n);
    }
  });
  return code;
}

// REQUIRES: ChecksSecond, with a text of what it expects.
template <class B, class F>
Fault BinaryFault(const BinaryParams<F>& p, const TileArgs& args) {
  Fault fault;
  p.walk.ForRuns({0, p.walk.tiles()}, [&](const Broadcast<2>::Indices& at, int64_t, int64_t n) {
    const int64_t end = at[1] + (p.walk.moves(1) ? n : 1);
    for (int64_t i = at[1]; i < end && fault.input < 0; ++i) {
      const auto value = B::Load(args.inputs[1], i);
      if (p.f.Check(value) != TileCode::kOk)
        fault = {1, i, fmt::format("{}", value), p.f.Expected()};
    }
  });
  return fault;
}

enum class ShapeRule {
  kBroadcast,
  kFirst,  // the second operand broadcasts to the first
  kSame,
};

// What does not depend on types is compiled once.
class BinaryShapes : public Operation {
 public:
  explicit BinaryShapes(ShapeRule rule) : rule_(rule) {}
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override;

 private:
  ShapeRule rule_;
};

// What a pair's operator does, of elements of any type.
struct BinaryCode {
  TileFn tile;
  TileFn repeated;  // of a walk that has joined its repeats; nullptr: none does
  FaultFn fault;
  float element_ns;
};

// Not of the element types, which would have it compiled for each of them.
template <class F>
class BinaryOperation final : public BinaryShapes {
 public:
  BinaryOperation(F f, ShapeRule rule, const BinaryCode& code)
      : BinaryShapes(rule), f_(f), code_(code) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    Broadcast<2> walk({inputs[0].shape, inputs[1].shape});
    const bool repeats = code_.repeated != nullptr && walk.JoinRepeats();
    const int64_t most = std::min(walk.elements(), Broadcast<2>::kTile);
    step.params = std::make_shared<const BinaryParams<F>>(BinaryParams<F>{f_, walk});
    step.phases = {Phase{repeats ? code_.repeated : code_.tile, walk.tiles(),
                         code_.element_ns * static_cast<float>(most)}};
    step.fault = code_.fault;
    step.kernel = "plain";
    if constexpr (RunsPairs<F>) step.kernel = f_.name();
    return Status();
  }

 private:
  F f_;
  BinaryCode code_;
};

// out = f(a, b), each of an element type of its own.
template <class A, class B, class Out, class F>
MadeOperation MakePairs(F f, float element_ns, ShapeRule rule = ShapeRule::kBroadcast) {
  BinaryCode code{Erase<&BinaryTile<A, B, Out, F>>(), nullptr, nullptr, element_ns};
  if constexpr (RunsPairs<F>)
    code.repeated = Erase<&RepeatedTile<typename A::Value, typename Out::Value, F>>();
  if constexpr (ChecksSecond<F, typename B::Value>) code.fault = EraseFault<&BinaryFault<B, F>>();
  return std::unique_ptr<Operation>(std::make_unique<BinaryOperation<F>>(f, rule, code));
}
template <class Element, class F>
MadeOperation MakeBinary(F f, float element_ns, ShapeRule rule = ShapeRule::kBroadcast) {
  return MakePairs<Element, Element, Element>(f, element_ns, rule);
}

// A run of arithmetic.h.
template <class F>
struct KernelRun {
  F f;
  const char* isa;
  PairFn<F> run;
  const char* name() const { return isa; }
  void Run(const PairRun& r) const { run(f, r); }
};
template <class Element, class F>
MadeOperation MakeKernelRun(const ArithmeticKernels& kernels, const F& f, PairFn<F> run,
                            float plain_ns, ShapeRule rule = ShapeRule::kBroadcast) {
  return MakeBinary<Element>(KernelRun<F>{f, kernels.name, run}, plain_ns / kernels.speed, rule);
}
// A pair of floats without a fused activation.
inline MadeOperation MakeFloatPair(Isa isa, PairFn<Unbounded> ArithmeticKernels::* run,
                                   ShapeRule rule = ShapeRule::kBroadcast) {
  const ArithmeticKernels kernels = ArithmeticKernelsFor(isa);
  return MakeKernelRun<Plain<float>>(kernels, Unbounded{}, kernels.*run, 0.4f, rule);
}

// The best form of `isa`, for int8 or uint8 as input 0 is.
MadeOperation MakeBytes(const AddBytes& f, const MakeArgs& args);
MadeOperation MakeBytes(const MulBytes& f, const MakeArgs& args);

enum class Arithmetic { kAdd, kSub, kMul, kDiv };

// Integers wrap, and are not divided by zero; floats as IEEE 754 has them.
template <Arithmetic kind, class T>
T Compute(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::common_type_t<std::make_unsigned_t<T>, unsigned>;  // promotion would be signed
    const U x = static_cast<U>(a), y = static_cast<U>(b);
    if constexpr (kind == Arithmetic::kAdd) return static_cast<T>(x + y);
    if constexpr (kind == Arithmetic::kSub) return static_cast<T>(x - y);
    if constexpr (kind == Arithmetic::kMul) return static_cast<T>(x * y);
    if constexpr (kind == Arithmetic::kDiv)
      return std::is_signed_v<T> && b == T(-1) ? static_cast<T>(U{0} - x) : static_cast<T>(a / b);
  } else {
    if constexpr (kind == Arithmetic::kAdd) return a + b;
    if constexpr (kind == Arithmetic::kSub) return a - b;
    if constexpr (kind == Arithmetic::kMul) return a * b;
    if constexpr (kind == Arithmetic::kDiv) return a / b;
  }
}

// Unquantised numbers, then the clamp of the fused activation. NaN stays, or becomes the lower
// bound as XNNPACK has it for float16.
template <Arithmetic kind, class T, bool nan_stays = true>
struct ComputeAndClamp {
  T lo, hi;
  TileCode Check(T b) const
    requires(kind == Arithmetic::kDiv && std::is_integral_v<T>)
  {
    return b == 0 ? TileCode::kDivisionByZero : TileCode::kOk;
  }
  std::string Expected() const { return "any other number"; }
  T operator()(T a, T b) const {
    const T r = Compute<kind, T>(a, b);
    const T above = nan_stays ? (r < lo ? lo : r) : (r > lo ? r : lo);
    return above > hi ? hi : above;
  }
};

// The clamp of unquantised types. LiteRT's builtin float kernels make infinities the largest finite
// number, XNNPACK does not. An unsigned -1 is the largest number, as in LiteRT: RELU_N1_TO_1 of
// uint32 is always 1.
template <class T>
void ActivationBounds(Activation a, bool keep_infinity, T* lo, T* hi) {
  const FloatRange r = ActivationRange(a);
  *lo = std::isinf(r.lo) ? std::numeric_limits<T>::lowest()
                         : static_cast<T>(static_cast<int32_t>(r.lo));
  *hi = std::isinf(r.hi) ? std::numeric_limits<T>::max() : static_cast<T>(r.hi);
  if constexpr (std::is_floating_point_v<T>) {
    if (keep_infinity) *lo = r.lo, *hi = r.hi;
  }
}

template <class F>
MadeOperation MakeClamped(const MakeArgs& args, auto element, float element_ns) {
  F f;
  ActivationBounds(args.op.OptionsOr<BinaryOptions>().activation, XnnTakesAll(args), &f.lo, &f.hi);
  return MakeBinary<decltype(element)>(f, element_ns);
}

template <Arithmetic kind>
MadeOperation MakeFloat32(const MakeArgs& args) {
  const ArithmeticKernels kernels = ArithmeticKernelsFor(args.isa);
  FloatBounds bounds;
  ActivationBounds(args.op.OptionsOr<BinaryOptions>().activation, XnnTakesAll(args), &bounds.lo,
                   &bounds.hi);
  const auto run = kind == Arithmetic::kAdd   ? kernels.add_f32
                   : kind == Arithmetic::kSub ? kernels.sub_f32
                   : kind == Arithmetic::kMul ? kernels.mul_f32
                                              : kernels.div_f32;
  return MakeKernelRun<Plain<float>>(kernels, bounds, run, 0.4f);
}

template <Arithmetic kind, class Element>
MadeOperation MakeUnquantised(const MakeArgs& args, float element_ns) {
  using T = typename Element::Value;
  if constexpr (std::is_same_v<Element, Float16>) {
    // The one kernel for a float16 quotient is XNNPACK's.
    const bool xnn = kind == Arithmetic::kDiv || XnnTakesAll(args);
    if (xnn && args.op.OptionsOr<BinaryOptions>().activation != Activation::kNone)
      return MakeClamped<ComputeAndClamp<kind, T, false>>(args, Element{}, element_ns);
  }
  return MakeClamped<ComputeAndClamp<kind, T>>(args, Element{}, element_ns);
}

// The types that ADD, SUB, MUL and DIV have in common; `others` makes the rest.
template <Arithmetic kind>
MadeOperation MakeArithmetic(const MakeArgs& args, MadeOperation (*others)(const MakeArgs&)) {
  HEDDLE_TRY(CheckCounts(args, 2, 2, 1));
  HEDDLE_TRY(CheckTypesEqual(args, 0, 2));
  const Activation activation = args.op.OptionsOr<BinaryOptions>().activation;
  if (activation == Activation::kTanh || activation == Activation::kSignBit)
    return Unsupported("fused activation {}",
                       activation == Activation::kTanh ? "TANH" : "SIGN_BIT");
  switch (args.inputs[0].type) {
    case Type::kFloat32:
      return MakeFloat32<kind>(args);
    case Type::kFloat16:
      return MakeUnquantised<kind, Float16>(args, 3);
    case Type::kInt32:
      return MakeUnquantised<kind, Plain<int32_t>>(args, 0.5f);
    case Type::kInt64:
      if constexpr (kind == Arithmetic::kDiv) return others(args);
      return MakeUnquantised<kind, Plain<int64_t>>(args, 1);
    default:
      return others(args);
  }
}

inline int32_t AddZeroAndClamp(int32_t zero, int32_t x, IntRange range) {
  return static_cast<int32_t>(std::clamp<int64_t>(int64_t{zero} + x, range.lo, range.hi));
}

inline Rescale MakeRescale(double real) {
  const Multiplier k = MakeMultiplier(real);
  return {k.m, std::max(k.e, 0), std::max(-k.e, 0)};
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_BINARY_H_
