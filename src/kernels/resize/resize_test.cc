// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <random>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

constexpr Type kF32 = Type::kFloat32;
constexpr ResizeOptions kPlain{}, kCorners{true, false}, kHalf{false, true};

template <class T>
std::vector<T> Compute(OpCode code, ResizeOptions options, const TestTensor& input, int height,
                       int width, Numerics numerics) {
  std::vector<T> first;
  for (const auto& [isa, cut] : IsasAndCuts()) {
    std::vector<TestTensor> outputs = {TestTensor::Output(input.type)};
    outputs[0].quant = input.quant;
    const Status status =
        RunOperation(MakeOp(code, options), {input, Ints({height, width})}, outputs,
                     {.numerics = numerics, .isa = isa, .tiles_per_call = cut});
    EXPECT_TRUE(status.ok()) << status.c_str();
    if (isa == Isa::kPlain && cut == 0) first = outputs[0].As<T>();
    EXPECT_EQ(first, outputs[0].As<T>()) << IsaName(isa) << " cut " << cut;
  }
  return first;
}

void ExpectRow(ResizeOptions options, Numerics numerics, const std::vector<float>& expected) {
  const TestTensor t = TestTensor::Of<float>(kF32, {1, 1, 2, 1}, {0, 12});
  const auto row = Compute<float>(OpCode::kRESIZE_BILINEAR, options, t, 1, 4, numerics);
  ASSERT_EQ(row.size(), expected.size());
  for (size_t i = 0; i < row.size(); ++i) EXPECT_NEAR(row[i], expected[i], 1e-5) << i;
}

TEST(ResizeBilinearTest, PositionsOfTheThreeModes) {
  for (const Numerics numerics : {Numerics::kReference, Numerics::kFast}) {
    ExpectRow(kPlain, numerics, {0, 6, 12, 12});
    ExpectRow(kCorners, numerics, {0, 4, 8, 12});
    ExpectRow(kHalf, numerics, {0, 3, 9, 12});
  }
}

TEST(ResizeBilinearTest, ATieIsRoundedAsTheNumericsSay) {
  const TestTensor t = TestTensor::Of<int8_t>(Type::kInt8, {1, 1, 2, 1}, {0, -5}, 1.0f, 0);
  const auto reference =
      Compute<int8_t>(OpCode::kRESIZE_BILINEAR, kPlain, t, 1, 4, Numerics::kReference);
  EXPECT_EQ(reference, (std::vector<int8_t>{0, -3, -5, -5}));
  const auto fast = Compute<int8_t>(OpCode::kRESIZE_BILINEAR, kPlain, t, 1, 4, Numerics::kFast);
  EXPECT_EQ(fast, (std::vector<int8_t>{0, -2, -5, -5}));
}

// Every type and both numerics, against the mix of four pixels in double.
template <class T>
void ExpectNearBilinear(Type type, double tolerance) {
  const Shape shape = {2, 5, 7, 3};
  Nd nd = Nd::Numbered(shape);
  for (uint64_t& v : nd.values) v >>= 58;
  TestTensor input = nd.As(type);
  if (type == kF32)
    input = TestTensor::Of<float>(kF32, shape, {nd.values.begin(), nd.values.end()});
  if (type != kF32) input.quant.scale = {1.0f}, input.quant.zero_point = {0};
  const std::vector<T> in = input.As<T>();
  for (const ResizeOptions options : {kPlain, kCorners, kHalf}) {
    const auto position = [&](int i, int from, int to) {
      const bool corners = options.align_corners && to > 1;
      const double scale = corners ? (from - 1.0) / (to - 1.0) : static_cast<double>(from) / to;
      const double at = options.half_pixel_centers ? (i + 0.5) * scale - 0.5 : i * scale;
      return std::clamp(at, 0.0, from - 1.0);
    };
    for (const auto& [height, width] : {std::pair(11, 3), std::pair(1, 20), std::pair(5, 7)}) {
      for (const Numerics numerics : {Numerics::kReference, Numerics::kFast}) {
        const auto out =
            Compute<T>(OpCode::kRESIZE_BILINEAR, options, input, height, width, numerics);
        const Shape to = {2, height, width, 3};
        ForEachIndex(to, [&, h = height, w = width](const Index& at) {
          const double y = position(at[1], 5, h), x = position(at[2], 7, w);
          const int y0 = static_cast<int>(y), x0 = static_cast<int>(x);
          const auto pixel = [&](int row, int col) {
            return static_cast<double>(
                in[FlatIndex(shape, {at[0], std::min(row, 4), std::min(col, 6), at[3]})]);
          };
          const double top = std::lerp(pixel(y0, x0), pixel(y0, x0 + 1), x - x0);
          const double bottom = std::lerp(pixel(y0 + 1, x0), pixel(y0 + 1, x0 + 1), x - x0);
          EXPECT_NEAR(out[FlatIndex(to, at)], std::lerp(top, bottom, y - y0), tolerance);
        });
      }
    }
  }
}

