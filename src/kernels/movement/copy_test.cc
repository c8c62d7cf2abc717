// SPDX-License-Identifier: Apache-2.0
// The operators that are strided copies, against naive indexing over many small shapes and some
// large ones.
#include <algorithm>
#include <numeric>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

// One type of each element size.
constexpr Type kTypes[] = {Type::kInt4,  Type::kInt8,      Type::kBFloat16,
                           Type::kInt32, Type::kComplex64, Type::kComplex128};

// --- TRANSPOSE ---

Nd Transposed(const Nd& in, const std::vector<int32_t>& perm) {
  Nd out{in.shape, in.values};
  for (int i = 0; i < in.shape.rank(); ++i) out.shape[i] = in.shape[perm[i]];
  ForEachIndex(out.shape, [&](const Index& at) {
    Index from{};
    for (int i = 0; i < in.shape.rank(); ++i) from[perm[i]] = at[i];
    out[at] = in[from];
  });
  return out;
}

TEST(TransposeTest, EveryPermutationOfSmallShapes) {
  const Shape shapes[] = {{}, {3}, {2, 3}, {3, 1, 2}, {2, 3, 4, 2}, {2, 1, 3, 2, 2}, {1, 2, 0, 2}};
  for (const Shape& shape : shapes) {
    std::vector<int32_t> perm(shape.rank());
    std::iota(perm.begin(), perm.end(), 0);
    const Nd in = Nd::Numbered(shape);
    do {
      std::vector<int32_t> given = perm;
      if (!given.empty()) given[0] -= shape.rank();
      for (const Type type : {Type::kInt4, Type::kFloat32}) {
        ExpectOutputs(MakeOp(OpCode::kTRANSPOSE), {in.As(type), Ints(given)},
                      {Transposed(in, perm).As(type)});
      }
    } while (std::next_permutation(perm.begin(), perm.end()));
  }
}

TEST(TransposeTest, BlocksOfEveryElementSize) {
  const struct {
    Shape shape;
    std::vector<int32_t> perm;
  } cases[] = {{{67, 301}, {1, 0}},           {{5, 131, 3}, {0, 2, 1}}, {{3, 129, 70}, {2, 1, 0}},
               {{2, 9, 7, 33}, {0, 3, 1, 2}}, {{40, 2, 50}, {2, 0, 1}}, {{9, 40, 2}, {1, 0, 2}}};
  for (const auto& c : cases) {
    const Nd in = Nd::Numbered(c.shape);
    const Nd out = Transposed(in, c.perm);
    for (const Type type : kTypes) {
      ExpectOutputs(MakeOp(OpCode::kTRANSPOSE), {in.As(type), AtRunTime(Ints(c.perm))},
                    {out.As(type)});
    }
  }
}

TEST(TransposeTest, RefusesWhatIsNoPermutation) {
  const TestTensor t = Nd::Numbered({2, 3}).As(Type::kInt8);
  const Operator op = MakeOp(OpCode::kTRANSPOSE);
  ExpectError(op, {t, Ints({0, 2})}, Type::kInt8, Code::kInvalidModel,
              "entry 1 of the permutation is 2");
  ExpectError(op, {t, AtRunTime(Ints({1, -1}))}, Type::kInt8, Code::kInvalidArgument,
              "entry 1 of the permutation is -1, expected each axis from -2 to 1 once");
  ExpectError(op, {t, Ints({0})}, Type::kInt8, Code::kInvalidModel, "has shape 1, expected 2");
}

// --- PAD ---

Nd Padded(const Nd& in, const std::vector<int32_t>& pads, uint64_t fill) {
  Shape shape = in.shape;
  for (int i = 0; i < shape.rank(); ++i) shape[i] += pads[2 * i] + pads[2 * i + 1];
  Nd out = Nd::Filled(shape, fill);
  ForEachIndex(in.shape, [&](Index at) {
    const uint64_t value = in[at];
    for (int i = 0; i < shape.rank(); ++i) at[i] += pads[2 * i];
    out[at] = value;
  });
  return out;
}

TestTensor PadOperand(std::vector<int32_t> pads) {
  TestTensor t = Ints(pads);
  t.shape = {static_cast<int32_t>(pads.size() / 2), 2};
  return t;
}

TEST(PadTest, EveryPaddingOfSmallShapes) {
  const Shape shapes[] = {{2}, {0}, {2, 3}, {1, 2, 2}};
  for (const Shape& shape : shapes) {
    const Nd in = Nd::Numbered(shape);
    const int count = 1 << (2 * shape.rank());
    for (int bits = 0; bits < count; ++bits) {
      std::vector<int32_t> pads(2 * shape.rank());
      for (size_t i = 0; i < pads.size(); ++i) pads[i] = (bits >> i & 1) * static_cast<int>(i + 1);
      for (const Type type : {Type::kInt4, Type::kInt64}) {
        ExpectOutputs(MakeOp(OpCode::kPAD), {in.As(type), PadOperand(pads)},
                      {Padded(in, pads, 0).As(type)});
      }
    }
  }
}

