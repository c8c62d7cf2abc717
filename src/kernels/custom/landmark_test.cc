// SPDX-License-Identifier: Apache-2.0
// MediaPipe's landmark operators, against what their public sources say in words.
#include <flatbuffers/flexbuffers.h>

#include <cmath>
#include <functional>

#include "kernels/movement/nd_for_test.h"

namespace heddle::core {
namespace {

struct Custom {
  std::vector<uint8_t> options;
  Operator op;

  Custom(const char* name, int version, const std::function<void(flexbuffers::Builder&)>& fill) {
    flexbuffers::Builder b;
    b.Map([&] { fill(b); });
    b.Finish();
    options = b.GetBuffer();
    op.code = OpCode::kCUSTOM;
    op.version = version;
    op.custom_name = name;
    op.custom_options = std::as_bytes(std::span(options));
  }
  Custom(const Custom&) = delete;

  TestTensor Run(const std::vector<TestTensor>& inputs) const {
    std::vector<TestTensor> outputs = {TestTensor::Output(Type::kFloat32)};
    const Status status = RunOperation(op, inputs, outputs, {.tiles_per_call = 1});
    EXPECT_TRUE(status.ok()) << status.c_str();
    return outputs[0];
  }
};

void AddInts(flexbuffers::Builder& b, const char* name, std::vector<int> values) {
  b.TypedVector(name, [&] {
    for (const int v : values) b.Int(v);
  });
}

TestTensor Floats(const Shape& shape, std::vector<float> values) {
  return TestTensor::Of<float>(Type::kFloat32, shape, std::move(values));
}
TestTensor Matrix(float xx, float xy, float x, float yx, float yy, float y) {
  return Floats({1, 4, 4}, {xx, xy, 0, x, yx, yy, 0, y, 0, 0, 1, 0, 0, 0, 0, 1});
}

// --- Landmarks2TransformMatrix ---

Custom FirstCrop() {
  return Custom("Landmarks2TransformMatrix", 1, [](flexbuffers::Builder& b) {
    AddInts(b, "subset", {0, 1, 2, 3, 4});
    AddInts(b, "input_hw", {40, 60});
    AddInts(b, "output_hw", {8, 16});
    b.Int("dimensions", 3);
    b.Int("landmarks_range", 192);
    b.Int("left_rotation_idx", 0);
    b.Int("right_rotation_idx", 1);
    b.Float("bbox_size_multiplier", 1.5f);
  });
}
Custom SecondCrop(float rotation, float scale_y) {
  return Custom("Landmarks2TransformMatrix", 2, [=](flexbuffers::Builder& b) {
    AddInts(b, "subset_idxs", {0, 1, 2, 3, 4});
    b.Int("left_rotation_idx", 0);
    b.Int("right_rotation_idx", 1);
    b.Int("output_height", 8);
    b.Int("output_width", 16);
    b.Float("target_rotation_radians", rotation);
    b.Float("scale_x", 1.5f);
    b.Float("scale_y", scale_y);
  });
}

struct Point {
  double x, y;
};
Point Turn(Point p, double radians) {
  return {p.x * std::cos(radians) - p.y * std::sin(radians),
          p.x * std::sin(radians) + p.y * std::cos(radians)};
}
Point Through(const TestTensor& matrix, Point p) {
  const std::vector<float> m = matrix.As<float>();
  return {m[0] * p.x + m[1] * p.y + m[3], m[4] * p.x + m[5] * p.y + m[7]};
}

// The box around the landmarks when they are turned upright.
struct Upright {
  double angle;
  Point center, size;

