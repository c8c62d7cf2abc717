// SPDX-License-Identifier: Apache-2.0
// Unary element-wise operators: one loop for all of them, given how elements are read, written and
// computed.
#ifndef HEDDLE_KERNELS_ELEMENTWISE_MAP_H_
#define HEDDLE_KERNELS_ELEMENTWISE_MAP_H_

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "kernels/elementwise/byte_table.h"
#include "kernels/elementwise/element.h"
#include "kernels/operators.h"

namespace heddle::core {

constexpr int64_t kMapTile = 4096;  // elements; whole bytes of packed types

// out[i] = f(in[i]) for the whole groups of `group` elements, tail(in[i]) for the rest: LiteRT's
// vector loops round otherwise than their remainders.
template <class F, class Tail>
struct MapParams {
  F f;
  Tail tail;
  int64_t body = 0;
  int64_t elements = 0;
};

// f(in[i]) to the end.
struct NoTail {};

// An F with a Run of its own computes whole runs, and has a name; else F computes one element.
template <class F>
concept RunsMap =
    requires(const F& f, const void* in, void* out, int64_t i) { f.Run(in, out, i, i); };

// `f` comes by value: a byte-sized output may alias anything else.
template <class In, class Out, class F>
void MapRun(const F f, const void* in, void* out, int64_t begin, int64_t end) {
  if constexpr (RunsMap<F>) {
    f.Run(in, out, begin, end);
  } else {
    for (int64_t i = begin; i < end; ++i)
      Out::Store(out, i, static_cast<typename Out::Value>(f(In::Load(in, i))));
  }
}

// An F with a Check refuses values.
template <class F, class Value>
concept ChecksValue = requires(const F& f, Value x) { f.Check(x); };

template <class In, class F>
TileCode MapCheck(const F& f, const void* in, int64_t begin, int64_t end) {
  if constexpr (ChecksValue<F, typename In::Value>) {
    for (int64_t i = begin; i < end; ++i) {
      const TileCode code = f.Check(In::Load(in, i));
      if (code != TileCode::kOk) return code;
    }
  }
  return TileCode::kOk;
}

// REQUIRES: ChecksValue, with a text of what it expects.
template <class In, class F, class Tail>
Fault MapFault(const MapParams<F, Tail>& p, const TileArgs& args) {
  for (int64_t i = 0; i < p.elements; ++i) {
    const auto value = In::Load(args.inputs[0], i);
    if (p.f.Check(value) != TileCode::kOk) return {0, i, fmt::format("{}", value), p.f.Expected()};
  }
  return {};
}

template <class In, class Out, class F, class Tail>
TileCode MapTile(const MapParams<F, Tail>& p, const TileArgs& args, TileRange tiles) {
  const int64_t begin = tiles.begin * kMapTile;
  const int64_t end = std::min(tiles.end * kMapTile, p.elements);
  const TileCode code = MapCheck<In>(p.f, args.inputs[0], begin, end);
  if (code != TileCode::kOk) return code;
  if constexpr (std::is_same_v<Tail, NoTail>) {
    MapRun<In, Out>(p.f, args.inputs[0], args.outputs[0], begin, end);
  } else {
    const int64_t body = std::clamp(p.body, begin, end);
    MapRun<In, Out>(p.f, args.inputs[0], args.outputs[0], begin, body);
    MapRun<In, Out>(p.tail, args.inputs[0], args.outputs[0], body, end);
  }
  return TileCode::kOk;
}

// What a map does, of elements of any type.
struct MapCode {
  TileFn tile;
  FaultFn fault;
  float element_ns;
};

// Not of the element types, which would have it compiled for each of them.
template <class F, class Tail>
class MapOperation final : public Operation {
 public:
  MapOperation(F f, Tail tail, int64_t group, const MapCode& code)
      : f_(std::move(f)), tail_(std::move(tail)), group_(group), code_(code) {}

  Status Shapes(std::span<const Operand> inputs, std::span<Shape> outputs) const override {
    outputs[0] = inputs[0].shape;
    return Status();
  }
  Status Lower(std::span<const Operand> inputs, std::span<const Operand>,
               Step& step) const override {
    const int64_t n = inputs[0].shape.elements();
    step.params = std::make_shared<const MapParams<F, Tail>>(
        MapParams<F, Tail>{f_, tail_, n / group_ * group_, n});
    step.phases = {Phase{code_.tile, (n + kMapTile - 1) / kMapTile,
                         code_.element_ns * static_cast<float>(std::min(n, kMapTile))}};
    step.fault = code_.fault;
    step.kernel = "plain";
    if constexpr (RunsMap<F>) step.kernel = f_.name();
    return Status();
  }

 private:
  F f_;
  Tail tail_;
  int64_t group_;
  MapCode code_;
};

template <class In, class Out, class F, class Tail>
MadeOperation MakeGroupedMap(F f, Tail tail, int64_t group, float element_ns) {
  MapCode code{Erase<&MapTile<In, Out, F, Tail>>(), nullptr, element_ns};
  if constexpr (ChecksValue<F, typename In::Value>)
    code.fault = EraseFault<&MapFault<In, F, Tail>>();
  return std::unique_ptr<Operation>(
      std::make_unique<MapOperation<F, Tail>>(std::move(f), std::move(tail), group, code));
}
template <class In, class Out, class F>
MadeOperation MakeMap(F f, float element_ns) {
  return MakeGroupedMap<In, Out>(std::move(f), NoTail(), 1, element_ns);
}

// Any function of one byte.
struct ByteFunction {
  std::array<uint8_t, 256> values;
  ByteTableRun form;
  uint8_t operator()(uint8_t x) const { return values[x]; }
  const char* name() const { return form.name; }
  void Run(const void* in, void* out, int64_t begin, int64_t end) const {
    form.run(values.data(), static_cast<const uint8_t*>(in) + begin,
             static_cast<uint8_t*>(out) + begin, end - begin);
  }
};

// `f` maps an 8-bit quantised value to one, both as int32.
template <class F>
ByteFunction TabulateBytes(Isa isa, Type in, F f) {
  ByteFunction table;
  table.form = ByteTableRunFor(isa);
  for (int i = 0; i < 256; ++i)
    table.values[i] = static_cast<uint8_t>(f(in == Type::kInt8 ? static_cast<int8_t>(i) : i));
  return table;
}
// The one most often met: a zero point moved from the middle of a byte's range to its end, or back,
// or nothing. Compilers make vectors of it.
struct ByteFlip {
  uint8_t bits;
  uint8_t operator()(uint8_t x) const { return x ^ bits; }
};
constexpr float kByteFlipNs = 0.04f;

inline MadeOperation MakeByteMap(const ByteFunction& f) {
  const ByteFlip flip{f.values[0]};
  bool flips = true;
  for (size_t i = 0; i < f.values.size(); ++i)
    flips = flips && f.values[i] == flip(static_cast<uint8_t>(i));
  if (flips) return MakeMap<Plain<uint8_t>, Plain<uint8_t>>(flip, kByteFlipNs);
  return MakeMap<Plain<uint8_t>, Plain<uint8_t>>(f, f.form.element_ns);
}
template <class F>
MadeOperation MakeByteMap(Isa isa, Type in, F f) {
  return MakeByteMap(TabulateBytes(isa, in, f));
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_ELEMENTWISE_MAP_H_
