// SPDX-License-Identifier: Apache-2.0
// The packed products in portable code: the same chains as the vector kernels.
#include <cmath>
#include <cstring>

#include "kernels/matmul/plan.h"

namespace heddle::core {
namespace {

constexpr int kLanes = 16;

template <bool kFused>
void FloatProduct(const GemmCall& call) {
  const auto* init = static_cast<const float*>(call.init);
  for (int64_t column = 0; column < call.columns; column += kLanes) {
    const auto* panel =
        reinterpret_cast<const float*>(call.weights + column / kLanes * call.panel_bytes);
    for (int32_t r = 0; r < call.rows; ++r) {
      const auto* a = reinterpret_cast<const float*>(call.a[r]);
      float acc[kLanes];
      for (int l = 0; l < kLanes; ++l) acc[l] = kFused ? init[column + l] : 0.0f;
      for (int64_t g = 0; g < call.groups; ++g) {
        const float* w = panel + g * kLanes;
        for (int l = 0; l < kLanes; ++l) {
          acc[l] = kFused ? std::fma(a[g], w[l], acc[l]) : acc[l] + a[g] * w[l];
        }
      }
      auto* out = reinterpret_cast<float*>(call.out + r * call.out_stride);
      const int64_t n = std::min<int64_t>(kLanes, call.columns - column);
      for (int64_t l = 0; l < n; ++l) {
        const float sum = kFused ? acc[l] : acc[l] + init[column + l];
        out[column + l] = std::min(std::max(sum, call.lo), call.hi);
      }
    }
  }
}

// Rows of unsigned bytes (In) by int8, four to a group, or of int16, one to a group of two bytes.
template <class In, class Weight, class Sum, int kGroup>
void IntProduct(const GemmCall& call) {
  for (int64_t column = 0; column < call.columns; column += kLanes) {
    const auto* panel =
        reinterpret_cast<const Weight*>(call.weights + column / kLanes * call.panel_bytes);
    for (int32_t r = 0; r < call.rows; ++r) {
      const auto* a = reinterpret_cast<const In*>(call.a[r]);
      Sum acc[kLanes] = {};
      for (int64_t g = 0; g < call.groups; ++g) {
        const Weight* w = panel + g * kLanes * kGroup;
        for (int l = 0; l < kLanes; ++l)
          for (int i = 0; i < kGroup; ++i)
            acc[l] += static_cast<Sum>(int32_t{a[g * kGroup + i]} * w[l * kGroup + i]);
      }
      const int64_t n = std::min<int64_t>(kLanes, call.columns - column);
      std::memcpy(call.out + r * call.out_stride + column * sizeof(Sum), acc, n * sizeof(Sum));
    }
  }
}

constexpr auto kBytes = &IntProduct<uint8_t, int8_t, uint32_t, 4>;
constexpr auto kShorts = &IntProduct<int16_t, int16_t, uint64_t, 1>;

}  // namespace

extern const GemmKernels kPlainFloatGemm = {
    "plain", kLanes, 1, 4, 1.0f, &FloatProduct<true>, &FloatProduct<false>};
extern const GemmKernels kPlainIntGemm = {"plain", kLanes, 4, 4, 1.0f, kBytes, kBytes};
extern const GemmKernels kPlainInt16Gemm = {"plain", kLanes, 1, 4, 1.0f, kShorts, kShorts};

}  // namespace heddle::core