  Upright(const std::vector<Point>& landmarks, double turned) : angle(turned) {
    Point low = {1e9, 1e9}, high = {-1e9, -1e9};
    for (const Point& l : landmarks) {
      const Point p = Turn(l, angle);
      low = {std::min(low.x, p.x), std::min(low.y, p.y)};
      high = {std::max(high.x, p.x), std::max(high.y, p.y)};
    }
    size = {high.x - low.x, high.y - low.y};
    center = Turn({(low.x + high.x) / 2, (low.y + high.y) / 2}, -angle);
  }
  // A place of the box, its middle 0 and its border 1, times `scale`.
  Point At(Point place, Point scale) const {
    const Point p = Turn({place.x * scale.x * size.x / 2, place.y * scale.y * size.y / 2}, -angle);
    return {center.x + p.x, center.y + p.y};
  }
};

const std::vector<Point> kLandmarks = {{60, 70}, {90, 82}, {70, 100}, {95, 60}, {81, 77}};

std::vector<float> Flat(const std::vector<Point>& landmarks) {
  std::vector<float> values;
  for (const Point& p : landmarks)
    values.insert(values.end(), {static_cast<float>(p.x), static_cast<float>(p.y), 5.0f});
  return values;
}

TEST(LandmarkMatrix, FirstVersionMapsPlacesToPlaces) {
  const Custom crop = FirstCrop();
  const TestTensor matrix = crop.Run({Floats({1, 1, 1, 15}, Flat(kLandmarks))});
  ASSERT_EQ(matrix.shape, (Shape{1, 4, 4}));
  const Point level = {kLandmarks[1].x - kLandmarks[0].x, kLandmarks[1].y - kLandmarks[0].y};
  const Upright box(kLandmarks, -std::atan(level.y / level.x));
  for (const Point out : {Point{0, 0}, {15, 0}, {0, 7}, {15, 7}, {7.5, 3.5}, {3, 6}}) {
    // In the crop, on the landmarks' scale of 192, in the picture.
    const Point in = box.At({out.x / 7.5 - 1, out.y / 3.5 - 1}, {1.5, 1.5});
    const Point expected = {in.x / 192 * 59, in.y / 192 * 39};
    const Point found = Through(matrix, out);
    EXPECT_NEAR(found.x, expected.x, 1e-4);
    EXPECT_NEAR(found.y, expected.y, 1e-4);
  }
  const std::vector<float> m = matrix.As<float>();
  EXPECT_EQ(std::vector<float>(m.begin() + 8, m.end()),
            (std::vector<float>{0, 0, 1, 0, 0, 0, 0, 1}));
}

TEST(LandmarkMatrix, SecondVersionMapsCornersToCorners) {
  const TestTensor landmarks = Floats({1, 5, 3}, Flat(kLandmarks));
  for (const double rotation : {0.0, 0.7, -2.5}) {
    const Custom crop = SecondCrop(static_cast<float>(rotation), 2.0f);
    const TestTensor matrix = crop.Run({landmarks});
    const Upright box(kLandmarks, rotation - std::atan2(12.0, 30.0));
    for (const Point out : {Point{0, 0}, {16, 0}, {0, 8}, {16, 8}, {8, 4}, {3, 6}}) {
      const Point expected = box.At({out.x / 8 - 1, out.y / 4 - 1}, {1.5, 2.0});
      const Point found = Through(matrix, out);
      EXPECT_NEAR(found.x, expected.x, 1e-4) << rotation;
      EXPECT_NEAR(found.y, expected.y, 1e-4) << rotation;
    }
  }
}

TEST(LandmarkMatrix, OfALevelFaceIsExact) {
  const std::vector<Point> level = {{10, 20}, {30, 20}, {20, 40}, {20, 30}, {20, 30}};
  const TestTensor matrix = SecondCrop(0, 1.5f).Run({Floats({1, 5, 3}, Flat(level))});
  EXPECT_EQ(matrix.As<float>(), (std::vector<float>{1.875f, 0, 0, 5,  //
                                                    0, 3.75f, 0, 15,  //
                                                    0, 0, 1, 0, 0, 0, 0, 1}));
}

TEST(LandmarkMatrix, Errors) {
  const Custom first = FirstCrop(), second = SecondCrop(0, 1), flat = SecondCrop(0, 0);
  const auto fails = [](const Custom& c, const Shape& shape, const char* text) {
    const auto n = static_cast<size_t>(shape.elements());
    ExpectError(c.op, {Floats(shape, std::vector<float>(n, 1))}, Type::kFloat32,
                Code::kInvalidModel, text);
  };
  fails(first, {1, 5, 3}, "4 dimensions and at least 15 values");
  fails(first, {1, 1, 1, 14}, "4 dimensions and at least 15 values");
  fails(second, {1, 4, 3}, "3 dimensions and at least 15 values");
  fails(flat, {1, 5, 3}, "scales of 1.5 and 0");
}

// --- TransformLandmarks ---

TEST(TransformLandmarks, MovesTwoCoordinates) {
  const TestTensor matrix = Matrix(2, 1, 10, 0, -1, 20);
  const Custom second("TransformLandmarks", 2, [](flexbuffers::Builder&) {});
  EXPECT_EQ(second.Run({Floats({1, 2, 3}, {1, 2, 9, 3, 4, 8}), matrix}).As<float>(),
            (std::vector<float>{14, 18, 9, 20, 16, 8}));
  EXPECT_EQ(second.Run({Floats({1, 2, 2}, {1, 2, 3, 4}), matrix}).As<float>(),
            (std::vector<float>{14, 18, 20, 16}));
  const Custom first("TransformLandmarks", 1, [](flexbuffers::Builder& b) {
    b.Int("dimensions", 3);
    b.Float("scale", 0.5f);
  });
  const TestTensor moved = first.Run({Floats({1, 1, 1, 6}, {1, 2, 9, 3, 4, 8}), matrix});
  EXPECT_EQ(moved.shape, (Shape{1, 1, 1, 6}));
  EXPECT_EQ(moved.As<float>(), (std::vector<float>{9, 8, 9, 15, 6, 8}));
}

TEST(TransformLandmarks, Errors) {
  const Custom first("TransformLandmarks", 1,
                     [](flexbuffers::Builder& b) { b.Int("dimensions", 2); });
  const Custom second("TransformLandmarks", 2, [](flexbuffers::Builder&) {});
  const auto fails = [](const Custom& c, const TestTensor& in, const TestTensor& matrix,
                        const char* text) {
    ExpectError(c.op, {in, matrix}, Type::kFloat32, Code::kInvalidModel, text);
  };
  const TestTensor matrix = Matrix(1, 0, 0, 0, 1, 0);
  fails(first, Floats({1, 1, 1, 3}, {1, 2, 3}), matrix, "landmarks of 2 values each");
  fails(first, Floats({1, 2}, {1, 2}), matrix, "4 dimensions");
  fails(second, Floats({1, 1, 4}, {1, 2, 3, 4}), matrix, "landmarks of 2 or 3 values");
  fails(second, Floats({1, 1, 2}, {1, 2}), Floats({4}, {1, 2, 3, 4}), "16 values");
}

// --- TransformTensorBilinear ---

Custom Places(int height, int width, const char* mode = "bilinear") {
  return Custom("TransformTensorBilinear", 1, [=](flexbuffers::Builder& b) {
    b.String("mode", mode);
    AddInts(b, "output_size", {height, width});
  });
}
Custom Corners(int height, int width) {
  return Custom("TransformTensorBilinear", 2, [=](flexbuffers::Builder& b) {
    b.Int("output_height", height);
    b.Int("output_width", width);
  });
}

// Two channels, the second the first times -10.
TestTensor Picture() {
  std::vector<float> values;
  for (int i = 0; i < 16; ++i) {
    const auto v = static_cast<float>(i);
    values.insert(values.end(), {v, -10 * v});
  }
  return Floats({1, 4, 4, 2}, values);
}

TEST(TransformTensor, IsTheSameThroughTheUnitMatrix) {
  const TestTensor unit = Matrix(1, 0, 0, 0, 1, 0);
  EXPECT_EQ(Places(4, 4).Run({Picture(), unit}).data, Picture().data);
  EXPECT_EQ(Corners(4, 4).Run({Picture(), unit}).data, Picture().data);
}

TEST(TransformTensor, IsZeroOutside) {
  const TestTensor out = Places(2, 3).Run({Picture(), Matrix(1, 0, 2, 0, 1, -1)});
  EXPECT_EQ(out.shape, (Shape{1, 2, 3, 2}));
  EXPECT_EQ(out.As<float>(), (std::vector<float>{0, 0, 0, 0, 0, 0, 2, -20, 3, -30, 0, 0}));
  for (const float odd : {NAN, INFINITY, -INFINITY, 3e38f}) {
    const TestTensor none = Corners(1, 2).Run({Picture(), Matrix(odd, 0, odd, 0, 1, 0)});
    EXPECT_EQ(none.As<float>(), std::vector<float>(4, 0)) << odd;
  }
}

TEST(TransformTensor, FirstVersionReckonsInPlaces) {
  // Halfway between two places, a quarter of the way down.
  const TestTensor out = Places(1, 2).Run({Picture(), Matrix(1, 0, 0.5f, 0, 1, 1.25f)});
  EXPECT_EQ(out.As<float>(), (std::vector<float>{5.5f, -55, 6.5f, -65}));
}

TEST(TransformTensor, SecondVersionReckonsInCorners) {
  // Every value of a picture half as large is the mean of four.
  const TestTensor out = Corners(2, 2).Run({Picture(), Matrix(2, 0, 0, 0, 2, 0)});
  EXPECT_EQ(out.As<float>(), (std::vector<float>{2.5f, -25, 4.5f, -45, 10.5f, -105, 12.5f, -125}));
}

TEST(TransformTensor, Errors) {
  const TestTensor unit = Matrix(1, 0, 0, 0, 1, 0);
  ExpectError(Places(1, 1, "nearest").op, {Picture(), unit}, Type::kFloat32, Code::kUnsupported,
              "'mode' is 'nearest'");
  ExpectError(Places(0, 1).op, {Picture(), unit}, Type::kFloat32, Code::kInvalidModel,
              "'output_size' holds 0");
  ExpectError(Corners(1, 1).op, {Floats({1, 2}, {1, 2}), unit}, Type::kFloat32, Code::kInvalidModel,
              "1xHxWxC");
  ExpectError(Corners(1, 1).op, {Picture(), Floats({3}, {1, 2, 3})}, Type::kFloat32,
              Code::kInvalidModel, "16 values");
}

}  // namespace
}  // namespace heddle::core
