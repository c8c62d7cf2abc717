// SPDX-License-Identifier: Apache-2.0
#include "cli/image.h"

#include <algorithm>
#include <cmath>

namespace heddle::cli {
namespace {

// The source pixels that one target pixel is made of, along one axis.
struct Taps {
  int first = 0;
  std::vector<float> weights;  // their sum is 1
};

std::vector<Taps> TapsFor(int from, int to) {
  const double ratio = static_cast<double>(from) / to;
  const double reach = std::max(ratio, 1.0);  // half the triangle's foot
  std::vector<Taps> all;
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * ratio - 0.5;
    Taps taps;
    taps.first = std::max(0, static_cast<int>(std::ceil(center - reach)));
    const int last = std::min(from - 1, static_cast<int>(std::floor(center + reach)));
    double sum = 0;
    for (int s = taps.first; s <= last; ++s) {
      const double weight = std::max(0.0, 1.0 - std::fabs(s - center) / reach);
      taps.weights.push_back(static_cast<float>(weight));
      sum += weight;
    }
    for (float& weight : taps.weights) weight = static_cast<float>(weight / sum);
    all.push_back(std::move(taps));
  }
  return all;
}

}  // namespace

std::vector<float> Resize(const Image& image, int width, int height) {
  const auto channels = static_cast<size_t>(image.channels);
  const size_t from_row = static_cast<size_t>(image.width) * channels;
  const size_t row = static_cast<size_t>(width) * channels;
  const std::vector<Taps> across = TapsFor(image.width, width);
  const std::vector<Taps> down = TapsFor(image.height, height);
  std::vector<float> narrow(static_cast<size_t>(image.height) * row);
  for (size_t y = 0; y < static_cast<size_t>(image.height); ++y) {
    for (size_t i = 0; i < row; ++i) {
      const Taps& taps = across[i / channels];
      float sum = 0;
      for (size_t t = 0; t < taps.weights.size(); ++t) {
        const size_t x = (static_cast<size_t>(taps.first) + t) * channels + i % channels;
        sum += taps.weights[t] * image.pixels[y * from_row + x];
      }
      narrow[y * row + i] = sum;
    }
  }
  std::vector<float> out(static_cast<size_t>(height) * row, 0.0f);
  for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
    for (size_t t = 0; t < down[y].weights.size(); ++t) {
      const float* line = narrow.data() + (static_cast<size_t>(down[y].first) + t) * row;
      for (size_t i = 0; i < row; ++i) out[y * row + i] += down[y].weights[t] * line[i];
    }
  }
  return out;
}

Image ToLuma(const Image& rgb) {
  Image luma{rgb.width, rgb.height, 1, {}};
  luma.pixels.reserve(rgb.pixels.size() / 3);
  for (size_t i = 0; i + 2 < rgb.pixels.size(); i += 3) {
    const int weighted = 299 * rgb.pixels[i] + 587 * rgb.pixels[i + 1] + 114 * rgb.pixels[i + 2];
    luma.pixels.push_back(static_cast<uint8_t>((weighted + 500) / 1000));
  }
  return luma;
}

}  // namespace heddle::cli
