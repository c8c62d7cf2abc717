// SPDX-License-Identifier: Apache-2.0
// The bodies of float_rows.h, included by one file for each instruction set: everything has
// internal linkage, and nothing of std:: is called, so that no code of one set can be linked into
// another.
#include "kernels/math_fused.h"
#include "kernels/softmax/float_rows.h"

namespace heddle::core {
namespace {

constexpr int kLanes = 16;
constexpr int kShortBlock = 64;  // short rows whose elements are computed together
constexpr int kLongBlock = 8;    // long rows that are, where they fit the nearest cache
constexpr int64_t kLongBlockElements = 4096;

inline float Larger(float a, float b) { return a < b ? b : a; }

template <int width>
float TreeSum(float* lane) {
  for (int half = width / 2; half > 0; half /= 2)
    for (int j = 0; j < half; ++j) lane[j] += lane[j + half];
  return lane[0];
}

// The largest of n >= lanes elements; the last `lanes` of them may be looked at twice.
template <int lanes>
float MaxInLanes(const float* x, int64_t n) {
  float lane[lanes];
  for (int j = 0; j < lanes; ++j) lane[j] = x[j];
  for (int64_t i = lanes; i + lanes <= n; i += lanes)
    for (int j = 0; j < lanes; ++j) lane[j] = Larger(lane[j], x[i + j]);
  for (int j = 0; j < lanes; ++j) lane[j] = Larger(lane[j], x[n - lanes + j]);
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int j = 0; j < half; ++j) lane[j] = Larger(lane[j], lane[j + half]);
  return lane[0];
}

// Any order will do: a row with a NaN becomes all NaN by its sum.
float RowMax(const float* x, int64_t n) {
  if (n >= 4 * kLanes) return MaxInLanes<4 * kLanes>(x, n);
  if (n >= kLanes) return MaxInLanes<kLanes>(x, n);
  float max = x[0];
  for (int64_t i = 1; i < n; ++i) max = Larger(max, x[i]);
  return max;
}

// y = exp((x - max) * beta); what the elements add up to.
float ExpSum(const float* x, float* y, int64_t n, float max, float beta) {
  float lane[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    float e[kLanes];
    for (int j = 0; j < kLanes; ++j) e[j] = FusedExpF((x[i + j] - max) * beta);
    for (int j = 0; j < kLanes; ++j) y[i + j] = e[j];
    for (int j = 0; j < kLanes; ++j) lane[j] += e[j];
  }
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    float e[kLanes] = {};
    for (int j = 0; j < rest; ++j) e[j] = (x[i + j] - max) * beta;
    for (int j = 0; j < kLanes; ++j) e[j] = j < rest ? FusedExpF(e[j]) : 0.0f;
    for (int j = 0; j < rest; ++j) y[i + j] = e[j];
    for (int j = 0; j < kLanes; ++j) lane[j] += e[j];  // a zero changes no sum
  }
  return TreeSum<kLanes>(lane);
}

// Several rows at a time, pass by pass: what ends a pass of one row then overlaps with the next.
void LongRows(const float* x, float* y, int64_t rows, int64_t n, float beta) {
  const int64_t fit = kLongBlockElements / n;
  const int block = fit > kLongBlock ? kLongBlock : fit > 1 ? static_cast<int>(fit) : 1;
  float value[kLongBlock];  // the largest element of each row, then its factor
  for (; rows > 0; rows -= block, x += block * n, y += block * n) {
    const int count = rows < block ? static_cast<int>(rows) : block;
    for (int r = 0; r < count; ++r) value[r] = RowMax(x + r * n, n);
    for (int r = 0; r < count; ++r) value[r] = ExpSum(x + r * n, y + r * n, n, value[r], beta);
    for (int r = 0; r < count; ++r) value[r] = 1.0f / value[r];
    for (int r = 0; r < count; ++r)
      for (int64_t i = r * n; i < (r + 1) * n; ++i) y[i] *= value[r];
  }
}

// Rows of n elements, n at most 8: the exponentials of many rows at once.
template <int n>
void ShortBlock(const float* x, float* y, int rows, float beta) {
  constexpr int kWidth = n <= 2 ? n : n <= 4 ? 4 : 8;
  float e[kShortBlock * n], scale[kShortBlock];
  for (int r = 0; r < rows; ++r) {
    const float* row = x + r * n;
    float max = row[0];
    for (int j = 1; j < n; ++j) max = Larger(max, row[j]);
    for (int j = 0; j < n; ++j) e[r * n + j] = (row[j] - max) * beta;
  }
  for (int i = 0; i < rows * n; ++i) e[i] = FusedExpF(e[i]);
  for (int r = 0; r < rows; ++r) {
    float lane[kWidth] = {};
    for (int j = 0; j < n; ++j) lane[j] = e[r * n + j];
    scale[r] = TreeSum<kWidth>(lane);
  }
  for (int r = 0; r < rows; ++r) scale[r] = 1.0f / scale[r];
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < n; ++j) y[r * n + j] = e[r * n + j] * scale[r];
}

template <int n>
void ShortRows(const float* x, float* y, int64_t rows, float beta) {
  for (; rows > 0; rows -= kShortBlock, x += kShortBlock * n, y += kShortBlock * n)
    ShortBlock<n>(x, y, static_cast<int>(rows < kShortBlock ? rows : kShortBlock), beta);
}

void SoftmaxRows(const float* x, float* y, int64_t rows, int64_t depth, float beta) {
  switch (depth) {
    case 1:
      return ShortRows<1>(x, y, rows, beta);
    case 2:
      return ShortRows<2>(x, y, rows, beta);
    case 3:
      return ShortRows<3>(x, y, rows, beta);
    case 4:
      return ShortRows<4>(x, y, rows, beta);
    case 5:
      return ShortRows<5>(x, y, rows, beta);
    case 6:
      return ShortRows<6>(x, y, rows, beta);
    case 7:
      return ShortRows<7>(x, y, rows, beta);
    case 8:
      return ShortRows<8>(x, y, rows, beta);
    default:
      return LongRows(x, y, rows, depth, beta);
  }
}

}  // namespace
}  // namespace heddle::core
