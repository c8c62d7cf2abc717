// SPDX-License-Identifier: Apache-2.0
#include "cli/image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

// After them: libjpeg's header counts on their types.
#include <jpeglib.h>

#include "cli/image_exif.h"
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

TEST(Image, SixteenBitsReadAsEightDo) {
  const Result<Image> image = DecodeImage(
      Bytes({137, 80,  78,  71,  13,  10,  26,  10,  0,   0,   0,   13,  73,  72,  68,  82,
             0,   0,   0,   2,   0,   0,   0,   1,   16,  2,   0,   0,   0,   43,  208, 52,
             158, 0,   0,   0,   21,  73,  68,  65,  84,  120, 218, 99,  112, 112, 104, 104,
             56,  112, 128, 129, 129, 145, 241, 255, 127, 0,   29,  145, 5,   1,   92,  180,
             81,  138, 0,   0,   0,   0,   73,  69,  78,  68,  174, 66,  96,  130}));
  ASSERT_TRUE(image.ok()) << image.status().message();
  EXPECT_EQ(image->pixels, (std::vector<uint8_t>{0x40, 0x80, 0xC0, 0, 1, 255}));
}

// A grey or CMYK picture of 16 by 8, the left half dark, and what Exif says of it.
std::vector<std::byte> Jpeg(int channels, J_COLOR_SPACE space, std::span<const uint8_t> exif) {
  jpeg_compress_struct state{};
  jpeg_error_mgr errors{};
  state.err = jpeg_std_error(&errors);
  jpeg_create_compress(&state);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&state, &out, &size);
  state.image_width = 16;
  state.image_height = 8;
  state.input_components = channels;
  state.in_color_space = space;
  jpeg_set_defaults(&state);
  jpeg_start_compress(&state, TRUE);
  if (!exif.empty()) {
    jpeg_write_marker(&state, JPEG_APP0 + 1, exif.data(), static_cast<unsigned>(exif.size()));
  }
  std::vector<uint8_t> row(16 * static_cast<size_t>(channels), 0);
  std::fill(row.begin() + static_cast<std::ptrdiff_t>(row.size() / 2), row.end(), uint8_t{255});
  for (int y = 0; y < 8; ++y) {
    JSAMPROW line = row.data();
    jpeg_write_scanlines(&state, &line, 1);
  }
  jpeg_finish_compress(&state);
  const auto* bytes = reinterpret_cast<const std::byte*>(out);
  std::vector<std::byte> file(bytes, bytes + size);
  jpeg_destroy_compress(&state);
  std::free(out);
  return file;
}

// One field, little-endian.
std::vector<uint8_t> Exif(uint8_t orientation) {
  return {'E',  'x', 'i', 'f', 0, 0, 'I', 'I', 42,          0, 8, 0, 0, 0, 1, 0,
          0x12, 1,   3,   0,   1, 0, 0,   0,   orientation, 0, 0, 0, 0, 0, 0, 0};
}

TEST(Image, JpegStandsAsTheCameraWasHeld) {
  const Result<Image> plain = DecodeImage(Jpeg(1, JCS_GRAYSCALE, {}));
  ASSERT_TRUE(plain.ok()) << plain.status().message();
  EXPECT_EQ(plain->width, 16);
  EXPECT_LT(plain->pixels.front(), 30);
  EXPECT_GT(plain->pixels.back(), 225);
  const Result<Image> turned = DecodeImage(Jpeg(1, JCS_GRAYSCALE, Exif(8)));  // left is below
  ASSERT_TRUE(turned.ok()) << turned.status().message();
  EXPECT_EQ(turned->width, 8);
  EXPECT_EQ(turned->height, 16);
  EXPECT_GT(turned->pixels.front(), 225);
  EXPECT_LT(turned->pixels.back(), 30);
}

TEST(Image, JpegInCmykIsUnsupported) {
  EXPECT_EQ(DecodeImage(Jpeg(4, JCS_CMYK, {})).status().code(), Code::kUnsupported);
}

TEST(Image, EveryOrientationStandsUpright) {
  const Image stored{3, 2, 1, {1, 2, 3, 4, 5, 6}};
  const std::vector<uint8_t> expected[] = {
      {1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1}, {4, 5, 6, 1, 2, 3},
      {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3}, {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const Image upright = Upright(stored, orientation);
    EXPECT_EQ(upright.pixels, expected[orientation - 1]) << orientation;
    EXPECT_EQ(upright.width, orientation < 5 ? 3 : 2) << orientation;
  }
}

TEST(Image, ExifMayBeAnything) {
  const std::vector<uint8_t> whole = Exif(6);
  EXPECT_EQ(ExifOrientation(whole), 6);
  EXPECT_EQ(ExifOrientation(Exif(9)), 0);
  for (size_t size = 0; size < 25; ++size) {
    EXPECT_EQ(ExifOrientation(std::span(whole).first(size)), 0) << size;
  }
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
