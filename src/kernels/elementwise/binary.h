// SPDX-License-Identifier: Apache-2.0
// Binary element-wise operators: one broadcasting loop for all of them, given the element type and
// its arithmetic.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_BINARY_H_
#define HEDDLE_KERNELS_ELEMENTWISE_BINARY_H_

#include <limits>
#include <memory>
#include <type_traits>

#include "kernels/elementwise/broadcast.h"
#include "kernels/elementwise/bytes.h"
#include "kernels/elementwise/check.h"
#include "kernels/elementwise/element.h"
#include "kernels/operators.h"

namespace heddle::core {

template <class Element, class F>
struct BinaryParams {
  F f;
  Broadcast walk;
};

// `f` comes by value: a byte-sized output may alias anything else.
template <class Element, class F>
void BinaryRun(const F f, const Broadcast& walk, const TileArgs& args, int64_t a, int64_t b,
               int64_t out, int64_t n) {
  const void *pa = args.inputs[0], *pb = args.inputs[1];
  void* po = args.outputs[0];
  using T = typename Element::Value;
  if (walk.a_moves() && walk.b_moves()) {
    for (int64_t i = 0; i < n; ++i)
      Element::Store(po, out + i, f(Element::Load(pa, a + i), Element::Load(pb, b + i)));
  } else if (walk.a_moves()) {
    const T y = Element::Load(pb, b);
    for (int64_t i = 0; i < n; ++i) Element::Store(po, out + i, f(Element::Load(pa, a + i), y));
  } else {
    const T x = Element::Load(pa, a);
    for (int64_t i = 0; i < n; ++i) Element::Store(po, out + i, f(x, Element::Load(pb, b + i)));
  }
}

// An F with a Run of its own computes whole runs of bytes; else F computes one element.
template <class F>
concept RunsBytes = requires(const F& f, const ByteRun& run) { f.Run(run); };

template <class Element, class F>
TileCode BinaryTile(const BinaryParams<Element, F>& p, const TileArgs& args, TileRange tiles) {
  p.walk.ForRuns(tiles, [&](int64_t a, int64_t b, int64_t out, int64_t n) {
    if constexpr (RunsBytes<F>) {
      p.f.Run({static_cast<const std::byte*>(args.inputs[0]) + a,
               static_cast<const std::byte*>(args.inputs[1]) + b,
               static_cast<std::byte*>(args.outputs[0]) + out, n, p.walk.a_moves(),
               p.walk.b_moves()});
    } else {
      BinaryRun<Element>(p.f, p.walk, args, a, b, out, n);
    }
  });
  return TileCode::kOk;
}

template <class Element, class F>
class BinaryOperation final : public Operation {
 public:
  BinaryOperation(F f, float element_ns) : f_(f), element_ns_(element_ns) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    HEDDLE_ASSIGN(outputs[0], BroadcastShape(inputs[0], inputs[1]));
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    const Broadcast walk(inputs[0].shape, inputs[1].shape);
    SetTiled<&BinaryTile<Element, F>>(
        step, BinaryParams<Element, F>{f_, walk}, walk.tiles(),
        element_ns_ * static_cast<float>(std::min(walk.elements(), Broadcast::kTile)));
    step.kernel = "plain";
    if constexpr (RunsBytes<F>) step.kernel = F::kName;
    return Status();
  }

 private:
  F f_;
  float element_ns_;
};

template <class Element, class F>
MadeOperation MakeBinary(F f, float element_ns) {
  return std::unique_ptr<Operation>(std::make_unique<BinaryOperation<Element, F>>(f, element_ns));
}

// The best form of `isa`, for int8 or uint8 as input 0 is.
MadeOperation MakeBytes(const AddBytes& f, const MakeArgs& args);
MadeOperation MakeBytes(const MulBytes& f, const MakeArgs& args);

enum class Arithmetic { kAdd, kSub, kMul };

// Integers wrap; floats as IEEE 754 has them.
template <Arithmetic kind, class T>
T Compute(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    using U = std::make_unsigned_t<T>;
    const U x = static_cast<U>(a), y = static_cast<U>(b);
    if constexpr (kind == Arithmetic::kAdd) return static_cast<T>(x + y);
    if constexpr (kind == Arithmetic::kSub) return static_cast<T>(x - y);
    if constexpr (kind == Arithmetic::kMul) return static_cast<T>(x * y);
  } else {
    if constexpr (kind == Arithmetic::kAdd) return a + b;
    if constexpr (kind == Arithmetic::kSub) return a - b;
    if constexpr (kind == Arithmetic::kMul) return a * b;
  }
}

// Unquantised numbers, then the clamp of the fused activation. NaN stays.
template <Arithmetic kind, class T>
struct ComputeAndClamp {
  T lo, hi;
  T operator()(T a, T b) const {
    const T r = Compute<kind, T>(a, b);
    const T above = r < lo ? lo : r;
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

template <Arithmetic kind, class Element>
MadeOperation MakeUnquantised(const MakeArgs& args, float element_ns) {
  ComputeAndClamp<kind, typename Element::Value> f;
  ActivationBounds(args.op.OptionsOr<BinaryOptions>().activation, XnnTakesAll(args), &f.lo, &f.hi);
  return MakeBinary<Element>(f, element_ns);
}

// The types that ADD, SUB and MUL have in common; `quantised` makes the rest.
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
      return MakeUnquantised<kind, Plain<float>>(args, 0.4f);
    case Type::kFloat16:
      return MakeUnquantised<kind, Float16>(args, 3);
    case Type::kInt32:
      return MakeUnquantised<kind, Plain<int32_t>>(args, 0.5f);
    case Type::kInt64:
      return MakeUnquantised<kind, Plain<int64_t>>(args, 1);
    default:
      return others(args);
  }
}

inline int32_t AddZeroAndClamp(int32_t zero, int32_t x, IntRange range) {
  return static_cast<int32_t>(std::clamp<int64_t>(int64_t{zero} + x, range.lo, range.hi));
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_BINARY_H_
