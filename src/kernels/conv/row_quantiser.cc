// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/row_quantiser.h"

#include <algorithm>
#include <cmath>

#include "kernels/quant.h"

namespace heddle::core {
namespace {

struct Range {
  float lo = 0, hi = 0;  // 0 lies inside
};
Range RangeWithZero(const float* values, int64_t n) {
  Range r;
  for (int64_t i = 0; i < n; ++i) {
    r.lo = std::min(r.lo, values[i]);
    r.hi = std::max(r.hi, values[i]);
  }
  return r;
}

// `v` and `zero` are whole numbers.
int8_t ToInt8(float v, float zero, float lo) {
  v += zero;
  return static_cast<int8_t>(v >= lo ? std::min(v, 127.0f) : lo);
}

QuantisedRow Symmetric(const float* values, int64_t n, int8_t* out) {
  const Range range = RangeWithZero(values, n);
  const float top = std::max(-range.lo, range.hi);
  if (top == 0) {
    std::fill_n(out, n, int8_t{0});
    return {};
  }
  const float inverse = 127.0f / top;
  for (int64_t i = 0; i < n; ++i) out[i] = ToInt8(std::round(values[i] * inverse), 0, -127);
  return {top / 127.0f, 0};
}

QuantisedRow Asymmetric(const float* values, int64_t n, int8_t* out) {
  const Range range = RangeWithZero(values, n);
  if (range.lo == range.hi) {
    std::fill_n(out, n, int8_t{0});
    return {};
  }
  const double wide = static_cast<double>(range.hi - range.lo) / 255.0;
  const double from_lo = -128 - range.lo / wide, from_hi = 127 - range.hi / wide;
  const bool lo_is_nearer = 128 + std::fabs(range.lo / wide) < 127 + std::fabs(range.hi / wide);
  const double zero = std::round(std::clamp(lo_is_nearer ? from_lo : from_hi, -128.0, 127.0));
  const auto scale = static_cast<float>(wide);
  const float inverse = 1.0f / scale;
  const auto whole = static_cast<float>(zero);
  for (int64_t i = 0; i < n; ++i) out[i] = ToInt8(std::round(values[i] * inverse), whole, -128);
  return {scale, static_cast<int32_t>(RoundHalfAway(zero))};
}

QuantisedRow Xnn(const float* values, int64_t n, int8_t* out) {
  const Range range = RangeWithZero(values, n);
  const float inverse = range.lo == range.hi ? 1.0f : 255.0f / (range.hi - range.lo);
  const float lo = range.lo * inverse, hi = range.hi * inverse;
  const float zero = (-128.0f + lo) + (127.0f + hi) > 0 ? -128.0f - lo : 127.0f - hi;
  const float whole = RoundEven(std::clamp(zero, -128.0f, 127.0f));
  for (int64_t i = 0; i < n; ++i) {
    const float scaled = std::min(values[i] * inverse, 32767.0f);
    out[i] = ToInt8(RoundEven(scaled), whole, -128);
  }
  return {1.0f / inverse, static_cast<int32_t>(RoundHalfAway(whole))};
}

}  // namespace

QuantisedRow QuantiseRow(RowScheme scheme, const float* values, int64_t n, int8_t* out) {
  switch (scheme) {
    case RowScheme::kSymmetric:
      return Symmetric(values, n, out);
    case RowScheme::kAsymmetric:
      return Asymmetric(values, n, out);
    case RowScheme::kXnn:
      return Xnn(values, n, out);
  }
  return {};
}

}  // namespace heddle::core
