// SPDX-License-Identifier: Apache-2.0
// AVX2 pieces that products and depthwise kernels share.
#ifndef HEDDLE_KERNELS_GEMM_VECTORS_AVX2_INL_H_
#define HEDDLE_KERNELS_GEMM_VECTORS_AVX2_INL_H_

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace heddle::core {
namespace {

// The first `count` of 8 lanes; all of them where count >= 8.
inline __m256i FirstLanes8(int64_t count) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count < 8 ? static_cast<int32_t>(count) : 8), lane);
}

inline void StoreFloats(float* out, __m256 v, int64_t count) {
  if (count >= 8) return _mm256_storeu_ps(out, v);
  _mm256_maskstore_ps(out, FirstLanes8(count), v);
}

// Up to 16 bytes, zeros after them.
inline __m128i LoadBytes(const std::byte* from, int64_t count) {
  if (count >= 16) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  alignas(16) std::byte bytes[16] = {};
  __builtin_memcpy(bytes, from, static_cast<size_t>(count));
  return _mm_load_si128(reinterpret_cast<const __m128i*>(bytes));
}
// The first min(count, N) bytes.
template <int N>
inline void StoreBytes(std::byte* out, __m128i v, int64_t count) {
  alignas(16) std::byte bytes[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(bytes), v);
  __builtin_memcpy(out, bytes, static_cast<size_t>(count < N ? count : N));
}

// RequantFloat of 8 sums, still one int32 each; lo and hi are the output bounds less zero, so that
// nothing saturates after the rounding.
inline __m256i Requant8(__m256i acc, __m256 scale, __m256 lo, __m256 hi, __m256i zero) {
  __m256 y = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), scale);
  y = _mm256_max_ps(_mm256_min_ps(y, hi), lo);
  return _mm256_add_epi32(_mm256_cvtps_epi32(y), zero);
}

// The low bytes of 8 + 8 int32 in [-128, 255], in order within each 128-bit lane: lo's four, hi's
// four, for both lanes.
inline __m128i LowBytes(__m256i lo, __m256i hi) {
  const __m256i words = _mm256_and_si256(_mm256_packs_epi32(lo, hi), _mm256_set1_epi16(0xFF));
  return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
}

}  // namespace
}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_GEMM_VECTORS_AVX2_INL_H_
