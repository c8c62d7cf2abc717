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

// From values to whole numbers in lo..127.
struct Rounding {
  __m256 inverse, zero, lo;
  bool even;

  __m256i Whole(const float* values) const {
    __m256 v = _mm256_mul_ps(_mm256_loadu_ps(values), inverse);
    v = _mm256_add_ps(even ? ToEven(v) : AwayFromZero(v), zero);
    v = _mm256_max_ps(v, lo);  // here a NaN ends
    return _mm256_cvttps_epi32(_mm256_min_ps(v, _mm256_set1_ps(127.0f)));
  }
  static __m256 ToEven(__m256 v) {
    v = _mm256_min_ps(_mm256_set1_ps(32767.0f), v);  // keeps a NaN
    return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static __m256 AwayFromZero(__m256 v) {
    const __m256 sign = _mm256_set1_ps(-0.0f);
    const __m256 whole = _mm256_round_ps(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    const __m256 rest = _mm256_andnot_ps(sign, _mm256_sub_ps(v, whole));
    const __m256 away = _mm256_cmp_ps(rest, _mm256_set1_ps(0.5f), _CMP_GE_OQ);
    const __m256 one = _mm256_or_ps(_mm256_set1_ps(1.0f), _mm256_and_ps(sign, v));
    return _mm256_add_ps(whole, _mm256_and_ps(away, one));
  }
  __m256i Bytes(const float* values) const {
    const __m256i a = _mm256_packs_epi32(Whole(values), Whole(values + 8));
    const __m256i b = _mm256_packs_epi32(Whole(values + 16), Whole(values + 24));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    return _mm256_permutevar8x32_epi32(_mm256_packs_epi16(a, b), order);
  }
};

void Round(const Rounding& r, const float* values, int64_t n, int8_t* out) {
  int64_t at = 0;
  for (; at + kBlock <= n; at += kBlock)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at), r.Bytes(values + at));
  if (at == n) return;
  float rest[kBlock] = {};
  __builtin_memcpy(rest, values + at, static_cast<size_t>(n - at) * sizeof(float));
  alignas(32) int8_t bytes[kBlock];
  _mm256_store_si256(reinterpret_cast<__m256i*>(bytes), r.Bytes(rest));
  __builtin_memcpy(out + at, bytes, static_cast<size_t>(n - at));
}

void RoundEvenAvx2(const float* values, int64_t n, float inverse, float zero, int8_t* out) {
  const Rounding r{_mm256_set1_ps(inverse), _mm256_set1_ps(zero), _mm256_set1_ps(-128.0f), true};
  Round(r, values, n, out);
}

void RoundAwayAvx2(const float* values, int64_t n, float inverse, float zero, float lo,
                   int8_t* out) {
  const Rounding r{_mm256_set1_ps(inverse), _mm256_set1_ps(zero), _mm256_set1_ps(lo), false};
  Round(r, values, n, out);
}

}  // namespace

extern const RowKernels kRowsAvx2;
const RowKernels kRowsAvx2 = {&RangeAvx2, &RoundEvenAvx2, &RoundAwayAvx2};

}  // namespace heddle::core
