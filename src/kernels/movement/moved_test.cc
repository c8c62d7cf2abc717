// SPDX-License-Identifier: Apache-2.0
// The operators whose output is made of the input's elements, each against a formula that says for
// an index of the output which index of the input it comes from.
#include <functional>
#include <optional>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

constexpr uint64_t kFill = 0x55;

// Where an element of the output comes from; nothing: it is padding.
using Source = std::function<std::optional<Index>(const Index&)>;

// The input `in` must become this shape by this formula, for types of several sizes; `rest` are the
// operands behind it, and `fill` says whether one with the padding value comes last.
void ExpectMoved(const Operator& op, const Nd& in, const std::vector<TestTensor>& rest, bool fill,
                 const Shape& shape, const Source& source) {
  Nd out = Nd::Filled(shape, kFill);
  ForEachIndex(shape, [&](const Index& at) {
    if (const auto from = source(at)) out[at] = in[*from];
  });
  for (const Type type : {Type::kInt4, Type::kInt8, Type::kFloat32, Type::kInt64}) {
    std::vector<TestTensor> inputs = {in.As(type)};
    inputs.insert(inputs.end(), rest.begin(), rest.end());
    if (fill) inputs.push_back(Nd::Filled({}, kFill).As(type));
    ExpectOutputs(op, inputs, {out.As(type)}, shape.ToString().c_str());
  }
}

TEST(SliceTest, TakesABox) {
  const Nd in = Nd::Numbered({3, 5, 4});
  ExpectMoved(MakeOp(OpCode::kSLICE), in, {Ints({1, 2, 0}), AtRunTime(Ints({-1, 2, 4}))}, false,
              {2, 2, 4}, [](Index at) {
                ++at[0], at[1] += 2;
                return at;
              });
  const Operator op = MakeOp(OpCode::kSLICE);
  const TestTensor t = in.As(Type::kInt8);
  ExpectError(op, {t, Ints({0, 6, 0}), Ints({1, 0, 1})}, Type::kInt8, Code::kInvalidModel,
              "begin 1 is 6, expected 0 to 5");
  ExpectError(op, {t, Ints({1, 0, 0}), AtRunTime(Ints({3, 1, 1}))}, Type::kInt8,
              Code::kInvalidArgument, "size 0 is 3, expected -1 to 2");
}

TEST(TileTest, RepeatsEveryAxis) {
  const struct {
    Shape shape;
    std::vector<int32_t> multiples;
  } cases[] = {{{}, {}},
               {{5}, {3}},
               {{2, 3}, {1, 4}},
               {{2, 3}, {4, 1}},
               {{1, 7, 1}, {5, 1, 3}},
               {{2, 1, 3, 2}, {2, 3, 1, 2}},
               {{2, 2, 2, 2, 2}, {2, 2, 2, 2, 2}},  // more factors than a box has axes
               {{3, 2}, {0, 2}}};
  for (const auto& c : cases) {
    Shape shape = c.shape;
    for (int i = 0; i < shape.rank(); ++i) shape[i] *= c.multiples[i];
    ExpectMoved(MakeOp(OpCode::kTILE), Nd::Numbered(c.shape), {Ints(c.multiples)}, false, shape,
                [&](Index at) {
                  for (int i = 0; i < shape.rank(); ++i) at[i] %= c.shape[i];
                  return at;
                });
  }
  ExpectError(MakeOp(OpCode::kTILE), {Nd::Numbered({2}).As(Type::kInt8), Ints({-1})}, Type::kInt8,
              Code::kInvalidModel, "multiple 0 is -1");
}

TEST(BroadcastToTest, StretchesAxesOfSizeOne) {
  const struct {
    Shape from, to;
  } cases[] = {{{}, {2, 3}}, {{3, 1}, {2, 3, 4}}, {{1, 4, 1}, {1, 4, 1}}, {{2, 1}, {2, 0}}};
  for (const auto& c : cases) {
    const std::vector<int32_t> sizes(c.to.dims().begin(), c.to.dims().end());
    const int added = c.to.rank() - c.from.rank();
    ExpectMoved(MakeOp(OpCode::kBROADCAST_TO), Nd::Numbered(c.from), {AtRunTime(Ints(sizes))},
                false, c.to, [&](const Index& at) {
                  Index from{};
                  for (int i = 0; i < c.from.rank(); ++i) {
                    from[i] = c.from[i] == 1 ? 0 : at[i + added];
                  }
                  return from;
                });
  }
  ExpectError(MakeOp(OpCode::kBROADCAST_TO), {Nd::Numbered({2}).As(Type::kInt8), Ints({3})},
              Type::kInt8, Code::kInvalidModel, "input shape 2 does not broadcast");
}

