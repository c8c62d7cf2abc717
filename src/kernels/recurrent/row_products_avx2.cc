// SPDX-License-Identifier: Apache-2.0
// Products of a row with eight rows of weights at a time; wider sets use them too, since memory is
// the limit.
#include <immintrin.h>

#include "kernels/recurrent/row_products.h"

namespace heddle::core {
namespace {

constexpr int kRows = 8;

// The rows of a block; past the last one, the last again.
template <class T>
struct Block {
  const T* row[kRows];
  int count;
  Block(const T* weights, int32_t first, int32_t rows, int64_t n)
      : count(rows - first < kRows ? static_cast<int>(rows - first) : kRows) {
    for (int r = 0; r < kRows; ++r)
      row[r] = weights + static_cast<int64_t>(first + (r < count ? r : count - 1)) * n;
  }
};

void AddTo(float* acc, __m256 sums, int count) {
  if (count == kRows) return _mm256_storeu_ps(acc, _mm256_add_ps(_mm256_loadu_ps(acc), sums));
  alignas(32) float all[kRows];
  _mm256_store_ps(all, sums);
  for (int r = 0; r < count; ++r) acc[r] += all[r];
}

// Lanes 0 to 7 and 8 to 15 of Dot.
struct Lanes {
  __m256 low, high;
  void Add(const float* w, __m256 x_low, __m256 x_high) {
    low = _mm256_add_ps(low, _mm256_mul_ps(_mm256_loadu_ps(w), x_low));
    high = _mm256_add_ps(high, _mm256_mul_ps(_mm256_loadu_ps(w + 8), x_high));
  }
  // Lanes that are left out add a zero, which changes no sum.
  void AddFirst(const float* w, __m256 x_low, __m256 x_high, __m256i m_low, __m256i m_high) {
    low = _mm256_add_ps(low, _mm256_mul_ps(_mm256_maskload_ps(w, m_low), x_low));
    high = _mm256_add_ps(high, _mm256_mul_ps(_mm256_maskload_ps(w + 8, m_high), x_high));
  }
};

// Rows [first, first + 4) of a block, after the tree's first step.
void FourRows(const Block<float>& block, int first, int64_t n, const float* x, __m256* to) {
  Lanes lanes[4];
  for (Lanes& l : lanes) l.low = l.high = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256 x_low = _mm256_loadu_ps(x + i), x_high = _mm256_loadu_ps(x + i + 8);
    for (int r = 0; r < 4; ++r) lanes[r].Add(block.row[first + r] + i, x_low, x_high);
  }
  if (i < n) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const int rest = static_cast<int>(n - i);
    const __m256i m_low = _mm256_cmpgt_epi32(_mm256_set1_epi32(rest), lane);
    const __m256i m_high = _mm256_cmpgt_epi32(_mm256_set1_epi32(rest - 8), lane);
    const __m256 x_low = _mm256_maskload_ps(x + i, m_low);
    const __m256 x_high = _mm256_maskload_ps(x + i + 8, m_high);
    for (int r = 0; r < 4; ++r)
      lanes[r].AddFirst(block.row[first + r] + i, x_low, x_high, m_low, m_high);
  }
  for (int r = 0; r < 4; ++r) to[r] = _mm256_add_ps(lanes[r].low, lanes[r].high);
}

// The trees of eight rows, each lane j with lane j + half of what is left.
__m256 Trees(const __m256* v) {
  __m256 four[4];  // row r below, row r + 4 above
  for (int r = 0; r < 4; ++r)
    four[r] = _mm256_add_ps(_mm256_permute2f128_ps(v[r], v[r + 4], 0x20),
                            _mm256_permute2f128_ps(v[r], v[r + 4], 0x31));
  __m256 two[2];
  for (int r = 0; r < 2; ++r)
    two[r] = _mm256_add_ps(_mm256_shuffle_ps(four[2 * r], four[2 * r + 1], 0x44),
                           _mm256_shuffle_ps(four[2 * r], four[2 * r + 1], 0xee));
  return _mm256_add_ps(_mm256_shuffle_ps(two[0], two[1], 0x88),
                       _mm256_shuffle_ps(two[0], two[1], 0xdd));
}

