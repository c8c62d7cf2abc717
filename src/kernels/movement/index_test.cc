// SPDX-License-Identifier: Apache-2.0
// STRIDED_SLICE and GATHER against naive indexing, and both on strings.
#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

constexpr Type kF32 = Type::kFloat32;

TestTensor Strings(const Shape& shape, const std::vector<std::string>& values) {
  std::vector<int32_t> words = {static_cast<int32_t>(values.size())};
  std::string bytes;
  const size_t head = 4 * (values.size() + 2);
  words.push_back(static_cast<int32_t>(head));
  for (const std::string& value : values) {
    bytes += value;
    words.push_back(static_cast<int32_t>(head + bytes.size()));
  }
  TestTensor t;
  t.type = Type::kString;
  t.shape = shape;
  t.data.resize(head + bytes.size());
  std::memcpy(t.data.data(), words.data(), head);
  if (!bytes.empty()) std::memcpy(t.data.data() + head, bytes.data(), bytes.size());
  return t;
}

// --- STRIDED_SLICE ---

// The indices of an axis of `size` that Python's slice takes.
std::vector<int32_t> Sliced(int size, int begin, int end, int stride, bool no_begin, bool no_end) {
  if (begin < 0) begin += size;
  if (end < 0) end += size;
  std::vector<int32_t> taken;
  for (int i = 0; i < size; ++i) {
    const int at = stride > 0 ? i : size - 1 - i;
    const bool after = no_begin || (stride > 0 ? at >= begin : at <= begin);
    const bool before = no_end || (stride > 0 ? at < end : at > end);
    if (!after || !before) continue;
    const int first = taken.empty() ? at : taken.front();
    if ((at - first) % stride == 0) taken.push_back(at);
  }
  return taken;
}

TEST(StridedSliceTest, EverySliceOfAShortAxis) {
  for (int size = 0; size <= 4; ++size) {
    const Nd in = Nd::Numbered({size});
    for (int begin = -6; begin <= 6; ++begin) {
      for (int end = -6; end <= 6; ++end) {
        for (const int stride : {1, 2, 3, -1, -2, -3}) {
          for (int masks = 0; masks < 4; ++masks) {
            const auto taken = Sliced(size, begin, end, stride, masks & 1, masks & 2);
            Nd out{{static_cast<int32_t>(taken.size())}, {}};
            for (const int32_t at : taken) out.values.push_back(in.values[at]);
            const StridedSliceOptions options{masks & 1, masks >> 1, 0, 0, 0, false};
            ExpectOutputs(MakeOp(OpCode::kSTRIDED_SLICE, options),
                          {in.As(kF32), Ints({begin}), Ints({end}), Ints({stride})},
                          {out.As(kF32)});
          }
        }
      }
    }
  }
}

TEST(StridedSliceTest, AnOffsetEndCountsFromBegin) {
  const Nd in = Nd::Numbered({6});
  const Nd out{{3}, {in.values[1], in.values[2], in.values[3]}};
  const Operator op = MakeOp(OpCode::kSTRIDED_SLICE, StridedSliceOptions{0, 0, 0, 0, 0, true});
  ExpectOutputs(op, {in.As(kF32), Ints({-5}), Ints({3}), Ints({1})}, {out.As(kF32)});
}

// Entry kinds of a specification, and what they do with axis `axis` of the input.
enum Kind { kSlice, kNew, kShrink, kEllipsis };

struct Spec {
  StridedSliceOptions options;
  std::vector<int32_t> begin, end, stride;
};

Spec MakeSpec(const std::vector<int>& kinds) {
  Spec spec;
  for (size_t i = 0; i < kinds.size(); ++i) {
    spec.begin.push_back(kinds[i] == kShrink ? -1 : 3);
    spec.end.push_back(0);
    spec.stride.push_back(-1);  // elements 3, 2, 1, or the last when it is shrunk
    const int bit = 1 << i;
    if (kinds[i] == kNew) spec.options.new_axis_mask |= bit;
    if (kinds[i] == kShrink) spec.options.shrink_axis_mask |= bit;
    if (kinds[i] == kEllipsis) spec.options.ellipsis_mask |= bit;
  }
  return spec;
}