TEST(ResizeBilinearTest, EveryTypeAgainstDouble) {
  ExpectNearBilinear<float>(kF32, 1e-4);
  ExpectNearBilinear<int8_t>(Type::kInt8, 0.8);
  ExpectNearBilinear<uint8_t>(Type::kUInt8, 0.8);
  ExpectNearBilinear<int16_t>(Type::kInt16, 0.8);
}

// XNNPACK's own arithmetic, pixel by pixel.
float XnnMix(float from, float to, float part) { return from + (to - from) * part; }

template <class T>
T XnnPixel(T tl, T tr, T bl, T br, float x, float y) {
  if constexpr (std::is_same_v<T, float>) {
    return XnnMix(XnnMix(tl, tr, x), XnnMix(bl, br, x), y);
  } else {
    const auto fx = static_cast<int32_t>(std::nearbyint(x * 2048));
    const auto fy = static_cast<int32_t>(std::nearbyint(y * 2048));
    const int32_t top = tl * 2048 + fx * (tr - tl), bottom = bl * 2048 + fx * (br - bl);
    return static_cast<T>((top * 2048 + fy * (bottom - top) + (1 << 21)) >> 22);
  }
}

// Bit for bit, whatever is mixed once and for how many columns at a time.
template <class T>
void ExpectXnnBilinear(Type type, const Shape& from, int height, int width) {
  std::mt19937 random(static_cast<uint32_t>(from.elements()));
  std::vector<T> in(static_cast<size_t>(from.elements()));
  for (T& v : in) v = static_cast<T>(static_cast<int32_t>(random() >> 16));
  TestTensor input = TestTensor::Of<T>(type, from, in, type == kF32 ? 0.0f : 1.0f);
  const auto out =
      Compute<T>(OpCode::kRESIZE_BILINEAR, kHalf, input, height, width, Numerics::kFast);
  const auto position = [](int i, int size, int of) {
    const float scale = static_cast<float>(size) / static_cast<float>(of);
    const float at = static_cast<float>(i) * scale + (0.5f * scale - 0.5f);
    return std::clamp(at, 0.0f, static_cast<float>(size - 1));
  };
  const Shape to = {from[0], height, width, from[3]};
  ForEachIndex(to, [&](const Index& at) {
    const float y = position(at[1], from[1], height), x = position(at[2], from[2], width);
    const int top = static_cast<int>(y), left = static_cast<int>(x);
    const auto pixel = [&](int row, int col) {
      return in[FlatIndex(from,
                          {at[0], std::min(row, from[1] - 1), std::min(col, from[2] - 1), at[3]})];
    };
    const T want = XnnPixel<T>(pixel(top, left), pixel(top, left + 1), pixel(top + 1, left),
                               pixel(top + 1, left + 1), x - static_cast<float>(left),
                               y - static_cast<float>(top));
    ASSERT_EQ(out[FlatIndex(to, at)], want) << from.ToString() << " to " << to.ToString();
  });
}

