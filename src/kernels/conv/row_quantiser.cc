// SPDX-License-Identifier: Apache-2.0
#include "kernels/conv/row_quantiser.h"

#include <algorithm>
#include <cmath>

#include "kernels/quant.h"

namespace heddle::core {
namespace {

struct Range {
  float lo = 0, hi = 0;
};

void RangeWithZero(const float* values, int64_t n, float* lo, float* hi) {
  Range r;
  for (int64_t i = 0; i < n; ++i) {
    r.lo = std::min(r.lo, values[i]);
    r.hi = std::max(r.hi, values[i]);
  }
  *lo = r.lo, *hi = r.hi;
}

// `v` and `zero` are whole numbers.
int8_t ToInt8(float v, float zero, float lo) {
  v += zero;
  return static_cast<int8_t>(v >= lo ? std::min(v, 127.0f) : lo);
}

void RoundEvenRow(const float* values, int64_t n, float inverse, float zero, int8_t* out) {
  for (int64_t i = 0; i < n; ++i)
    out[i] = ToInt8(RoundEven(std::min(values[i] * inverse, 32767.0f)), zero, -128);
}

void RoundAwayRow(const float* values, int64_t n, float inverse, float zero, float lo,
                  int8_t* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = ToInt8(std::round(values[i] * inverse), zero, lo);
}

constexpr RowKernels kPlainRows = {&RangeWithZero, &RoundEvenRow, &RoundAwayRow};

QuantisedRow Symmetric(Range range, const float* values, int64_t n, int8_t* out,
                       const RowKernels& kernels) {
  const float top = std::max(-range.lo, range.hi);
  if (top == 0) {
    std::fill_n(out, n, int8_t{0});
    return {};
  }
  const float inverse = 127.0f / top;
  kernels.round_away(values, n, inverse, 0, -127, out);
  return {top / 127.0f, 0};
}

QuantisedRow Asymmetric(Range range, const float* values, int64_t n, int8_t* out,
                        const RowKernels& kernels) {
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
  kernels.round_away(values, n, inverse, whole, -128, out);
  return {scale, static_cast<int32_t>(RoundHalfAway(zero))};
}

QuantisedRow Xnn(Range range, const float* values, int64_t n, int8_t* out,
                 const RowKernels& kernels) {
  const float inverse = range.lo == range.hi ? 1.0f : 255.0f / (range.hi - range.lo);
  const float lo = range.lo * inverse, hi = range.hi * inverse;
  const float zero = (-128.0f + lo) + (127.0f + hi) > 0 ? -128.0f - lo : 127.0f - hi;
  const float whole = RoundEven(std::clamp(zero, -128.0f, 127.0f));
  kernels.round_even(values, n, inverse, whole, out);
  return {1.0f / inverse, static_cast<int32_t>(RoundHalfAway(whole))};
}

}  // namespace

#if defined(__x86_64__)
extern const RowKernels kRowsAvx2;
const RowKernels& RowKernelsOf(Isa isa) { return isa == Isa::kPlain ? kPlainRows : kRowsAvx2; }
#else
const RowKernels& RowKernelsOf(Isa) { return kPlainRows; }
#endif

QuantisedRow QuantiseRow(RowScheme scheme, const float* values, int64_t n, int8_t* out,
                         const RowKernels& kernels) {
  Range range;
  kernels.range(values, n, &range.lo, &range.hi);
  switch (scheme) {
    case RowScheme::kSymmetric:
      return Symmetric(range, values, n, out, kernels);
    case RowScheme::kAsymmetric:
      return Asymmetric(range, values, n, out, kernels);
    case RowScheme::kXnn:
      return Xnn(range, values, n, out, kernels);
  }
  return {};
}

}  // namespace heddle::core
