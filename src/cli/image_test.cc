// SPDX-License-Identifier: Apache-2.0
#include "cli/image.h"

#include <gtest/gtest.h>

#include "cli/image_input.h"

namespace heddle::cli {
namespace {

std::vector<std::byte> Bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int v : values) bytes.push_back(static_cast<std::byte>(v));
  return bytes;
}

// 2 by 1 pixels, red and blue.
const std::vector<std::byte>& SmallPng() {
  static const auto* file = new std::vector<std::byte>(
      Bytes({137, 80, 78,  71, 13, 10,  26,  10, 0,   0,   0,  13,  73,  72,  68,  82, 0, 0,
             0,   2,  0,   0,  0,  1,   8,   2,  0,   0,   0,  123, 64,  232, 221, 0,  0, 0,
             13,  73, 68,  65, 84, 120, 156, 99, 248, 207, 0,  4,   255, 1,   7,   0,  1, 255,
             226, 35, 158, 89, 0,  0,   0,   0,  73,  69,  78, 68,  174, 66,  96,  130}));
  return *file;
}

TEST(Image, SameSizeIsUnchanged) {
  const Image image{2, 2, 1, {10, 20, 30, 40}};
  EXPECT_EQ(Resize(image, 2, 2), (std::vector<float>{10, 20, 30, 40}));
}

TEST(Image, GrowsBilinearly) {
  const Image image{2, 1, 1, {0, 100}};
  EXPECT_EQ(Resize(image, 4, 1), (std::vector<float>{0, 25, 75, 100}));
  EXPECT_EQ(Resize(image, 2, 3), (std::vector<float>{0, 100, 0, 100, 0, 100}));
}

TEST(Image, ShrinkingCountsEveryPixel) {
  // A triangle as wide as the shrinking, as Pillow resizes: 0.75, 0.75 and 0.25 of their sum.
  const Image image{4, 1, 1, {0, 0, 80, 240}};
  const std::vector<float> half = Resize(image, 2, 1);
  EXPECT_NEAR(half[0], (0.25 * 80) / 1.75, 1e-4);
  EXPECT_NEAR(half[1], (0.75 * 80 + 0.75 * 240) / 1.75, 1e-4);
  const Image flat{7, 5, 3, std::vector<uint8_t>(7 * 5 * 3, 77)};
  for (const float value : Resize(flat, 3, 2)) EXPECT_NEAR(value, 77, 1e-4);
}

TEST(Image, ChannelsStayApart) {
  const Image image{2, 1, 3, {0, 10, 20, 100, 110, 120}};
  EXPECT_EQ(Resize(image, 1, 1), (std::vector<float>{50, 60, 70}));
  EXPECT_EQ(ToLuma({1, 1, 3, {255, 255, 255}}).pixels, std::vector<uint8_t>{255});
  EXPECT_EQ(ToLuma({1, 1, 3, {255, 0, 0}}).pixels, std::vector<uint8_t>{76});
}

TEST(Image, ReadsPng) {
  const Result<Image> image = DecodeImage(SmallPng());
  ASSERT_TRUE(image.ok()) << image.status().message();
  EXPECT_EQ(image->width, 2);
  EXPECT_EQ(image->height, 1);
  EXPECT_EQ(image->pixels, (std::vector<uint8_t>{255, 0, 0, 0, 0, 255}));
}

TEST(Image, BrokenFilesAreErrors) {
  for (size_t size = 0; size + 12 < SmallPng().size(); ++size) {  // the end marker may be missing
    EXPECT_FALSE(DecodeImage(std::span(SmallPng()).first(size)).ok()) << size;
  }
  EXPECT_EQ(DecodeImage(Bytes({0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2})).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(DecodeImage(Bytes({'G', 'I', 'F', '8'})).status().code(), Code::kUnsupported);
}

Port PortOf(core::Type type, core::Shape shape) { return {"x", "", type, shape, {}}; }

TEST(ImageInput, FindsTheInputOfAnImage) {
  Ports ports;
  ports.inputs = {PortOf(core::Type::kInt32, {1, 4, 4, 3}), PortOf(core::Type::kFloat32, {1, 4}),
                  PortOf(core::Type::kUInt8, {1, 4, 4, 3})};
  EXPECT_EQ(FindImageInput(ports), 2);
  ports.inputs.pop_back();
  EXPECT_EQ(FindImageInput(ports), -1);
}

TEST(ImageInput, PixelsBecomeWhatTheTypeAsksFor) {
  const Image image{2, 1, 1, {0, 255}};
  const auto bytes_of = [&](core::Type type) {
    return ImageInput(image, PortOf(type, {1, 1, 2, 1}), {})->data;
  };
  EXPECT_EQ(bytes_of(core::Type::kUInt8), Bytes({0, 255}));
  EXPECT_EQ(bytes_of(core::Type::kInt8), Bytes({-128, 127}));
  EXPECT_EQ(bytes_of(core::Type::kFloat32), Bytes({0, 0, 0x80, 0xBF, 0, 0, 0x80, 0x3F}));  // -1, 1
}

TEST(ImageInput, AScalingGoesThroughTheQuantisation) {
  const Image image{2, 1, 1, {0, 255}};
  Port port = PortOf(core::Type::kInt8, {1, 1, 2, 1});
  port.quant.scale = {0.125f};
  port.quant.zero_point = {4};
  EXPECT_EQ(ImageInput(image, port, PixelScaling{0, 255})->data, Bytes({4, 12}));      // 0 and 1
  EXPECT_EQ(ImageInput(image, port, PixelScaling{127, 1})->data, Bytes({-128, 127}));  // clamped
}

}  // namespace
}  // namespace heddle::cli