TEST(ResizeBilinearTest, XnnpacksBits) {
  for (const int channels : {1, 2, 3, 4, 5, 15, 16, 21, 64}) {
    for (const auto& [height, width] : {std::pair(11, 9), std::pair(2, 3), std::pair(1, 400)}) {
      const Shape from = {2, 5, 6, channels};
      ExpectXnnBilinear<float>(kF32, from, height, width);
      ExpectXnnBilinear<int8_t>(Type::kInt8, from, height, width);
      ExpectXnnBilinear<uint8_t>(Type::kUInt8, from, height, width);
    }
  }
  ExpectXnnBilinear<float>(kF32, {1, 2, 2, 2100}, 3, 3);  // a pixel of more than is mixed at a time
}

TEST(ResizeNearestTest, PositionsOfTheThreeModes) {
  const TestTensor t = TestTensor::Of<int16_t>(Type::kInt16, {1, 1, 3, 1}, {10, 20, 30});
  const auto row = [&](ResizeOptions options, int width) {
    return Compute<int16_t>(OpCode::kRESIZE_NEAREST_NEIGHBOR, options, t, 1, width,
                            Numerics::kFast);
  };
  EXPECT_EQ(row(kPlain, 6), (std::vector<int16_t>{10, 10, 20, 20, 30, 30}));
  EXPECT_EQ(row(kPlain, 2), (std::vector<int16_t>{10, 20}));
  EXPECT_EQ(row(kCorners, 5), (std::vector<int16_t>{10, 20, 20, 30, 30}));
  EXPECT_EQ(row(kHalf, 2), (std::vector<int16_t>{10, 30}));
  EXPECT_EQ(row(kPlain, 0), (std::vector<int16_t>{}));
}

TEST(ResizeNearestTest, PixelsOfEveryWidth) {
  for (const int channels : {1, 2, 3, 4, 8, 16, 21}) {
    const Nd in = Nd::Numbered({2, 3, 2, channels});
    Nd out = Nd::Filled({2, 6, 4, channels}, 0);
    ForEachIndex(out.shape,
                 [&](const Index& at) { out[at] = in[{at[0], at[1] / 2, at[2] / 2, at[3]}]; });
    for (const Type type : {Type::kUInt8, Type::kFloat16, kF32}) {
      ExpectOutputs(MakeOp(OpCode::kRESIZE_NEAREST_NEIGHBOR),
                    {in.As(type), AtRunTime(Ints({6, 4}))}, {out.As(type)});
    }
  }
}

TEST(ResizeTest, RefusesWrongSizes) {
  const TestTensor t = TestTensor::Of<float>(kF32, {1, 2, 2, 1}, {1, 2, 3, 4});
  const Operator linear = MakeOp(OpCode::kRESIZE_BILINEAR),
                 nearest = MakeOp(OpCode::kRESIZE_NEAREST_NEIGHBOR);
  ExpectError(linear, {t, Ints({1, 2, 3})}, kF32, Code::kInvalidModel, "has shape 3, expected 2");
  ExpectError(linear, {t, AtRunTime(Ints({0, 2}))}, kF32, Code::kInvalidArgument,
              "is 0x2, expected at least 1");
  ExpectError(nearest, {t, Ints({-2, 2})}, kF32, Code::kInvalidModel,
              "is -2x2, expected at least 0");
  ExpectError(nearest, {t, Ints({1 << 30, 2})}, kF32, Code::kUnsupported,
              "expected at most 4194304");
  ExpectError(MakeOp(OpCode::kRESIZE_BILINEAR, ResizeOptions{true, true}), {t, Ints({2, 2})}, kF32,
              Code::kInvalidModel, "align_corners and half_pixel_centers");
  TestTensor flat = t;
  flat.shape = {2, 2};
  ExpectError(nearest, {flat, Ints({2, 2})}, kF32, Code::kInvalidModel,
              "shape 2x2, expected four dimensions");
}

}  // namespace
}  // namespace heddle::core
