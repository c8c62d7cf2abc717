// SPDX-License-Identifier: Apache-2.0
// The bodies of sums.h, included by one file for each instruction set: everything has internal
// linkage.
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "kernels/reduce/sums.h"

namespace heddle::core {
namespace {

// N columns at a time, whose sums stay in registers from row to row.
template <int N, class T>
int64_t AddColumns(const T* in, int64_t rows, int64_t stride, int64_t n, Sum<T>* sums) {
  int64_t c = 0;
  for (; c + N <= n; c += N) {
    Sum<T> sum[N];
    for (int j = 0; j < N; ++j) sum[j] = sums[c + j];
    const T* row = in + c;
    for (int64_t r = 0; r < rows; ++r, row += stride)
      for (int j = 0; j < N; ++j) sum[j] += static_cast<Sum<T>>(row[j]);
    for (int j = 0; j < N; ++j) sums[c + j] = sum[j];
  }
  return c;
}

template <class T>
void AddRows(const T* in, int64_t rows, int64_t stride, int64_t n, Sum<T>* sums) {
  int64_t c = AddColumns<64>(in, rows, stride, n, sums);
  c += AddColumns<16>(in + c, rows, stride, n - c, sums + c);
  for (int64_t r = 0; r < rows && c < n; ++r, in += stride)
    for (int64_t i = c; i < n; ++i) sums[i] += static_cast<Sum<T>>(in[i]);
}

template <class T>
void AddRun(const T* in, int64_t n, Sum<T>* sum) {
  Sum<T> s = *sum;
  for (int64_t i = 0; i < n; ++i) s += static_cast<Sum<T>>(in[i]);
  *sum = s;
}

template <class T>
void AddLanes(const T* in, int64_t n, float* lanes) {
  float lane[kSumLanes];
  for (int j = 0; j < kSumLanes; ++j) lane[j] = lanes[j];
  int64_t i = 0;
  for (; i + kSumLanes <= n; i += kSumLanes) {
    for (int j = 0; j < kSumLanes; ++j) lane[j] += static_cast<float>(in[i + j]);
  }
  for (int j = 0; i + j < n; ++j) lane[j] += static_cast<float>(in[i + j]);
  for (int j = 0; j < kSumLanes; ++j) lanes[j] = lane[j];
}

using Lanes = float __attribute__((vector_size(kSumLanes * sizeof(float))));

// The first `n` elements, zeros in the other lanes: a lane is never a negative zero, which one
// would change.
inline void LoadFirst(const float* in, int64_t n, Lanes& lanes) {
#if defined(__AVX512F__)
  const __m512 first = _mm512_maskz_loadu_ps(static_cast<__mmask16>((uint32_t{1} << n) - 1), in);
  __builtin_memcpy(&lanes, &first, sizeof(lanes));
#else
  lanes = Lanes{};
  for (int64_t j = 0; j < n; ++j) lanes[j] = in[j];
#endif
}

// The lanes of one run, as AddLanes adds them up.
inline void SumLanes(const float* in, int64_t n, Lanes& sum) {
  Lanes x;
  int64_t i = 0;
  sum = Lanes{};
  for (; i + kSumLanes <= n; i += kSumLanes) {
    __builtin_memcpy(&x, in + i, sizeof(x));
    sum += x;
  }
  if (i == n) return;
  LoadFirst(in + i, n - i, x);
  sum += x;
}

// The trees of 16 runs at once. Each step adds the upper half of what is left of a run to the lower
// one and puts two vectors into one; which run a lane is of ends with its bits in reverse.
inline void AddTrees(Lanes (&v)[kSumLanes], float* sums) {
  for (int r = 0; r < 8; ++r)
    v[r] = __builtin_shufflevector(v[r], v[r + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21,
                                   22, 23) +
           __builtin_shufflevector(v[r], v[r + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28,
                                   29, 30, 31);
  for (int r = 0; r < 4; ++r)
    v[r] = __builtin_shufflevector(v[r], v[r + 4], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25,
                                   26, 27) +
           __builtin_shufflevector(v[r], v[r + 4], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28,
                                   29, 30, 31);
  for (int r = 0; r < 2; ++r)
    v[r] = __builtin_shufflevector(v[r], v[r + 2], 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25,
                                   28, 29) +
           __builtin_shufflevector(v[r], v[r + 2], 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26,
                                   27, 30, 31);
  v[0] = __builtin_shufflevector(v[0], v[1], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28,
                                 30) +
         __builtin_shufflevector(v[0], v[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29,
                                 31);
  v[0] = __builtin_shufflevector(v[0], v[0], 0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15);
  __builtin_memcpy(sums, &v[0], sizeof(v[0]));
}

// Whole groups of 16 runs; how many runs they are.
template <class T>
int64_t AddRunTrees(const T*, int64_t, int64_t, float*) {
  return 0;
}
template <>
int64_t AddRunTrees(const float* in, int64_t runs, int64_t n, float* sums) {
  int64_t r = 0;
  for (; r + kSumLanes <= runs; r += kSumLanes) {
    Lanes v[kSumLanes];
    for (int k = 0; k < kSumLanes; ++k) SumLanes(in + (r + k) * n, n, v[k]);
    AddTrees(v, sums + r);
  }
  return r;
}

// The last sums of some runs are made together: those of one would wait for each other.
template <class T>
void AddRunLanes(const T* in, int64_t runs, int64_t n, float* sums) {
  constexpr int kRuns = 16;
  const int64_t done = AddRunTrees(in, runs, n, sums);
  in += done * n;
  sums += done;
  for (runs -= done; runs > 0; runs -= kRuns, sums += kRuns) {
    const int count = static_cast<int>(runs < kRuns ? runs : kRuns);
    float four[kRuns][4];
    for (int r = 0; r < count; ++r, in += n) {
      float lane[kSumLanes] = {};
      AddLanes(in, n, lane);
      for (int j = 0; j < 8; ++j) lane[j] += lane[j + 8];
      for (int j = 0; j < 4; ++j) four[r][j] = lane[j] + lane[j + 4];
    }
    for (int r = 0; r < count; ++r) sums[r] = (four[r][0] + four[r][2]) + (four[r][1] + four[r][3]);
  }
}

SumKernels MakeKernels() {
  SumKernels k;
  k.f32 = {&AddRows<float>, &AddRun<float>, &AddLanes<float>, &AddRunLanes<float>};
  k.f16 = {&AddRows<_Float16>, &AddRun<_Float16>, &AddLanes<_Float16>, &AddRunLanes<_Float16>};
  k.i8 = {&AddRows<int8_t>, &AddRun<int8_t>, nullptr, nullptr};
  k.u8 = {&AddRows<uint8_t>, &AddRun<uint8_t>, nullptr, nullptr};
  k.i16 = {&AddRows<int16_t>, &AddRun<int16_t>, nullptr, nullptr};
  k.i32 = {&AddRows<int32_t>, &AddRun<int32_t>, nullptr, nullptr};
  k.i64 = {&AddRows<int64_t>, &AddRun<int64_t>, nullptr, nullptr};
  return k;
}

}  // namespace
}  // namespace heddle::core
