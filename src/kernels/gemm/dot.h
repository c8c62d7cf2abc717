// SPDX-License-Identifier: Apache-2.0
// Sums of products in one fixed order, for products too small or too rare for packed weights.
#ifndef HEDDLE_KERNELS_GEMM_DOT_H_
#define HEDDLE_KERNELS_GEMM_DOT_H_

#include <cstdint>

namespace heddle::core {

// 16 lanes over ascending i, then a tree of halves.
inline float Dot(const float* a, const float* b, int64_t n) {
  constexpr int kLanes = 16;
  float lane[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int j = 0; j < kLanes; ++j) lane[j] += a[i + j] * b[i + j];
  for (int j = 0; i + j < n; ++j) lane[j] += a[i + j] * b[i + j];
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int j = 0; j < width; ++j) lane[j] += lane[j + width];
  return lane[0];
}

// The sum of w * (x - zero), modulo 2^32.
inline int32_t Dot(const int8_t* w, const int8_t* x, int32_t zero, int64_t n) {
  uint32_t sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<uint32_t>(w[i] * (x[i] - zero));
  return static_cast<int32_t>(sum);
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_DOT_H_