TEST(BroadcastArgsTest, ShapesThatDoNotBroadcastAreRefused) {
  const Operator op = MakeOp(OpCode::kBROADCAST_ARGS);
  ExpectOutputs(op, {Ints({2, 1, 0}), Ints({5, 1})}, {Ints({2, 5, 0})});
  ExpectError(op, {Ints({2, 3}), Ints({2})}, Type::kInt32, Code::kInvalidArgument,
              "element 0 of 't' is 2, expected 1 or the other shape's 3");
}

TEST(MirrorPadTest, EveryPaddingOfAShape) {
  const Shape in = {3, 1, 4};
  for (const bool symmetric : {false, true}) {
    const int most = symmetric ? 1 : 0;  // of the axis of size one
    for (int before = 0; before <= 2 + most; ++before) {
      const std::vector<int32_t> pads = {before, 2, most, most, 3, before};
      Shape shape = in;
      for (int i = 0; i < 3; ++i) shape[i] += pads[2 * i] + pads[2 * i + 1];
      ExpectMoved(MakeOp(OpCode::kMIRROR_PAD, MirrorPadOptions{symmetric}), Nd::Numbered(in),
                  {TestTensor::Of<int32_t>(Type::kInt32, {3, 2}, pads).Constant()}, false, shape,
                  [&](Index at) {
                    const int offset = symmetric ? 0 : 1;
                    for (int i = 0; i < 3; ++i) {
                      at[i] -= pads[2 * i];
                      if (at[i] < 0) at[i] = -at[i] - 1 + offset;
                      if (at[i] >= in[i]) at[i] = 2 * in[i] - 1 - offset - at[i];
                    }
                    return at;
                  });
    }
  }
  const TestTensor wide = TestTensor::Of<int32_t>(Type::kInt32, {1, 2}, {0, 3}).Constant();
  ExpectError(MakeOp(OpCode::kMIRROR_PAD), {Nd::Numbered({3}).As(Type::kInt8), wide}, Type::kInt8,
              Code::kInvalidModel, "paddings of axis 0 are 0 and 3, expected 0 to 2");
}

// Padding before, between and behind the elements of each axis.
struct Edges {
  std::vector<int64_t> low, high, between;
};

Source PaddedFrom(const Shape& in, const Edges& e) {
  return [in, e](Index at) -> std::optional<Index> {
    for (int i = 0; i < in.rank(); ++i) {
      const int64_t step = e.between[i] + 1, place = at[i] - e.low[i];
      if (place < 0 || place % step != 0 || place / step >= in[i]) return std::nullopt;
      at[i] = static_cast<int32_t>(place / step);
    }
    return at;
  };
}

Shape PaddedShape(const Shape& in, const Edges& e) {
  Shape shape = in;
  for (int i = 0; i < in.rank(); ++i) {
    const int64_t inside = in[i] > 0 ? in[i] + (in[i] - 1) * e.between[i] : 0;
    shape[i] = static_cast<int32_t>(std::max<int64_t>(0, inside + e.low[i] + e.high[i]));
  }
  return shape;
}

TEST(StablehloPadTest, EdgesBetweenAndNegative) {
  const struct {
    Shape in;
    Edges e;
  } cases[] = {
      {{4, 3}, {{1, 0}, {0, 2}, {0, 0}}},    {{4, 3}, {{0, 2}, {1, 0}, {2, 1}}},
      {{4, 3}, {{-1, 1}, {-2, -1}, {1, 2}}}, {{2, 5, 3}, {{-1, -3, 0}, {3, 1, -2}, {0, 1, 3}}},
      {{3, 2}, {{-9, 1}, {12, 1}, {1, 0}}},  {{0, 2}, {{2, 0}, {1, 0}, {3, 0}}},
      {{3, 2}, {{-2, 0}, {-2, 0}, {0, 0}}}};
  for (const auto& c : cases) {
    const Operator op =
        MakeOp(OpCode::kSTABLEHLO_PAD, StablehloPadOptions{c.e.low, c.e.high, c.e.between});
    ExpectMoved(op, Nd::Numbered(c.in), {}, true, PaddedShape(c.in, c.e), PaddedFrom(c.in, c.e));
  }
}

