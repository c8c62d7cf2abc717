// SPDX-License-Identifier: Apache-2.0
#include "cli/image_input.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/half.h"

namespace heddle::cli {
namespace {

using core::Type;

// Height, width and channels are the last three sizes.
bool IsImageShape(const core::Shape& shape) {
  const int rank = shape.rank();
  if (rank != 3 && !(rank == 4 && shape[0] == 1)) return false;
  const int channels = shape[rank - 1];
  return (channels == 1 || channels == 3) && shape[rank - 2] > 0 && shape[rank - 3] > 0;
}

bool IsImageType(Type type) {
  return type == Type::kFloat32 || type == Type::kFloat16 || type == Type::kUInt8 ||
         type == Type::kInt8;
}

template <class T>
void Append(T value, std::vector<std::byte>& out) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

template <class T>
void AppendQuantized(float real, const core::Quantization& quant, std::vector<std::byte>& out) {
  const float low = std::numeric_limits<T>::min(), high = std::numeric_limits<T>::max();
  const float q = std::nearbyint(real / quant.Scale()) + static_cast<float>(quant.ZeroPoint());
  Append(static_cast<T>(std::clamp(q, low, high)), out);
}

void AppendPixel(float real, const Port& port, const core::Quantization& quant,
                 std::vector<std::byte>& out) {
  switch (port.type) {
    case Type::kUInt8:
      return AppendQuantized<uint8_t>(real, quant, out);
    case Type::kInt8:
      return AppendQuantized<int8_t>(real, quant, out);
    case Type::kFloat16:
      return Append(core::FloatToHalf(std::clamp(real, -65504.0f, 65504.0f)), out);
    default:
      return Append(real, out);
  }
}

// The quantisation by which a pixel is taken as it is.
core::Quantization AsIs(Type type) {
  core::Quantization quant;
  quant.scale = {1};
  quant.zero_point = {type == Type::kInt8 ? -128 : 0};
  return quant;
}

}  // namespace

int FindImageInput(const Ports& ports) {
  for (size_t k = 0; k < ports.inputs.size(); ++k) {
    const Port& port = ports.inputs[k];
    if (IsImageType(port.type) && IsImageShape(port.shape)) return static_cast<int>(k);
  }
  return -1;
}

Result<OwnedTensor> ImageInput(const Image& image, const Port& port,
                               const std::optional<PixelScaling>& scaling) {
  const int rank = port.shape.rank();
  if (!IsImageType(port.type) || !IsImageShape(port.shape)) {
    return core::InvalidArgument("input '{}' is {} {}, expected an image of 1 or 3 channels",
                                 port.name(), core::TypeName(port.type), port.shape.ToString());
  }
  const int height = port.shape[rank - 3], width = port.shape[rank - 2];
  const bool luma = port.shape[rank - 1] == 1 && image.channels == 3;
  const std::vector<float> pixels = Resize(luma ? ToLuma(image) : image, width, height);
  const bool is_float = port.type == Type::kFloat32 || port.type == Type::kFloat16;
  const bool quantize = scaling && port.quant.quantised() && port.quant.Scale() > 0;
  const core::Quantization quant = quantize ? port.quant : AsIs(port.type);
  const PixelScaling s = scaling.value_or(is_float ? PixelScaling{} : PixelScaling{0, 1});
  OwnedTensor tensor{port.name(), port.type, port.shape, {}};
  for (const float pixel : pixels) AppendPixel((pixel - s.mean) / s.std, port, quant, tensor.data);
  return tensor;
}

}  // namespace heddle::cli
