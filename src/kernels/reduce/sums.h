// SPDX-License-Identifier: Apache-2.0
// The inner loops of reductions, compiled once for each instruction set. Each promises its order of
// additions.
#ifndef HEDDLE_KERNELS_REDUCE_SUMS_H_
#define HEDDLE_KERNELS_REDUCE_SUMS_H_

#include <cstdint>

#include "base/isa.h"

namespace heddle::core {

constexpr int kSumLanes = 16;

// What the elements of a type are added up in; 64 bits without a sign wrap.
template <class T>
struct SumOf {
  using type = int64_t;
};
template <>
struct SumOf<float> {
  using type = float;
};
template <>
struct SumOf<_Float16> {
  using type = float;
};
template <>
struct SumOf<int8_t> {
  using type = int32_t;
};
template <>
struct SumOf<uint8_t> {
  using type = int32_t;
};
template <>
struct SumOf<int64_t> {
  using type = uint64_t;
};
template <class T>
using Sum = typename SumOf<T>::type;

template <class T>
struct SumFns {
  // sums[c] += in[r * stride + c] for rows r in ascending order. REQUIRES: n <= kReduceBlock.
  void (*rows)(const T* in, int64_t rows, int64_t stride, int64_t n, Sum<T>* sums);
  // *sum += in[i] for ascending i.
  void (*run)(const T* in, int64_t n, Sum<T>* sum);
  // lanes[i % kSumLanes] += in[i] for ascending i; float types only.
  void (*lanes)(const T* in, int64_t n, float* lanes);
  // Of runs one behind the other: sums[r] is that of the lanes of in[r * n + i], lane j + 8 added
  // to lane j, then j + 4, j + 2, j + 1; float types only.
  void (*run_lanes)(const T* in, int64_t runs, int64_t n, float* sums);
};

struct SumKernels {
  SumFns<float> f32;
  SumFns<_Float16> f16;
  SumFns<int8_t> i8;
  SumFns<uint8_t> u8;
  SumFns<int16_t> i16;
  SumFns<int32_t> i32;
  SumFns<int64_t> i64;
};

SumKernels PlainSumKernels();
SumKernels Avx2SumKernels();
SumKernels Avx512SumKernels();

inline SumKernels SumKernelsFor(Isa isa) {
#if defined(__x86_64__)
  if (VectorsOf(isa) == Isa::kAvx512) return Avx512SumKernels();
  if (VectorsOf(isa) == Isa::kAvx2) return Avx2SumKernels();
#endif
  static_cast<void>(isa);
  return PlainSumKernels();
}

}  // namespace heddle::core

#endif  // HEDDLE_KERNELS_REDUCE_SUMS_H_