TEST(PadTest, AnImageOfEveryElementSize) {
  const std::vector<int32_t> pads = {0, 0, 1, 2, 3, 1, 0, 0};
  const Nd in = Nd::Numbered({2, 17, 23, 5});
  for (const Type type : kTypes) {
    TestTensor expected = Padded(in, pads, 0).As(type);
    if (type == Type::kComplex128) {  // the upper half of zero is zero, not its complement
      const TestTensor ones = Padded(Nd::Filled(in.shape, 1), pads, 0).As(Type::kInt8);
      for (size_t i = 0; i < ones.data.size(); ++i) {
        if (ones.data[i] == std::byte{0}) std::memset(expected.data.data() + i * 16, 0, 16);
      }
    }
    ExpectOutputs(MakeOp(OpCode::kPAD), {in.As(type), PadOperand(pads)}, {expected});
  }
}

TEST(PadTest, QuantisedTensorsArePaddedWithTheZeroPointOfTheOutput) {
  const Nd in = Nd::Numbered({3});
  TestTensor expected = Padded(in, {1, 2}, static_cast<uint64_t>(-7)).As(Type::kInt8);
  expected.quant.scale = {0.5f};
  expected.quant.zero_point = {-7};
  ExpectOutputs(MakeOp(OpCode::kPAD), {in.As(Type::kInt8), PadOperand({1, 2})}, {expected});
}

TEST(PadTest, TakesEveryTypeOfPaddings) {
  const Nd in = Nd::Numbered({3});
  const TestTensor expected = Padded(in, {1, 0}, 0).As(Type::kInt16);
  const TestTensor t = in.As(Type::kInt16);
  ExpectOutputs(MakeOp(OpCode::kPAD), {t, TestTensor::Of<int64_t>(Type::kInt64, {1, 2}, {1, 0})},
                {expected});
  ExpectOutputs(MakeOp(OpCode::kPAD), {t, TestTensor::Of<int16_t>(Type::kInt16, {1, 2}, {1, 0})},
                {expected});
  ExpectOutputs(MakeOp(OpCode::kPAD), {t, TestTensor::Of<int8_t>(Type::kInt8, {1, 2}, {1, 0})},
                {expected});
}

TEST(PadTest, RefusesWrongPaddings) {
  const TestTensor t = Nd::Numbered({2, 3}).As(Type::kInt8);
  const Operator op = MakeOp(OpCode::kPAD);
  ExpectError(op, {t, PadOperand({1, 1})}, Type::kInt8, Code::kInvalidModel,
              "have shape 1x2, expected 2x2");
  ExpectError(op, {t, AtRunTime(PadOperand({0, -1, 0, 0}))}, Type::kInt8, Code::kInvalidArgument,
              "padding 1 of axis 0 is -1");
  ExpectError(op, {t, PadOperand({0, 2147483647, 0, 0})}, Type::kInt8, Code::kInvalidModel,
              "axis 0 would have size 2147483649");
}

// --- CONCATENATION, PACK, SPLIT ---

// The parts of `whole` along `axis`.
std::vector<Nd> Parts(const Nd& whole, int axis, const std::vector<int32_t>& sizes) {
  std::vector<Nd> parts;
  int32_t first = 0;
  for (const int32_t size : sizes) {
    Shape shape = whole.shape;
    shape[axis] = size;
    Nd part = Nd::Filled(shape, 0);
    ForEachIndex(shape, [&](Index at) {
      uint64_t& value = part[at];
      at[axis] += first;
      value = whole[at];
    });
    parts.push_back(part);
    first += size;
  }
  return parts;
}

std::vector<TestTensor> As(const std::vector<Nd>& parts, Type type) {
  std::vector<TestTensor> tensors;
  for (const Nd& part : parts) tensors.push_back(part.As(type));
  return tensors;
}

TEST(ConcatenationTest, JoinsAlongEveryAxis) {
  const std::vector<int32_t> sizes = {2, 0, 1, 5};
  for (const Shape& shape : {Shape{8}, Shape{8, 8}, Shape{8, 8, 8}, Shape{8, 40, 8, 9}}) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      Shape joined = shape;
      joined[axis] = 8;
      const Nd whole = Nd::Numbered(joined);
      for (const Type type : kTypes) {
        const Operator op = MakeOp(OpCode::kCONCATENATION, ConcatOptions{axis - shape.rank()});
        ExpectOutputs(op, As(Parts(whole, axis, sizes), type), {whole.As(type)});
      }
    }
  }
}