TEST(DilateTest, PaddingBetweenElements) {
  const Shape in = {2, 3, 1, 4};
  const Edges e = {{0, 0, 0, 0}, {0, 0, 0, 0}, {2, 0, 4, 1}};
  ExpectMoved(MakeOp(OpCode::kDILATE), Nd::Numbered(in), {Ints({3, 1, 5, 2})}, true,
              PaddedShape(in, e), PaddedFrom(in, e));
  const TestTensor t = Nd::Numbered({2}).As(Type::kInt8);
  ExpectError(MakeOp(OpCode::kDILATE), {t, Ints({0}), Nd::Filled({}, 1).As(Type::kInt8)},
              Type::kInt8, Code::kInvalidModel, "dilation 0 is 0");
  ExpectError(MakeOp(OpCode::kDILATE), {t, Ints({2}), Nd::Numbered({0}).As(Type::kInt8)},
              Type::kInt8, Code::kInvalidArgument, "has shape 0, expected one value");
}

TEST(ReverseTest, EveryChoiceOfAxes) {
  const Shape shape = {2, 3, 4};
  for (uint32_t axes = 0; axes < 8; ++axes) {
    std::vector<int32_t> list;
    for (int i = 0; i < 3; ++i) {
      if ((axes >> i & 1) != 0) list.push_back(i == 1 ? -2 : i);
    }
    ExpectMoved(MakeOp(OpCode::kREVERSE_V2), Nd::Numbered(shape), {Ints(list)}, false, shape,
                [&](Index at) {
                  for (int i = 0; i < 3; ++i) {
                    if ((axes >> i & 1) != 0) at[i] = shape[i] - 1 - at[i];
                  }
                  return at;
                });
  }
  ExpectError(MakeOp(OpCode::kREVERSE_V2), {Nd::Numbered({2, 2}).As(Type::kInt8), Ints({1, -1})},
              Type::kInt8, Code::kInvalidModel, "no axis twice");
}

TEST(ReverseSequenceTest, EachBatchByItsLength) {
  const Shape shape = {3, 2, 5, 4};
  const struct {
    int sequence, batch;
    std::vector<int32_t> lengths;
  } cases[] = {{2, 0, {5, 0, 3}}, {0, 2, {1, 2, 3, 0, 2}}, {3, 2, {4, 3, 2, 1, 0}}};
  for (const auto& c : cases) {
    Nd out = Nd::Numbered(shape);
    const Nd in = out;
    ForEachIndex(shape, [&](const Index& at) {
      Index from = at;
      const int32_t length = c.lengths[at[c.batch]];
      if (at[c.sequence] < length) from[c.sequence] = length - 1 - at[c.sequence];
      out[at] = in[from];
    });
    const Operator op =
        MakeOp(OpCode::kREVERSE_SEQUENCE, ReverseSequenceOptions{c.sequence, c.batch});
    ExpectOutputs(op, {in.As(Type::kInt16), Ints(c.lengths)}, {out.As(Type::kInt16)});
  }
  ExpectError(MakeOp(OpCode::kREVERSE_SEQUENCE, ReverseSequenceOptions{1, 0}),
              {Nd::Numbered({2, 3}).As(Type::kInt8), Ints({3, 4})}, Type::kInt8,
              Code::kInvalidArgument, "element 1 of 't' is 4, expected 0 to 3");
}

TEST(BlocksTest, SpaceToBatchAndBack) {
  const struct {
    Shape image;
    std::vector<int32_t> blocks, edges;
  } cases[] = {{{2, 5, 3}, {3}, {0, 1}},
               {{1, 4, 6, 2}, {2, 3}, {0, 0, 0, 0}},
               {{2, 1, 4, 3}, {3, 2}, {1, 4, 3, 1}},
               {{1, 2, 3, 2, 2}, {2, 1, 3}, {3, 1, 0, 2, 2, 2}}};
  for (const auto& c : cases) {
    const int m = static_cast<int>(c.blocks.size());
    Shape shape = c.image;
    for (int i = 0; i < m; ++i) {
      shape[0] *= c.blocks[i];
      shape[i + 1] = (shape[i + 1] + c.edges[2 * i] + c.edges[2 * i + 1]) / c.blocks[i];
    }
    const Nd in = Nd::Numbered(c.image);
    Nd out = Nd::Filled(shape, 0);
    ForEachIndex(shape, [&](Index at) {
      const Index place = at;
      int32_t block = at[0] / c.image[0];
      at[0] %= c.image[0];
      bool inside = true;
      for (int i = m - 1; i >= 0; --i) {
        at[i + 1] = at[i + 1] * c.blocks[i] + block % c.blocks[i] - c.edges[2 * i];
        block /= c.blocks[i];
        inside &= at[i + 1] >= 0 && at[i + 1] < c.image[i + 1];
      }
      if (inside) out[place] = in[at];
    });
    const TestTensor edges = TestTensor::Of<int32_t>(Type::kInt32, {m, 2}, c.edges).Constant();
    for (const Type type : {Type::kInt8, Type::kFloat32}) {
      ExpectOutputs(MakeOp(OpCode::kSPACE_TO_BATCH_ND), {in.As(type), Ints(c.blocks), edges},
                    {out.As(type)});
      ExpectOutputs(MakeOp(OpCode::kBATCH_TO_SPACE_ND), {out.As(type), Ints(c.blocks), edges},
                    {in.As(type)});
    }
  }
}

