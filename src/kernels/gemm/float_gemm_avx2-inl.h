// SPDX-License-Identifier: Apache-2.0
// Products of floats in registers of 8, for files compiled with AVX2 and FMA or more: what is
// theirs but for how many rows there are registers for.
#ifndef HEDDLE_KERNELS_GEMM_FLOAT_GEMM_AVX2_INL_H_
#define HEDDLE_KERNELS_GEMM_FLOAT_GEMM_AVX2_INL_H_

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/vectors_avx2-inl.h"

namespace heddle::core {
namespace {

template <bool kFused>
struct FloatEight {
  using Acc = __m256;
  using A = __m256;
  using W = __m256;
  static constexpr int kLanes = 8, kGroupBytes = 32;

  const GemmCall& call;
  explicit FloatEight(const GemmCall& c) : call(c) {}

  __m256 Bias(int64_t column) const {
    return _mm256_loadu_ps(static_cast<const float*>(call.init) + column);
  }
  Acc Init(int, int64_t column) const { return kFused ? Bias(column) : _mm256_setzero_ps(); }
  A Row(const std::byte* a) const {
    float x;
    __builtin_memcpy(&x, a, 4);
    return _mm256_set1_ps(x);
  }
  W Weights(const std::byte* w) const { return _mm256_loadu_ps(reinterpret_cast<const float*>(w)); }
  Acc Dot(Acc acc, A a, W w) const {
    if constexpr (kFused) return _mm256_fmadd_ps(a, w, acc);
    return _mm256_add_ps(acc, _mm256_mul_ps(a, w));
  }
  void Store(Acc acc, int row, int64_t column, int64_t count) const {
    if constexpr (!kFused) acc = _mm256_add_ps(acc, Bias(column));
    // The operand order keeps a NaN.
    acc = _mm256_min_ps(_mm256_set1_ps(call.hi), _mm256_max_ps(_mm256_set1_ps(call.lo), acc));
    StoreFloats(reinterpret_cast<float*>(call.out + row * call.out_stride) + column, acc, count);
  }
};

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_FLOAT_GEMM_AVX2_INL_H_
