// SPDX-License-Identifier: Apache-2.0
// How a camera was held: the orientation that Exif notes in a JPEG.
#ifndef HEDDLE_CLI_IMAGE_EXIF_H_
#define HEDDLE_CLI_IMAGE_EXIF_H_

#include <cstdint>
#include <span>

#include "cli/image.h"

namespace heddle::cli {

// 1 to 8, as TIFF counts them; 0: the marker says none. Any bytes will do.
int ExifOrientation(std::span<const uint8_t> marker);

// The picture as it is meant to be seen. REQUIRES: orientation 1 to 8.
Image Upright(const Image& stored, int orientation);

}  // namespace heddle::cli

#endif  // HEDDLE_CLI_IMAGE_EXIF_H_