void Floats(const float* weights, int32_t rows, int64_t n, const float* x, float* acc) {
  for (int32_t i = 0; i < rows; i += kRows) {
    const Block<float> block(weights, i, rows, n);
    __m256 v[kRows];
    FourRows(block, 0, n, x, v);
    FourRows(block, 4, n, x, v + 4);
    AddTo(acc + i, Trees(v), block.count);
  }
}

// The next 16 values of x as 16-bit numbers, less zero.
__m256i Words(const int8_t* x, __m256i zero) {
  return _mm256_sub_epi16(
      _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x))), zero);
}

void AddBytes(const Block<int8_t>& block, int64_t i, int64_t n, const int8_t* x, __m256i zero,
              __m256i* sums) {
  if (i + 16 <= n) {
    const __m256i v = Words(x + i, zero);
    for (int r = 0; r < kRows; ++r)
      sums[r] = _mm256_add_epi32(
          sums[r], _mm256_madd_epi16(Words(block.row[r] + i, _mm256_setzero_si256()), v));
    return;
  }
  // Weights of zero make what stands beside them nothing.
  const auto rest = static_cast<size_t>(n - i);
  alignas(16) int8_t last[16] = {};
  __builtin_memcpy(last, x + i, rest);
  const __m256i v = Words(last, zero);
  for (int r = 0; r < kRows; ++r) {
    alignas(16) int8_t w[16] = {};
    __builtin_memcpy(w, block.row[r] + i, rest);
    sums[r] = _mm256_add_epi32(sums[r], _mm256_madd_epi16(Words(w, _mm256_setzero_si256()), v));
  }
}

// Dot of each row of a block.
__m256i Dots(const Block<int8_t>& block, int64_t n, const int8_t* x, __m256i zero) {
  __m256i s[kRows];
  for (__m256i& sum : s) sum = _mm256_setzero_si256();
  for (int64_t k = 0; k < n; k += 16) AddBytes(block, k, n, x, zero, s);
  const __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(s[0], s[1]), _mm256_hadd_epi32(s[2], s[3]));
  const __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(s[4], s[5]), _mm256_hadd_epi32(s[6], s[7]));
  return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                          _mm256_permute2x128_si256(a, b, 0x31));
}

void Bytes(const int8_t* weights, int32_t rows, int64_t n, const int8_t* x, int32_t zero,
           float scale, float* acc) {
  const __m256i zeros = _mm256_set1_epi16(static_cast<int16_t>(zero));
  for (int32_t i = 0; i < rows; i += kRows) {
    const Block<int8_t> block(weights, i, rows, n);
    const __m256 dots = _mm256_cvtepi32_ps(Dots(block, n, x, zeros));
    AddTo(acc + i, _mm256_mul_ps(dots, _mm256_set1_ps(scale)), block.count);
  }
}

void Sums(const int8_t* weights, int32_t rows, int64_t n, const int8_t* x, int32_t zero,
          int32_t* out) {
  const __m256i zeros = _mm256_set1_epi16(static_cast<int16_t>(zero));
  for (int32_t i = 0; i < rows; i += kRows) {
    const Block<int8_t> block(weights, i, rows, n);
    alignas(32) int32_t dots[kRows];
    _mm256_store_si256(reinterpret_cast<__m256i*>(dots), Dots(block, n, x, zeros));
    __builtin_memcpy(out + i, dots, static_cast<size_t>(block.count) * sizeof(int32_t));
  }
}

}  // namespace

extern const RowProducts kRowProductsAvx2;
const RowProducts kRowProductsAvx2 = {&Floats, &Bytes, &Sums};

}  // namespace heddle::core