TEST(BlocksTest, SpaceToDepthAndBack) {
  const Nd in = Nd::Numbered({2, 6, 3, 5});
  Nd out = Nd::Filled({2, 2, 1, 45}, 0);
  ForEachIndex(out.shape, [&](Index at) {
    const Index place = at;
    at[1] = at[1] * 3 + place[3] / 15;
    at[2] = at[2] * 3 + place[3] / 5 % 3;
    at[3] = place[3] % 5;
    out[place] = in[at];
  });
  for (const Type type : {Type::kInt4, Type::kInt8, Type::kFloat32}) {
    ExpectOutputs(MakeOp(OpCode::kSPACE_TO_DEPTH, BlockOptions{3}), {in.As(type)}, {out.As(type)});
    ExpectOutputs(MakeOp(OpCode::kDEPTH_TO_SPACE, BlockOptions{3}), {out.As(type)}, {in.As(type)});
  }
}

TEST(SplitTest, PartsOfAnAxis) {
  const Nd in = Nd::Numbered({3, 7});
  const auto part = [&](int32_t first, int32_t size) {
    Nd out = Nd::Filled({3, size}, 0);
    ForEachIndex(out.shape, [&](Index at) {
      const Index place = at;
      at[1] += first;
      out[place] = in[at];
    });
    return out.As(Type::kInt16);
  };
  const Operator op = MakeOp(OpCode::kSPLIT_V, SplitOptions{3});
  const TestTensor t = in.As(Type::kInt16);
  ExpectOutputs(op, {t, Ints({2, -1, 0}), Scalar(-1)}, {part(0, 2), part(2, 5), part(7, 0)});
  ExpectError(op, {t, Ints({2, 3, 1}), Scalar(1)}, Type::kInt16, Code::kInvalidModel,
              "add up to 6, expected 7", 3);
  ExpectError(op, {t, AtRunTime(Ints({2, 6, -1})), Scalar(1)}, Type::kInt16, Code::kInvalidArgument,
              "size 1 is 6, expected 0 to 5", 3);
  ExpectError(MakeOp(OpCode::kUNPACK, PackOptions{2, 0}), {t}, Type::kInt16, Code::kInvalidModel,
              "has size 3, expected 2 (number of outputs)", 2);
}

TEST(UpdateSliceTest, TheUpdateIsMovedInside) {
  const struct {
    Shape operand, update;
    std::vector<int32_t> begin;
  } cases[] = {{{5}, {2}, {4}},
               {{3, 4}, {2, 4}, {-1, 2}},
               {{2, 5, 3}, {2, 2, 3}, {0, 3, 0}},
               {{2, 5, 3}, {1, 2, 2}, {1, 9, 1}},
               {{2, 5, 3}, {1, 0, 2}, {1, 2, 1}}};
  for (const auto& c : cases) {
    Nd out = Nd::Numbered(c.operand);
    const TestTensor operand = out.As(Type::kInt16);
    const Nd update = Nd::Numbered(c.update, 1000);
    ForEachIndex(c.update, [&](Index at) {
      const uint64_t value = update[at];
      for (int i = 0; i < c.operand.rank(); ++i) {
        at[i] += std::clamp(c.begin[i], 0, c.operand[i] - c.update[i]);
      }
      out[at] = value;
    });
    ExpectOutputs(MakeOp(OpCode::kDYNAMIC_UPDATE_SLICE),
                  {operand, update.As(Type::kInt16), AtRunTime(Ints(c.begin))},
                  {out.As(Type::kInt16)});
  }
  ExpectError(MakeOp(OpCode::kDYNAMIC_UPDATE_SLICE),
              {Nd::Numbered({2}).As(Type::kInt8), Nd::Numbered({3}).As(Type::kInt8), Ints({0})},
              Type::kInt8, Code::kInvalidModel, "has shape 3, expected at most 2");
}

}  // namespace
}  // namespace heddle::core