// REQUIRES: an ellipsis has at least one axis to stand for.
Nd Expected(const Nd& in, const std::vector<int>& kinds) {
  const int rank = in.shape.rank();
  int spoken = 0;
  for (const int kind : kinds) spoken += kind == kSlice || kind == kShrink;
  std::vector<std::vector<int32_t>> taken;  // of each input axis
  Shape shape;
  const auto whole = [&](int size) {
    taken.push_back(Sliced(size, 0, size, 1, true, true));
    shape.Append(size);
  };
  for (const int kind : kinds) {
    const int axis = static_cast<int>(taken.size());
    if (kind == kNew) shape.Append(1);
    if (kind == kShrink) taken.push_back({in.shape[axis] - 1});
    if (kind == kSlice) {
      taken.push_back(Sliced(in.shape[axis], 3, 0, -1, false, false));
      shape.Append(static_cast<int32_t>(taken.back().size()));
    }
    for (int i = 0; kind == kEllipsis && i < rank - spoken; ++i) whole(in.shape[axis + i]);
  }
  while (static_cast<int>(taken.size()) < rank) whole(in.shape[static_cast<int>(taken.size())]);
  Nd out{shape, {}};
  Shape box;
  for (const auto& t : taken) box.Append(static_cast<int32_t>(t.size()));
  ForEachIndex(box, [&](const Index& at) {
    Index from{};
    for (int i = 0; i < rank; ++i) from[i] = taken[i][at[i]];
    out.values.push_back(in[from]);
  });
  return out;
}

TEST(StridedSliceTest, EverySpecificationOfFourEntries) {
  const Nd in = Nd::Numbered({4, 2, 5});
  for (int length = 0; length <= 4; ++length) {
    for (int code = 0; code < 1 << (2 * length); ++code) {
      std::vector<int> kinds(length);
      int spoken = 0, ellipses = 0;
      for (int i = 0; i < length; ++i) {
        kinds[i] = code >> (2 * i) & 3;
        spoken += kinds[i] == kSlice || kinds[i] == kShrink;
        ellipses += kinds[i] == kEllipsis;
      }
      if (spoken + ellipses > 3 || ellipses > 1) continue;
      const Spec spec = MakeSpec(kinds);
      const Nd out = Expected(in, kinds);
      for (const Type type : {Type::kInt4, Type::kInt16}) {
        ExpectOutputs(MakeOp(OpCode::kSTRIDED_SLICE, spec.options),
                      {in.As(type), Ints(spec.begin), AtRunTime(Ints(spec.end)), Ints(spec.stride)},
                      {out.As(type)}, std::to_string(code).c_str());
      }
    }
  }
}

TEST(StridedSliceTest, Errors) {
  const TestTensor t = Nd::Numbered({3}).As(kF32);
  const Operator op = MakeOp(OpCode::kSTRIDED_SLICE);
  ExpectError(op, {t, Ints({0}), Ints({1}), Ints({0})}, kF32, Code::kInvalidModel, "stride 0 is 0");
  ExpectError(op, {t, Ints({0}), Ints({1, 2}), Ints({1})}, kF32, Code::kInvalidModel,
              "end 't' has shape 2");
  ExpectError(op, {t, AtRunTime(Ints({0, 0})), Ints({1, 1}), Ints({1, 1})}, kF32,
              Code::kInvalidArgument, "has 2 entries, expected at most 1");
  StridedSliceOptions shrink;
  shrink.shrink_axis_mask = 1;
  ExpectError(MakeOp(OpCode::kSTRIDED_SLICE, shrink),
              {t, AtRunTime(Ints({3})), Ints({4}), Ints({1})}, kF32, Code::kInvalidArgument,
              "begin 0 is 3, expected an index into axis 0 of input shape 3");
}

TEST(StridedSliceTest, Strings) {
  const TestTensor t = Strings({2, 3}, {"a", "", "ccc", "dd", std::string("e\0e", 3), "f"});
  ExpectOutputs(MakeOp(OpCode::kSTRIDED_SLICE), {t, Ints({0, 2}), Ints({2, 0}), Ints({1, -1})},
                {Strings({2, 2}, {"ccc", "", "f", std::string("e\0e", 3)})});
  ExpectOutputs(MakeOp(OpCode::kSTRIDED_SLICE), {t, Ints({2, 0}), Ints({2, 3}), Ints({1, 1})},
                {Strings({0, 3}, {})});
}

// --- GATHER ---

Nd Gathered(const Nd& params, const Shape& index_shape, const std::vector<int32_t>& indices,
            int axis, int batch) {
  Shape shape;
  for (int i = 0; i < axis; ++i) shape.Append(params.shape[i]);
  for (int i = batch; i < index_shape.rank(); ++i) shape.Append(index_shape[i]);
  for (int i = axis + 1; i < params.shape.rank(); ++i) shape.Append(params.shape[i]);
  Nd out{shape, {}};
  const int span = index_shape.rank() - batch;
  ForEachIndex(shape, [&](const Index& at) {
    Index where{}, from{};
    for (int i = 0; i < batch; ++i) where[i] = at[i];
    for (int i = 0; i < span; ++i) where[batch + i] = at[axis + i];
    for (int i = 0; i < axis; ++i) from[i] = at[i];
    from[axis] = indices[FlatIndex(index_shape, where)];
    for (int i = axis + 1; i < params.shape.rank(); ++i) from[i] = at[i - 1 + span];
    out.values.push_back(params[from]);
  });
  return out;
}

