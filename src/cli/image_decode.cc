// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdio>

// After them: libjpeg's header counts on their types.
#include <jpeglib.h>
#include <png.h>

#include "base/errors.h"
#include "cli/image.h"
#include "cli/image_exif.h"

namespace heddle::cli {
namespace {

using core::InvalidArgument;
using core::ResourceExhausted;

constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr uint64_t kMaxPixels = uint64_t{1} << 27;

Status CheckSize(uint64_t width, uint64_t height) {
  if (width > 0 && height > 0 && width * height <= kMaxPixels) return Status();
  return ResourceExhausted("image of {} by {} pixels, expected at most {} in all", width, height,
                           kMaxPixels);
}

// libjpeg leaves through longjmp: what it does runs in functions that own nothing.
struct Jpeg {
  jpeg_decompress_struct state;
  jpeg_error_mgr errors;
  std::jmp_buf failed;
  char why[JMSG_LENGTH_MAX];
};

[[noreturn]] void OnJpegError(j_common_ptr state) {
  auto* jpeg = static_cast<Jpeg*>(state->client_data);
  (*state->err->format_message)(state, jpeg->why);
  std::longjmp(jpeg->failed, 1);
}

bool IsCmyk(const jpeg_decompress_struct& state) {
  return state.jpeg_color_space == JCS_CMYK || state.jpeg_color_space == JCS_YCCK;
}

bool ReadJpegHeader(Jpeg& jpeg, std::span<const std::byte> file) {
  if (setjmp(jpeg.failed)) return false;
  jpeg_create_decompress(&jpeg.state);
  jpeg_mem_src(&jpeg.state, reinterpret_cast<const unsigned char*>(file.data()), file.size());
  jpeg_save_markers(&jpeg.state, kExifMarker, 0xFFFF);
  jpeg_read_header(&jpeg.state, TRUE);
  if (IsCmyk(jpeg.state)) return true;  // libjpeg makes no RGB of these
  jpeg.state.out_color_space = JCS_RGB;
  jpeg_calc_output_dimensions(&jpeg.state);
  return true;
}

int OrientationOf(const jpeg_decompress_struct& state) {
  for (const jpeg_marker_struct* m = state.marker_list; m != nullptr; m = m->next) {
    if (m->marker != kExifMarker) continue;
    const int orientation = ExifOrientation({m->data, m->data_length});
    if (orientation != 0) return orientation;
  }
  return 1;
}

bool ReadJpegPixels(Jpeg& jpeg, uint8_t* pixels) {
  if (setjmp(jpeg.failed)) return false;
  jpeg_start_decompress(&jpeg.state);
  const size_t row = size_t{jpeg.state.output_width} * 3;
  while (jpeg.state.output_scanline < jpeg.state.output_height) {
    JSAMPROW line = pixels + jpeg.state.output_scanline * row;
    jpeg_read_scanlines(&jpeg.state, &line, 1);
  }
  jpeg_finish_decompress(&jpeg.state);
  return true;
}

Result<Image> DecodeJpeg(std::span<const std::byte> file) {
  Jpeg jpeg{};
  jpeg.state.err = jpeg_std_error(&jpeg.errors);
  jpeg.errors.error_exit = OnJpegError;
  jpeg.errors.emit_message = [](j_common_ptr, int) {};
  jpeg.state.client_data = &jpeg;
  Image image;
  Status status;
  bool ok = ReadJpegHeader(jpeg, file);
  int orientation = 1;
  if (ok && IsCmyk(jpeg.state)) {
    status = core::Unsupported("JPEG is in CMYK, expected grey or colours of YCbCr or RGB");
  } else if (ok) {
    status = CheckSize(jpeg.state.output_width, jpeg.state.output_height);
    orientation = OrientationOf(jpeg.state);
  }
  if (ok && status.ok()) {
    image.width = static_cast<int>(jpeg.state.output_width);
    image.height = static_cast<int>(jpeg.state.output_height);
    image.pixels.resize(size_t{jpeg.state.output_width} * jpeg.state.output_height * 3);
    ok = ReadJpegPixels(jpeg, image.pixels.data());
  }
  jpeg_destroy_decompress(&jpeg.state);
  if (!ok) return InvalidArgument("JPEG is broken: {}", jpeg.why);
  HEDDLE_TRY(status);
  return Upright(image, orientation);
}

Result<Image> DecodePng(std::span<const std::byte> file) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&png, file.data(), file.size()) == 0) {
    return InvalidArgument("PNG is broken: {}", png.message);
  }
  png.format = PNG_FORMAT_RGB;
  png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // else 16-bit samples are taken as linear light
  Status status = CheckSize(png.width, png.height);
  if (!status.ok()) {
    png_image_free(&png);
    return status;
  }
  Image image{static_cast<int>(png.width), static_cast<int>(png.height), 3, {}};
  image.pixels.resize(PNG_IMAGE_SIZE(png));
  const png_color black{};
  if (png_image_finish_read(&png, &black, image.pixels.data(), 0, nullptr) == 0) {
    return InvalidArgument("PNG is broken: {}", png.message);
  }
  return image;
}

bool StartsWith(std::span<const std::byte> file, std::initializer_list<int> bytes) {
  const auto same = [](int expected, std::byte found) {
    return expected == static_cast<int>(found);
  };
  return file.size() >= bytes.size() && std::equal(bytes.begin(), bytes.end(), file.begin(), same);
}

}  // namespace

Result<Image> DecodeImage(std::span<const std::byte> file) {
  if (StartsWith(file, {0xFF, 0xD8, 0xFF})) return DecodeJpeg(file);
  if (StartsWith(file, {0x89, 'P', 'N', 'G'})) return DecodePng(file);
  return core::Unsupported("image is neither JPEG nor PNG");
}

}  // namespace heddle::cli
