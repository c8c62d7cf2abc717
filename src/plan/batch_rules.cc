// SPDX-License-Identifier: Apache-2.0
#include "plan/batch_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <span>

namespace heddle::core {
namespace {

using Kind = BatchValue::Kind;

constexpr const char* kNoInts = "its axes are not known before a run";
constexpr const char* kAcross = "the calls of a batch lie across the axes that it works along";

bool IsRows(const BatchValue& value) { return value.kind == Kind::kRows; }
int Rank(const BatchValue& value) { return value.all.rank(); }

// All inputs but those of the mask `rows` are the same for every call; those of `sizes` may depend
// on the size of the batch, because they decide the shape of the output and nothing else.
std::string CheckOthers(const BatchStep& step, uint32_t rows, uint32_t sizes = 0) {
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    const BatchValue& in = step.inputs[i];
    const uint32_t bit = i < 32 ? uint32_t{1} << i : 0;
    if ((rows & bit) != 0 && in.kind != Kind::kVaries) continue;
    if ((sizes & bit) != 0 && in.data != nullptr) continue;
    if (IsRows(in)) return fmt::format("input '{}' differs from call to call", in.name);
    if (in.kind == Kind::kVaries)
      return fmt::format("input '{}' depends on the size of the batch", in.name);
  }
  return "";
}

// Output k holds the calls in `axis`, `minor` indices of it each.
void Place(BatchStep& step, size_t k, int axis, int64_t minor) {
  BatchValue& out = step.outputs[k];
  if (axis < 0 || axis >= Rank(out)) return;  // no call of the batch has a place: refused
  out.kind = Kind::kRows;
  out.run = minor * out.all.Product(axis + 1, Rank(out));
}

// The integers of an operand that the Plan knows, or nothing.
using MaybeInts = std::optional<std::vector<int64_t>>;
template <class T>
MaybeInts IntsAs(const BatchValue& value) {
  std::vector<int64_t> ints;
  for (int64_t i = 0; i < value.all.elements(); ++i) {
    T one;
    std::memcpy(&one, value.data + static_cast<size_t>(i) * sizeof(T), sizeof(T));
    ints.push_back(one);
  }
  return ints;
}
MaybeInts Ints(const BatchValue& value) {
  if (value.data == nullptr) return {};
  switch (value.type) {
    case Type::kInt8:
      return IntsAs<int8_t>(value);
    case Type::kInt16:
      return IntsAs<int16_t>(value);
    case Type::kInt32:
      return IntsAs<int32_t>(value);
    case Type::kInt64:
      return IntsAs<int64_t>(value);
    default:
      return {};
  }
}
int64_t FromEnd(int64_t axis, int rank) { return axis < 0 ? axis + rank : axis; }

// Each element of the output is made of those that broadcasting puts in its place.
std::string Pointwise(BatchStep& step) {
  if (std::string why = CheckOthers(step, ~uint32_t{0}); !why.empty()) return why;
  const BatchValue& out = step.outputs[0];
  BatchAxis place;
  for (const BatchValue& in : step.inputs) {
    if (!IsRows(in)) continue;
    BatchAxis at = BatchAxisOf(in, step.calls);
    if (at.axis < 0) return kAcross;
    const int32_t size = in.all[at.axis];
    at.axis += Rank(out) - Rank(in);
    const bool differs = place.axis >= 0 && (at.axis != place.axis || at.minor != place.minor);
    if (differs || size != out.all[at.axis])
      return fmt::format("input '{}' has the calls along another axis", in.name);
    place = at;
  }
  for (const BatchValue& in : step.inputs) {
    const int axis = place.axis - Rank(out) + Rank(in);
    if (in.kind == Kind::kSame && axis >= 0 && in.all[axis] != 1)
      return fmt::format("input '{}' has {} values for the axis that holds the calls", in.name,
                         in.all[axis]);
  }
  Place(step, 0, place.axis, place.minor);
  return "";
}

// As LiteRT it rounds some types by vectors, and otherwise what is left over at the end: of whole
// vectors only, an element's place decides nothing.
std::string Quantize(BatchStep& step) {
  constexpr int64_t kVector = 16;
  const Type from = step.inputs[0].type, to = step.outputs[0].type;
  const auto is_byte = [](Type type) { return type == Type::kInt8 || type == Type::kUInt8; };
  const bool is_float = from == Type::kFloat32 || from == Type::kFloat16;
  const bool by_vectors =
      (to == Type::kInt16 && is_float) || (is_byte(from) && is_byte(to) && from != to);
  const int64_t elements = step.outputs[0].one.elements();
  if (by_vectors && elements % kVector != 0)
    return fmt::format("rounds by groups of {} elements, and one call has {}", kVector, elements);
  return Pointwise(step);
}

// A vector as condition chooses among slices.
std::string Select(BatchStep& step) {
  for (const BatchValue& in : step.inputs)
    if (!(in.all == step.outputs[0].all)) return "its condition chooses among the calls";
  return Pointwise(step);
}

// Each index of the first axis is worked on alone.
template <size_t kInput>
std::string FirstAxis(BatchStep& step) {
  const uint32_t sizes = kInput == 2 ? 1 : 0;  // transposed: input 0 is the output's shape
  if (std::string why = CheckOthers(step, uint32_t{1} << kInput, sizes); !why.empty()) return why;
  const BatchValue& in = step.inputs[kInput];
  const BatchAxis at = BatchAxisOf(in, step.calls);
  if (at.axis != 0 || in.all[0] != step.outputs[0].all[0]) return kAcross;
  Place(step, 0, 0, at.minor);
  return "";
}

// Each row of as many elements as the weights have columns is worked on alone.
std::string FullyConnected(BatchStep& step) {
  if (std::string why = CheckOthers(step, 1); !why.empty()) return why;
  const Shape& weights = step.inputs[1].all;
  const int64_t units = weights.rank() == 2 ? weights[0] : 0;
  const int64_t depth = weights.rank() == 2 ? weights[1] : 0;
  if (depth == 0 || step.inputs[0].run % depth != 0) return kAcross;
  step.outputs[0].kind = Kind::kRows;
  step.outputs[0].run = step.inputs[0].run / depth * units;
  return "";
}

// Matrices in the last two axes; a row of the first one is worked on alone.
std::string BatchMatMul(BatchStep& step) {
  const BatchValue &x = step.inputs[0], &y = step.inputs[1], &out = step.outputs[0];
  if (!IsRows(x) || IsRows(y)) {
    for (const BatchValue* in : {&x, &y})
      if (IsRows(*in) && BatchAxisOf(*in, step.calls).axis >= Rank(*in) - 2) return kAcross;
    // Seen without the matrices the operands are broadcast.
    return Pointwise(step);
  }
  if (y.kind != Kind::kSame) return CheckOthers(step, 1);
  const BatchAxis at = BatchAxisOf(x, step.calls);
  const int rows = step.op.OptionsOr<BatchMatMulOptions>().adj_x ? Rank(x) - 1 : Rank(x) - 2;
  if (at.axis == rows) {
    Place(step, 0, Rank(out) - 2, at.minor);
    return "";
  }
  return at.axis < 0 || at.axis > Rank(x) - 3 ? kAcross : Pointwise(step);
}

// Works along `axes` of input `i`: the calls must lie in another one. `moves(axis)` is where that
// one goes.
template <class F>
std::string Along(BatchStep& step, size_t i, std::span<const int64_t> axes, const char* what,
                  F moves) {
  const BatchValue& in = step.inputs[i];
  const BatchAxis at = BatchAxisOf(in, step.calls);
  if (at.axis < 0) return kAcross;
  for (const int64_t axis : axes)
    if (FromEnd(axis, Rank(in)) == at.axis) return what;
  for (size_t k = 0; k < step.outputs.size(); ++k) Place(step, k, moves(at.axis), at.minor);
  return "";
}
int Stays(int axis) { return axis; }

std::string AlongLast(BatchStep& step) {
  if (std::string why = CheckOthers(step, 1); !why.empty()) return why;
  const int64_t last[] = {-1};
  return Along(step, 0, last, "works along the batch axis", Stays);
}

// The axes are input 1.
std::string AlongGiven(BatchStep& step, const char* what) {
  if (std::string why = CheckOthers(step, 1); !why.empty()) return why;
  const MaybeInts axes = Ints(step.inputs[1]);
  if (!axes) return kNoInts;
  const int rank = Rank(step.inputs[0]);
  const bool keeps = Rank(step.outputs[0]) == rank;
  const auto moves = [&](int axis) {
    const auto gone = [&](int a) {
      return std::ranges::any_of(*axes, [&](int64_t r) { return FromEnd(r, rank) == a; });
    };
    int to = axis;
    for (int a = 0; a < axis && !keeps; ++a) to -= gone(a) ? 1 : 0;
    return to;
  };
  return Along(step, 0, *axes, what, moves);
}
std::string Reduction(BatchStep& step) { return AlongGiven(step, "reduces the batch axis"); }
std::string Ordered(BatchStep& step) { return AlongGiven(step, "works along the batch axis"); }

std::string Reshape(BatchStep& step) {
  if (std::string why = CheckOthers(step, 1, 2); !why.empty()) return why;
  step.outputs[0].kind = Kind::kRows;
  step.outputs[0].run = step.inputs[0].run;
  return "";
}

std::string Transpose(BatchStep& step) {
  if (std::string why = CheckOthers(step, 1); !why.empty()) return why;
  const MaybeInts order = Ints(step.inputs[1]);
  if (!order) return kNoInts;
  return Along(step, 0, {}, "", [&](int axis) {
    const auto from = [&](int64_t a) { return FromEnd(a, Rank(step.inputs[0])) == axis; };
    return static_cast<int>(std::ranges::find_if(*order, from) - order->begin());
  });
}

// Inputs side by side: as they lie in the first, so in all.
std::string CheckSameRows(const BatchStep& step) {
  const BatchAxis first = BatchAxisOf(step.inputs[0], step.calls);
  for (const BatchValue& in : step.inputs) {
    const BatchAxis at = BatchAxisOf(in, step.calls);
    if (!IsRows(in) || at.axis != first.axis || at.minor != first.minor)
      return fmt::format("input '{}' does not hold the calls as input '{}' does", in.name,
                         step.inputs[0].name);
  }
  return "";
}

std::string Concatenation(BatchStep& step) {
  if (std::string why = CheckSameRows(step); !why.empty()) return why;
  const int64_t axes[] = {step.op.OptionsOr<ConcatOptions>().axis};
  return Along(step, 0, axes, "joins along the batch axis", Stays);
}

std::string Pack(BatchStep& step) {
  if (std::string why = CheckSameRows(step); !why.empty()) return why;
  const int64_t added = FromEnd(step.op.OptionsOr<PackOptions>().axis, Rank(step.outputs[0]));
  return Along(step, 0, {}, "", [&](int axis) { return added <= axis ? axis + 1 : axis; });
}

std::string Unpack(BatchStep& step) {
  const int64_t axes[] = {FromEnd(step.op.OptionsOr<PackOptions>().axis, Rank(step.inputs[0]))};
  return Along(step, 0, axes, "takes the batch axis apart",
               [&](int axis) { return axes[0] < axis ? axis - 1 : axis; });
}

template <size_t kInput, size_t kAxis>
std::string Split(BatchStep& step) {
  if (std::string why = CheckOthers(step, uint32_t{1} << kInput); !why.empty()) return why;
  const MaybeInts axes = Ints(step.inputs[kAxis]);
  if (!axes) return kNoInts;
  return Along(step, kInput, *axes, "splits the batch axis", Stays);
}

// Adds to axes or cuts from them: the calls must lie in one that stays as it is.
template <uint32_t kSizes>
std::string Resized(BatchStep& step) {
  if (std::string why = CheckOthers(step, 1, kSizes); !why.empty()) return why;
  const BatchAxis at = BatchAxisOf(step.inputs[0], step.calls);
  if (at.axis < 0) return kAcross;
  if (step.inputs[0].all[at.axis] != step.outputs[0].all[at.axis])
    return "cuts or extends the batch axis";
  Place(step, 0, at.axis, at.minor);
  return "";
}

// Where an axis of STRIDED_SLICE's input is in its output, and the entry of the operands that
// speaks of it (-1: none does).
struct Sliced {
  int axis = -1, entry = -1;
};
Sliced FindSliced(const BatchStep& step, int wanted) {
  const auto options = step.op.OptionsOr<StridedSliceOptions>();
  const auto bit = [](int32_t mask, int i) { return (static_cast<uint32_t>(mask) >> i & 1) != 0; };
  const int entries = static_cast<int>(step.inputs[1].all.elements());
  const uint32_t used = (uint32_t{1} << entries) - 1;
  const int added = std::popcount(static_cast<uint32_t>(options.new_axis_mask) & used &
                                  ~static_cast<uint32_t>(options.ellipsis_mask));
  const int whole = std::max(Rank(step.inputs[0]) + added - entries + 1, 1);
  int in = 0, out = 0;
  for (int i = 0; i < entries; ++i) {
    if (bit(options.ellipsis_mask, i)) {
      if (wanted >= in && wanted < in + whole) return {out + wanted - in, -1};
      in += whole;
      out += whole;
      continue;
    }
    const bool added_here = bit(options.new_axis_mask, i);
    const bool shrunk = !added_here && bit(options.shrink_axis_mask, i);
    if (!added_here && in == wanted) return {shrunk ? -1 : out, i};
    in += added_here ? 0 : 1;
    out += shrunk ? 0 : 1;
  }
  return {out + wanted - in, -1};
}

std::string StridedSlice(BatchStep& step) {
  if (std::string why = CheckOthers(step, 1, 4); !why.empty()) return why;
  const BatchValue &in = step.inputs[0], &out = step.outputs[0];
  const BatchAxis at = BatchAxisOf(in, step.calls);
  if (at.axis < 0) return kAcross;
  const Sliced to = FindSliced(step, at.axis);
  const MaybeInts strides = Ints(step.inputs[3]);
  if (!strides) return kNoInts;
  const bool whole = to.axis >= 0 && to.axis < Rank(out) && out.all[to.axis] == in.all[at.axis] &&
                     (to.entry < 0 || (*strides)[static_cast<size_t>(to.entry)] == 1);
  if (!whole) return "takes a part of the batch axis";
  Place(step, 0, to.axis, at.minor);
  return "";
}

// The same values again and again: the calls' are where the output grows.
template <uint32_t kSizes>
std::string Repeated(BatchStep& step) {
  for (size_t i = 0; i < step.inputs.size(); ++i)
    if (IsRows(step.inputs[i]) && (kSizes >> i & 1) == 0) return Resized<kSizes>(step);
  if (std::string why = CheckOthers(step, 0, kSizes); !why.empty()) return why;
  BatchValue& out = step.outputs[0];
  for (int a = 0; a < Rank(out) && Rank(out) == out.one.rank(); ++a)
    if (out.one[a] != out.all[a]) Place(step, 0, a, out.one[a]);
  return "";
}

// BROADCAST_TO: axes are counted from the last.
std::string Broadcast(BatchStep& step) {
  if (!IsRows(step.inputs[0])) return Repeated<2>(step);
  if (std::string why = CheckOthers(step, 1, 2); !why.empty()) return why;
  const BatchValue &in = step.inputs[0], &out = step.outputs[0];
  const BatchAxis at = BatchAxisOf(in, step.calls);
  const int to = at.axis + Rank(out) - Rank(in);
  if (at.axis < 0 || out.all[to] != in.all[at.axis]) return kAcross;
  Place(step, 0, to, at.minor);
  return "";
}

// Rows of input 0, chosen along `axis` by input 1.
std::string Gather(BatchStep& step) {
  const BatchValue &rows = step.inputs[0], &chosen = step.inputs[1];
  const auto options = step.op.OptionsOr<GatherOptions>();
  const int64_t axis = FromEnd(options.axis, Rank(rows));
  const int64_t shared = FromEnd(options.batch_dims, Rank(chosen));
  if (std::string why = CheckOthers(step, 3); !why.empty()) return why;
  const BatchAxis from = BatchAxisOf(rows, step.calls), by = BatchAxisOf(chosen, step.calls);
  const int more = Rank(chosen) - 1 - static_cast<int>(shared);
  if (IsRows(rows) && IsRows(chosen)) {
    if (from.axis < 0 || from.axis != by.axis || from.minor != by.minor || from.axis >= shared)
      return "chooses rows among all calls";
    Place(step, 0, from.axis, from.minor);
  } else if (IsRows(rows)) {
    if (from.axis == axis || from.axis < shared) return "chooses rows among all calls";
    Place(step, 0, from.axis < axis ? from.axis : from.axis + more, from.minor);
  } else {
    if (by.axis < shared) return kAcross;
    Place(step, 0, by.axis + static_cast<int>(axis - shared), by.minor);
  }
  return "";
}

// The last axis of input 1 is an index into input 0.
std::string GatherNd(BatchStep& step) {
  if (std::string why = CheckOthers(step, 2); !why.empty())
    return IsRows(step.inputs[0]) ? "chooses rows among all calls" : why;
  const int64_t last[] = {-1};
  return Along(step, 1, last, kAcross, Stays);
}

std::string EmbeddingLookup(BatchStep& step) {
  if (std::string why = CheckOthers(step, 1); !why.empty()) return why;
  return Along(step, 0, {}, "", Stays);
}

std::string OneHot(BatchStep& step) {
  if (std::string why = CheckOthers(step, 1); !why.empty()) return why;
  const int64_t added = FromEnd(step.op.OptionsOr<OneHotOptions>().axis, Rank(step.outputs[0]));
  return Along(step, 0, {}, "", [&](int axis) { return added <= axis ? axis + 1 : axis; });
}

// Blocks are interleaved outside of the batch, so a batch stays one.
std::string SpaceToBatch(BatchStep& step) {
  if (std::string why = CheckOthers(step, 1); !why.empty()) return why;
  const BatchAxis at = BatchAxisOf(step.inputs[0], step.calls);
  if (at.axis != 0) return kAcross;
  Place(step, 0, 0, at.minor);
  return "";
}
std::string BatchToSpace(BatchStep& step) {
  if (std::string why = CheckOthers(step, 1); !why.empty()) return why;
  const BatchAxis at = BatchAxisOf(step.inputs[0], step.calls);
  if (at.axis != 0 || step.outputs[0].all[0] % (at.minor * step.calls) != 0) return kAcross;
  Place(step, 0, 0, at.minor);
  return "";
}

}  // namespace

BatchAxis BatchAxisOf(const BatchValue& value, int64_t calls) {
  int64_t after = 1;
  for (int a = value.all.rank() - 1; a >= 0; --a) {
    const int64_t whole = after * value.all[a];
    if (value.run < after) break;
    if (value.run < whole) {
      const bool divides = value.run % after == 0 && whole % (value.run * calls) == 0;
      return divides ? BatchAxis{a, value.run / after} : BatchAxis{};
    }
    after = whole;
  }
  return {};
}

BatchRule FindBatchRule(OpCode code) {
  switch (code) {
#define HEDDLE_BATCH_RULE(op, ...) \
  case OpCode::k##op:              \
    return &__VA_ARGS__;
#include "plan/batch_rules.inc"
#undef HEDDLE_BATCH_RULE
    default:
      return nullptr;
  }
}

}  // namespace heddle::core
