// SPDX-License-Identifier: Apache-2.0
// Pictures: JPEG and PNG files, and another size of them.
#ifndef HEDDLE_CLI_IMAGE_H_
#define HEDDLE_CLI_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "heddle/status.h"

namespace heddle::cli {

// Rows from the top, `channels` bytes a pixel: 3 (RGB) or 1 (luma).
struct Image {
  int width = 0, height = 0, channels = 3;
  std::vector<uint8_t> pixels;
};

// By the first bytes, as RGB; transparency is laid on black. Limits the size before it takes
// memory.
Result<Image> DecodeImage(std::span<const std::byte> file);

// As floats 0..255. Bilinear; where it shrinks, the triangle is as wide as the shrinking, so that
// every pixel counts. REQUIRES: sizes above zero.
std::vector<float> Resize(const Image& image, int width, int height);

// ITU-R 601.
Image ToLuma(const Image& rgb);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_IMAGE_H_
