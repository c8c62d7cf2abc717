// SPDX-License-Identifier: Apache-2.0
// What integer products on AVX2 share, whatever multiplies: the start, and what goes out.
#ifndef HEDDLE_KERNELS_GEMM_INT_GEMM_AVX2_INL_H_
#define HEDDLE_KERNELS_GEMM_INT_GEMM_AVX2_INL_H_

#include "kernels/gemm/gemm.h"
#include "kernels/gemm/vectors_avx2-inl.h"

namespace heddle::core {
namespace {

template <GemmForm kForm>
struct IntAvx2 {
  using Acc = __m256i;
  using A = __m256i;
  using W = __m256i;
  static constexpr int kLanes = 8, kMaxRows = 6, kWideRows = 3;

  const GemmCall& call;
  explicit IntAvx2(const GemmCall& c) : call(c) {}

  Acc Init(int row, int64_t column) const {
    const auto* init = static_cast<const int32_t*>(call.init) + column;
    const __m256i sums = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(init));
    if constexpr (kForm == GemmForm::kIntScaled)
      return _mm256_mullo_epi32(sums, _mm256_set1_epi32(call.row_init[row]));
    if (!call.row_init) return sums;
    return _mm256_add_epi32(sums, _mm256_set1_epi32(call.row_init[row]));
  }
  void Store(Acc acc, int row, int64_t column, int64_t count) const {
    std::byte* out = call.out + row * call.out_stride;
    if constexpr (kForm == GemmForm::kIntRequant) {
      const __m256i q = Requant8(acc, _mm256_loadu_ps(call.scale + column), _mm256_set1_ps(call.lo),
                                 _mm256_set1_ps(call.hi), _mm256_set1_epi32(call.zero));
      const __m128i bytes = LowBytes(q, q);  // lanes 0-3 twice, then 4-7 twice
      const __m128i first = _mm_shuffle_epi32(bytes, _MM_SHUFFLE(3, 1, 2, 0));
      if (count >= 8) return _mm_storel_epi64(reinterpret_cast<__m128i*>(out + column), first);
      StoreBytes<8>(out + column, first, count);
    } else if constexpr (kForm == GemmForm::kIntScaled) {
      const __m256 x = _mm256_cvtepi32_ps(acc), row_scale = _mm256_set1_ps(call.row_scale[row]);
      const __m256 scale = _mm256_loadu_ps(call.scale + column);
      const __m256 bias = _mm256_loadu_ps(call.bias + column);
      __m256 y = call.fused
                     ? _mm256_fmadd_ps(_mm256_mul_ps(x, row_scale), scale, bias)
                     : _mm256_add_ps(_mm256_mul_ps(x, _mm256_mul_ps(row_scale, scale)), bias);
      y = _mm256_min_ps(_mm256_set1_ps(call.hi), _mm256_max_ps(_mm256_set1_ps(call.lo), y));
      StoreFloats(reinterpret_cast<float*>(out) + column, y, count);
    } else {
      int* sums = reinterpret_cast<int*>(out) + column;
      _mm256_maskstore_epi32(sums, FirstLanes8(count), acc);
    }
  }
};

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_INT_GEMM_AVX2_INL_H_
