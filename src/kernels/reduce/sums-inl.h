// SPDX-License-Identifier: Apache-2.0
// The bodies of sums.h, included by one file for each instruction set: everything has internal
// linkage.
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

// The last sums of some runs are made together: those of one would wait for each other.
template <class T>
void AddRunLanes(const T* in, int64_t runs, int64_t n, float* sums) {
  constexpr int kRuns = 16;
  for (; runs > 0; runs -= kRuns, sums += kRuns) {
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
