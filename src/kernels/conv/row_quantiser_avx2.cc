// SPDX-License-Identifier: Apache-2.0
// Rows of floats to int8 on AVX2; wider sets use it too, since memory is the limit.
#include <immintrin.h>

#include "kernels/conv/row_quantiser.h"

namespace heddle::core {
namespace {

constexpr int64_t kBlock = 32;

// The operands' order keeps the bound where a value is a NaN.
void Widen(const float* values, __m256& lo, __m256& hi) {
  const __m256 v = _mm256_loadu_ps(values);
  lo = _mm256_min_ps(v, lo);
  hi = _mm256_max_ps(v, hi);
}

void RangeAvx2(const float* values, int64_t n, float* lo, float* hi) {
  __m256 least[4], most[4];
  for (int i = 0; i < 4; ++i) least[i] = most[i] = _mm256_setzero_ps();
  int64_t at = 0;
  for (; at + kBlock <= n; at += kBlock)
    for (int i = 0; i < 4; ++i) Widen(values + at + 8 * i, least[i], most[i]);
  float rest[kBlock] = {};
  __builtin_memcpy(rest, values + at, static_cast<size_t>(n - at) * sizeof(float));
  for (int i = 0; i < 4; ++i) Widen(rest + 8 * i, least[i], most[i]);
  for (int i = 1; i < 4; ++i) {
    least[0] = _mm256_min_ps(least[i], least[0]);
    most[0] = _mm256_max_ps(most[i], most[0]);
  }
  float all[16];
  _mm256_storeu_ps(all, least[0]);
  _mm256_storeu_ps(all + 8, most[0]);
  *lo = *hi = 0;
  for (int i = 0; i < 8; ++i) {
    if (all[i] < *lo) *lo = all[i];
    if (all[8 + i] > *hi) *hi = all[8 + i];
  }
}

__m256i Whole(const float* values, __m256 inverse, __m256 zero) {
  __m256 v = _mm256_mul_ps(_mm256_loadu_ps(values), inverse);
  v = _mm256_min_ps(_mm256_set1_ps(32767.0f), v);  // keeps a NaN
  v = _mm256_add_ps(_mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), zero);
  v = _mm256_max_ps(v, _mm256_set1_ps(-128.0f));  // which ends here
  return _mm256_cvttps_epi32(_mm256_min_ps(v, _mm256_set1_ps(127.0f)));
}

__m256i Bytes(const float* values, __m256 inverse, __m256 zero) {
  const __m256i a =
      _mm256_packs_epi32(Whole(values, inverse, zero), Whole(values + 8, inverse, zero));
  const __m256i b =
      _mm256_packs_epi32(Whole(values + 16, inverse, zero), Whole(values + 24, inverse, zero));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(a, b), order);
}

void RoundEvenAvx2(const float* values, int64_t n, float inverse, float zero, int8_t* out) {
  const __m256 by = _mm256_set1_ps(inverse), plus = _mm256_set1_ps(zero);
  int64_t at = 0;
  for (; at + kBlock <= n; at += kBlock)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at), Bytes(values + at, by, plus));
  if (at == n) return;
  float rest[kBlock] = {};
  __builtin_memcpy(rest, values + at, static_cast<size_t>(n - at) * sizeof(float));
  alignas(32) int8_t bytes[kBlock];
  _mm256_store_si256(reinterpret_cast<__m256i*>(bytes), Bytes(rest, by, plus));
  __builtin_memcpy(out + at, bytes, static_cast<size_t>(n - at));
}

}  // namespace

extern const RowKernels kRowsAvx2;
const RowKernels kRowsAvx2 = {&RangeAvx2, &RoundEvenAvx2};

}  // namespace heddle::core
