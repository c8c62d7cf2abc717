// SPDX-License-Identifier: Apache-2.0
#include "cli/image_exif.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace heddle::cli {
namespace {

constexpr uint8_t kExif[] = {'E', 'x', 'i', 'f', 0, 0};
constexpr uint32_t kOrientationTag = 0x0112, kShort = 3;
constexpr size_t kFieldBytes = 12;

// By orientation: whether the file's columns, and its rows, run against the picture.
constexpr bool kColumnsBack[] = {false, false, true, true, false, false, false, true, true};
constexpr bool kRowsBack[] = {false, false, false, true, true, false, true, true, false};

// Numbers of a TIFF file of either byte order; 0 past its end.
class Tiff {
 public:
  explicit Tiff(std::span<const uint8_t> bytes) : bytes_(bytes) {
    little_ = bytes.size() > 1 && bytes[0] == 'I' && bytes[1] == 'I';
  }
  uint32_t Get(size_t at, size_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      value = value << 8 | bytes_[at + (little_ ? size - 1 - i : i)];
    }
    return value;
  }

 private:
  std::span<const uint8_t> bytes_;
  bool little_ = false;
};

}  // namespace

int ExifOrientation(std::span<const uint8_t> marker) {
  if (marker.size() < sizeof(kExif) || std::memcmp(marker.data(), kExif, sizeof(kExif)) != 0) {
    return 0;
  }
  const Tiff tiff(marker.subspan(sizeof(kExif)));
  if (tiff.Get(2, 2) != 42) return 0;
  const size_t directory = tiff.Get(4, 4);
  const size_t fields = tiff.Get(directory, 2);
  for (size_t i = 0; i < fields; ++i) {
    const size_t field = directory + 2 + i * kFieldBytes;
    if (tiff.Get(field, 2) != kOrientationTag || tiff.Get(field + 2, 2) != kShort) continue;
    const uint32_t orientation = tiff.Get(field + 8, 2);
    return orientation <= 8 ? static_cast<int>(orientation) : 0;
  }
  return 0;
}

Image Upright(const Image& stored, int orientation) {
  if (orientation <= 1) return stored;
  const bool turned = orientation >= 5;  // rows of the file are columns of the picture
  const bool columns_back = kColumnsBack[orientation], rows_back = kRowsBack[orientation];
  Image out = stored;
  if (turned) std::swap(out.width, out.height);
  const auto channels = static_cast<size_t>(stored.channels);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      int column = turned ? y : x, row = turned ? x : y;
      if (columns_back) column = stored.width - 1 - column;
      if (rows_back) row = stored.height - 1 - row;
      const size_t from = (static_cast<size_t>(row) * static_cast<size_t>(stored.width) +
                           static_cast<size_t>(column)) *
                          channels;
      const size_t to =
          (static_cast<size_t>(y) * static_cast<size_t>(out.width) + static_cast<size_t>(x)) *
          channels;
      std::copy_n(stored.pixels.begin() + static_cast<std::ptrdiff_t>(from), channels,
                  out.pixels.begin() + static_cast<std::ptrdiff_t>(to));
    }
  }
  return out;
}

}  // namespace heddle::cli
