// SPDX-License-Identifier: Apache-2.0
// CAST between any two types of numbers, and BITCAST.
//
// A cast goes through one of four wide types, which hold every value of the input exactly: one
// loader for each input type and one writer for each wide and output type, where a loop for each
// pair of types would be several times as many.
#include <algorithm>
#include <limits>

#include "kernels/elementwise/map.h"
#include "kernels/elementwise/types.h"

namespace heddle::core {
namespace {

// A float outside an integer type becomes its nearest value, NaN the largest; integers wrap.
template <class To, class From>
To Convert(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    constexpr From kLo = static_cast<From>(std::numeric_limits<To>::lowest());
    constexpr From kHi = static_cast<From>(std::numeric_limits<To>::max());  // may round up
    if (x <= kLo) return std::numeric_limits<To>::lowest();
    return x < kHi ? static_cast<To>(x) : std::numeric_limits<To>::max();
  } else {
    return static_cast<To>(x);
  }
}

// What an element type widens to.
template <class Element>
struct WideOf {
  using T = typename Element::Value;
  using type = std::conditional_t<
      std::is_same_v<T, double>, double,
      std::conditional_t<
          std::is_same_v<T, float> || std::is_same_v<T, std::complex<float>>, float,
          std::conditional_t<sizeof(T) == 8 || std::is_same_v<T, uint32_t>, int64_t, int32_t>>>;
};

template <class Element, class Wide>
void LoadWide(const void* in, int64_t at, int64_t n, Wide* out) {
  for (int64_t i = 0; i < n; ++i) {
    const auto x = Element::Load(in, at + i);
    if constexpr (std::is_same_v<decltype(x), const std::complex<float>>) {
      out[i] = x.real();
    } else {
      out[i] = static_cast<Wide>(x);
    }
  }
}

// Packed types are narrower than their Value.
template <int bits, bool is_signed, class Wide>
int8_t ConvertPacked(Wide x) {
  constexpr Wide kLo = is_signed ? -(1 << (bits - 1)) : 0;
  constexpr Wide kHi = (1 << (is_signed ? bits - 1 : bits)) - 1;
  if constexpr (std::is_floating_point_v<Wide>) {
    if (x <= kLo) return static_cast<int8_t>(kLo);
    return x < kHi ? static_cast<int8_t>(x) : static_cast<int8_t>(kHi);
  } else {
    return static_cast<int8_t>(x);
  }
}

template <class Element>
struct Writer {
  template <class Wide>
  static auto Value(Wide x) {
    using T = typename Element::Value;
    if constexpr (std::is_same_v<T, std::complex<float>>) {
      return T(static_cast<float>(x), 0);
    } else {
      return Convert<T>(x);
    }
  }
};
template <int bits, bool is_signed>
struct Writer<Packed<bits, is_signed>> {
  template <class Wide>
  static int8_t Value(Wide x) {
    return ConvertPacked<bits, is_signed>(x);
  }
};

template <class Element, class Wide>
void StoreWide(const Wide* in, void* out, int64_t at, int64_t n) {
  for (int64_t i = 0; i < n; ++i) Element::Store(out, at + i, Writer<Element>::Value(in[i]));
}

constexpr int64_t kChunk = 512;  // elements: whole bytes of packed types

template <class Wide>
struct CastParams {
  void (*load)(const void* in, int64_t at, int64_t n, Wide* out);
  void (*store)(const Wide* in, void* out, int64_t at, int64_t n);
  int64_t elements;
};

template <class Wide>
TileCode CastTile(const CastParams<Wide>& p, const TileArgs& args, TileRange tiles) {
  Wide wide[kChunk];
  const int64_t end = std::min(tiles.end * kMapTile, p.elements);
  for (int64_t at = tiles.begin * kMapTile; at < end; at += kChunk) {
    const int64_t n = std::min(kChunk, end - at);
    p.load(args.inputs[0], at, n, wide);
    p.store(wide, args.outputs[0], at, n);
  }
  return TileCode::kOk;
}

class SameShape : public Operation {
 public:
  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    outputs[0] = inputs[0].shape;
    return Status();
  }
};

template <class Wide>
class Cast final : public SameShape {
 public:
  explicit Cast(CastParams<Wide> params) : params_(params) {}

  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    CastParams<Wide> params = params_;
    params.elements = inputs[0].shape.elements();
    SetTiled<&CastTile<Wide>>(step, params, (params.elements + kMapTile - 1) / kMapTile,
                              static_cast<float>(std::min(params.elements, kMapTile)));
    step.kernel = "plain";
    return Status();
  }

 private:
  CastParams<Wide> params_;
};

class Alias final : public SameShape {
 public:
  Status Lower(std::span<const Operand>, std::span<const Operand>, Step& step) const override {
    step.kind = StepKind::kAlias;
    step.kernel = "view";
    return Status();
  }
};

template <class Make>
MadeOperation MakeForNumber(const Operand& operand, Make make) {
  return MakeForType<Type::kFloat32, Type::kInt32, Type::kUInt8, Type::kInt64, Type::kBool,
                     Type::kInt8, Type::kFloat16, Type::kInt16, Type::kBFloat16, Type::kFloat64,
                     Type::kUInt32, Type::kUInt16, Type::kComplex64, Type::kInt4, Type::kUInt4,
                     Type::kInt2>(operand, make);
}

// --- BITCAST ---

// The same bytes: a wider type takes up the last axis, a narrower one adds it.
class Bitcast final : public Operation {
 public:
  Bitcast(int32_t from, int32_t to) : from_(from), to_(to) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    Shape shape = inputs[0].shape;
    if (from_ > to_) HEDDLE_TRY(AppendDim(shape, from_ / to_));
    if (from_ < to_) {
      const int last = shape.rank() - 1;
      if (last < 0 || shape[last] != to_ / from_)
        return InvalidArgument("'{}' is {}, expected a last axis of {} (bytes of the output type)",
                               inputs[0].name, shape.ToString(), to_ / from_);
      shape = Shape(shape.dims().first(static_cast<size_t>(last)));
    }
    outputs[0] = shape;
    return Status();
  }
  Status Lower(std::span<const Operand>, std::span<const Operand>, Step& step) const override {
    step.kind = StepKind::kAlias;
    step.kernel = "view";
    return Status();
  }

 private:
  int32_t from_, to_;  // bytes of an element
};

}  // namespace

MadeOperation MakeCast(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  const Operand &in = args.inputs[0], &out = args.outputs[0];
  return MakeForNumber(in, [&]<class In>() -> MadeOperation {
    if (in.type == out.type) return MadeOperation(std::make_unique<Alias>());
    using Wide = typename WideOf<In>::type;
    return MakeForNumber(out, [&]<class Out>() -> MadeOperation {
      return MadeOperation(std::make_unique<Cast<Wide>>(
          CastParams<Wide>{&LoadWide<In, Wide>, &StoreWide<Out, Wide>, 0}));
    });
  });
}

MadeOperation MakeBitcast(const MakeArgs& args) {
  HEDDLE_TRY(CheckCounts(args, 1, 1, 1));
  for (const Operand* o : {&args.inputs[0], &args.outputs[0]})
    if (TypeBits(o->type) < 8) return UnsupportedType(*o);
  return MadeOperation(
      std::make_unique<Bitcast>(static_cast<int32_t>(TypeBits(args.inputs[0].type) / 8),
                                static_cast<int32_t>(TypeBits(args.outputs[0].type) / 8)));
}

}  // namespace heddle::core