template <class I>
TestTensor Indices(Type type, const Shape& shape, const std::vector<int32_t>& values) {
  return TestTensor::Of<I>(type, shape, std::vector<I>(values.begin(), values.end()));
}

TEST(GatherTest, EveryAxisAndBatch) {
  const Nd params = Nd::Numbered({2, 3, 4, 3});
  const Shape shapes[] = {{}, {5}, {2, 2}, {2, 3, 1}, {0}};
  for (const Shape& shape : shapes) {
    for (int axis = 0; axis < 4; ++axis) {
      for (int batch = 0; batch <= std::min(axis, shape.rank()); ++batch) {
        bool fits = true;
        for (int i = 0; i < batch; ++i) fits &= shape[i] == params.shape[i];
        if (!fits) continue;
        std::vector<int32_t> indices(static_cast<size_t>(shape.elements()));
        for (size_t i = 0; i < indices.size(); ++i)
          indices[i] = static_cast<int32_t>(i * 7 + 1) % params.shape[axis];
        const Nd out = Gathered(params, shape, indices, axis, batch);
        const Operator op = MakeOp(OpCode::kGATHER, GatherOptions{axis - 4, batch - shape.rank()});
        for (const Type type :
             {Type::kInt8, Type::kFloat16, kF32, Type::kInt64, Type::kComplex128}) {
          ExpectOutputs(op, {params.As(type), Indices<int32_t>(Type::kInt32, shape, indices)},
                        {out.As(type)});
        }
        ExpectOutputs(op, {params.As(kF32), Indices<int16_t>(Type::kInt16, shape, indices)},
                      {out.As(kF32)});
        ExpectOutputs(op, {params.As(kF32), Indices<int64_t>(Type::kInt64, shape, indices)},
                      {out.As(kF32)});
      }
    }
  }
}

TEST(GatherTest, RowsOfNibblesFillWholeBytes) {
  const Nd params = Nd::Numbered({3, 4});
  const Nd out = Gathered(params, {2}, {2, 0}, 0, 0);
  ExpectOutputs(MakeOp(OpCode::kGATHER), {params.As(Type::kInt4), Ints({2, 0})},
                {out.As(Type::kInt4)});
  ExpectError(MakeOp(OpCode::kGATHER, GatherOptions{1, 0}), {params.As(Type::kInt4), Ints({2, 0})},
              Type::kInt4, Code::kUnsupported,
              "rows of 1 elements of type int4, expected whole bytes");
}

TEST(GatherTest, AnIndexOutsideStopsTheStep) {
  const TestTensor params = Nd::Numbered({3}).As(kF32);
  for (const int32_t bad : {-1, 3}) {
    const std::string text = "an index points outside its tensor: element 1 of 't' is " +
                             std::to_string(bad) + ", expected 0 to 2";
    ExpectError(MakeOp(OpCode::kGATHER),
                {params, TestTensor::Of<int32_t>(Type::kInt32, {2}, {0, bad})}, kF32,
                Code::kInvalidArgument, text.c_str());
    ExpectError(MakeOp(OpCode::kGATHER), {params, Ints({0, bad})}, kF32, Code::kInvalidArgument,
                text.c_str());
    ExpectError(MakeOp(OpCode::kGATHER), {Strings({3}, {"a", "b", "c"}), Ints({0, bad})},
                Type::kString, Code::kInvalidArgument, text.c_str());
  }
  ExpectError(MakeOp(OpCode::kGATHER, GatherOptions{1, 0}), {params, Ints({0})}, kF32,
              Code::kInvalidModel, "axis 1 is outside of the shape 3");
  ExpectError(MakeOp(OpCode::kGATHER, GatherOptions{0, 1}), {params, Ints({0})}, kF32,
              Code::kInvalidModel, "batch_dims is 1, expected at most axis 0");
}

TEST(GatherTest, Strings) {
  ExpectOutputs(
      MakeOp(OpCode::kGATHER),
      {Strings({3}, {"a", "", "ccc"}), Indices<int64_t>(Type::kInt64, {2, 2}, {2, 1, 0, 2})},
      {Strings({2, 2}, {"ccc", "", "a", "ccc"})});
}

}  // namespace
}  // namespace heddle::core