TEST(ConcatenationTest, ALongRunIsCut) {
  const Nd whole = Nd::Numbered({100001});
  const std::vector<TestTensor> parts = As(Parts(whole, 0, {40001, 60000}), Type::kFloat32);
  ExpectOutputs(MakeOp(OpCode::kCONCATENATION, ConcatOptions{0}), parts,
                {whole.As(Type::kFloat32)});
}

TEST(ConcatenationTest, BytesOfAnotherScaleAreRescaled) {
  const TestTensor same = TestTensor::Of<uint8_t>(Type::kUInt8, {3}, {0, 100, 255}, 0.5f, 10);
  const TestTensor finer = TestTensor::Of<uint8_t>(Type::kUInt8, {4}, {0, 3, 5, 255}, 0.25f, 1);
  // (x - 1) / 2 + 10, ties away from zero.
  const TestTensor joined =
      TestTensor::Of<uint8_t>(Type::kUInt8, {7}, {0, 100, 255, 9, 11, 12, 137}, 0.5f, 10);
  ExpectOutputs(MakeOp(OpCode::kCONCATENATION, ConcatOptions{0}), {same, finer}, {joined});
}

TEST(ConcatenationTest, RefusesWhatDoesNotFit) {
  const TestTensor a = Nd::Numbered({2, 3}).As(Type::kInt32),
                   b = Nd::Numbered({3, 3}).As(Type::kInt32);
  ExpectError(MakeOp(OpCode::kCONCATENATION, ConcatOptions{1}), {a, b}, Type::kInt32,
              Code::kInvalidModel,
              "input 1 't' has shape 3x3, expected that of input 0 (2x3) but for axis 1");
  ExpectError(MakeOp(OpCode::kCONCATENATION, ConcatOptions{2}), {a, a}, Type::kInt32,
              Code::kInvalidModel, "axis 2 is outside input shape 2x3");
  const TestTensor q = TestTensor::Of<int8_t>(Type::kInt8, {1}, {0}, 0.5f, 0);
  ExpectError(MakeOp(OpCode::kCONCATENATION, ConcatOptions{0}), {q, q}, Type::kInt8,
              Code::kInvalidModel, "quantised otherwise");
}

TEST(PackTest, AddsAnAxis) {
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{2, 5}, Shape{3, 50, 31}}) {
    for (int axis = 0; axis <= shape.rank(); ++axis) {
      Shape packed, one;
      for (int i = 0; i <= shape.rank(); ++i) {
        if (i == axis) packed.Append(3), one.Append(1);
        if (i < shape.rank()) packed.Append(shape[i]), one.Append(shape[i]);
      }
      const Nd whole = Nd::Numbered(packed);
      std::vector<Nd> parts = Parts(whole, axis, {1, 1, 1});
      for (Nd& part : parts) part.shape = shape;
      for (const Type type : kTypes) {
        ExpectOutputs(MakeOp(OpCode::kPACK, PackOptions{3, axis}), As(parts, type),
                      {whole.As(type)});
      }
    }
  }
  const TestTensor t = Nd::Numbered({2}).As(Type::kInt8);
  ExpectError(MakeOp(OpCode::kPACK, PackOptions{1, 2}), {t}, Type::kInt8, Code::kInvalidModel,
              "axis is 2, expected -2 to 1");
  ExpectError(MakeOp(OpCode::kPACK, PackOptions{2, 0}), {t}, Type::kInt8, Code::kInvalidModel,
              "1 inputs, expected 2");
}

TEST(SplitTest, CutsAlongEveryAxis) {
  for (const Shape& shape : {Shape{9}, Shape{9, 3}, Shape{3, 6, 60, 33}, Shape{3, 0}}) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const Nd whole = Nd::Numbered(shape);
      const int32_t size = shape[axis] / 3;
      for (const Type type : kTypes) {
        const auto parts = As(Parts(whole, axis, {size, size, size}), type);
        ExpectOutputs(MakeOp(OpCode::kSPLIT, SplitOptions{3}), {Scalar(axis), whole.As(type)},
                      parts);
        ExpectOutputs(MakeOp(OpCode::kSPLIT, SplitOptions{3}),
                      {AtRunTime(Ints({axis - shape.rank()})), whole.As(type)}, parts);
      }
    }
  }
  const TestTensor t = Nd::Numbered({5, 2}).As(Type::kInt8);
  ExpectError(MakeOp(OpCode::kSPLIT, SplitOptions{2}), {Scalar(0), t}, Type::kInt8,
              Code::kInvalidModel, "has size 5, expected a multiple of 2 parts", 2);
  ExpectError(MakeOp(OpCode::kSPLIT, SplitOptions{2}), {AtRunTime(Scalar(2)), t}, Type::kInt8,
              Code::kInvalidArgument, "axis is 2, expected -2 to 1", 2);
}

}  // namespace
}  // namespace heddle::core
